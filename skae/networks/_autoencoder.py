"""The module that every estimator trains."""

from typing import Literal

import torch
from torch import Tensor, nn

from ._calls import call
from ._column_input import WithColumnInput
from ._dense_stack import DenseStack, dense_stack_of
from ._latents import Latent, PlainLatent
from ._layers import leaves_of

Half = Literal["encoder", "decoder"]


class Autoencoder(nn.Module):
    """An encoder, a latent that turns its outputs into codes, and a decoder.

    Training runs ``decoder(latent(encoder(x)))``. Afterwards `code_mean` and `code_scale` may
    be set so that :meth:`encode` gives codes of zero mean and unit variance; :meth:`decode`
    undoes it, so reconstructions do not change. A `latent` of None is a `PlainLatent`.
    """

    code_mean: Tensor
    code_scale: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        n_components: int,
        latent: Latent | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.latent = PlainLatent() if latent is None else latent
        self.decoder = decoder
        self.register_buffer("code_mean", torch.zeros(n_components))
        self.register_buffer("code_scale", torch.ones(n_components))

    def forward(self, x: Tensor) -> Tensor:
        """Return the raw reconstruction of `x`, before any link function."""
        return self.decoder(self.latent(self.encoder(x)))

    def encode(self, x: Tensor) -> Tensor:
        """Return the scaled codes of `x`."""
        return (call(self.latent, call(self.encoder, x)) - self.code_mean) / self.code_scale

    def decode(self, codes: Tensor) -> Tensor:
        """Return the raw reconstruction of scaled codes."""
        return call(self.decoder, codes * self.code_scale + self.code_mean)

    @property
    def encoder_parts(self) -> tuple[nn.Module, nn.Module]:
        """The layer that makes inputs of the columns of a table, and the encoder after it."""
        if isinstance(self.encoder, WithColumnInput):
            return self.encoder.columns, self.encoder.encoder
        return nn.Identity(), self.encoder

    @property
    def half(self) -> Half | None:  # type: ignore[override]  # hides torch's cast to float16
        """The half that was kept, or None for a whole autoencoder."""
        if isinstance(self.encoder, _Dropped):
            return "decoder"
        return "encoder" if isinstance(self.decoder, _Dropped) else None

    def keep(self, half: Half) -> None:
        """Drop the other half."""
        if half == "encoder":
            self.decoder = _Dropped("decoder")
        else:
            self.encoder = _Dropped("encoder")

    @property
    def dictionary(self) -> Tensor | None:
        """Weight of the decoder's first layer; column j is the direction that code j adds.

        None if that layer is not linear in the codes alone.
        """
        first = leaves_of(self.decoder)[0]
        if isinstance(first, nn.Linear) and first.in_features == len(self.code_mean):
            return first.weight
        return None

    @property
    def code_bias(self) -> Tensor | None:
        """Bias of the encoder's last layer; None if that layer has no bias for each code."""
        bias = getattr(leaves_of(self.encoder)[-1], "bias", None)
        fits = isinstance(bias, Tensor) and bias.shape == self.code_mean.shape
        return bias if fits else None

    @property
    def dense_encoder(self) -> DenseStack | None:
        """The encoder's parts if it is a dense network, else None.

        With :attr:`dense_decoder` and :attr:`has_plain_latent` it describes `forward` for code
        that computes the same without calling it. It is None in a subclass, which may compute
        otherwise. Hooks are not considered.
        """
        return dense_stack_of(self.encoder) if type(self) is Autoencoder else None

    @property
    def dense_decoder(self) -> DenseStack | None:
        """The decoder's parts if it is a dense network, else None; see :attr:`dense_encoder`."""
        return dense_stack_of(self.decoder) if type(self) is Autoencoder else None

    @property
    def has_plain_latent(self) -> bool:
        """Whether the encoder's outputs are the codes."""
        return type(self.latent) is PlainLatent


class _Dropped(nn.Module):
    """Placeholder for a half that was not kept."""

    def __init__(self, name: Half) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError(f"This is half of an autoencoder: its {self.name} was not kept.")
