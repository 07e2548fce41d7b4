"""The module that every estimator trains."""

import torch
from torch import nn

from ._latents import PlainLatent


class _Absent(nn.Module):
    """What stands in the place of a half that was not kept."""

    def __init__(self, half):
        super().__init__()
        self.half = half

    def forward(self, x):
        """Refuse to."""
        raise ValueError(f"This is half of an autoencoder: its {self.half} was not kept.")


class Autoencoder(nn.Module):
    """An encoder, a latent and a decoder, with the scale in which codes leave.

    Training runs ``decoder(latent(encoder(x)))``. Afterwards `code_mean` and `code_scale` may
    be set so that :meth:`encode` gives codes of zero mean and unit variance; :meth:`decode`
    undoes it, so reconstructions do not change.

    Parameters
    ----------
    encoder, decoder : torch.nn.Module
        See :class:`Network`.
    n_components : int
        Width of the code.
    latent : torch.nn.Module or None, default=None
        What makes codes of the encoder's outputs. None is `PlainLatent`.
    """

    # What a training engine that does not call `forward` may take this class to compute.
    fused_as = "autoencoder"

    def __init__(self, encoder, decoder, n_components, latent=None):
        super().__init__()
        self.encoder = encoder
        self.latent = PlainLatent() if latent is None else latent
        self.decoder = decoder
        self.register_buffer("code_mean", torch.zeros(n_components))
        self.register_buffer("code_scale", torch.ones(n_components))

    @property
    def half(self):
        """Which half this is, "encoder" or "decoder", or None: both."""
        if isinstance(self.encoder, _Absent):
            return "decoder"
        return "encoder" if isinstance(self.decoder, _Absent) else None

    def keep(self, half):
        """Drop the other half, "encoder" or "decoder"."""
        if half == "encoder":
            self.decoder = _Absent("decoder")
        else:
            self.encoder = _Absent("encoder")

    @property
    def dictionary(self):
        """Weight of the linear layer that codes enter first; column j is what code j writes.

        None if the decoder begins with another layer.
        """
        first = next((m for m in self.decoder.modules() if not list(m.children())), None)
        fits = isinstance(first, nn.Linear) and first.in_features == len(self.code_mean)
        return first.weight if fits else None

    @property
    def code_bias(self):
        """Bias of the layer that the encoder ends with; None if it ends with another layer."""
        last = [m for m in self.encoder.modules() if not list(m.children())][-1]
        bias = getattr(last, "bias", None)
        fits = isinstance(bias, torch.Tensor) and bias.shape == self.code_mean.shape
        return bias if fits else None

    def forward(self, x):
        """Return the raw reconstruction of `x`, before any link function."""
        return self.decoder(self.latent(self.encoder(x)))

    def encode(self, x):
        """Return the codes of `x` in the scale in which they leave."""
        return (self.latent(self.encoder(x)) - self.code_mean) / self.code_scale

    def decode(self, codes):
        """Return the raw reconstruction of `codes` in the scale in which they leave."""
        return self.decoder(codes * self.code_scale + self.code_mean)
