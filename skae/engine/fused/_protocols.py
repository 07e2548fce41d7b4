"""The attributes of networks and objectives that the fused step reads."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from skae._batch import Batch, Parts


class DenseParts(Protocol):
    """A dense half: linear layers, the activations between, and a linear layer beside them.

    Rows go through `first`, a layer without parameters.
    """

    layers: list[nn.Module]
    activations: list[nn.Module]
    linear: nn.Module | None
    first: nn.Module | None


class DenseAutoencoder(Protocol):
    """A network; a half that is not dense, or not known to be, is None."""

    encoder: nn.Module
    code_mean: Tensor

    @property
    def dense_encoder(self) -> DenseParts | None:
        """The parts of the encoder."""

    @property
    def dense_decoder(self) -> DenseParts | None:
        """The parts of the decoder."""

    @property
    def has_plain_latent(self) -> bool:
        """Whether outputs of the encoder are the codes that the decoder sees."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield all parameters."""

    def modules(self) -> Iterator[nn.Module]:
        """Yield the network and all modules in it."""


class OnePassObjective(Protocol):
    """An objective of one pass: noise, encoder, term on the codes, decoder, loss, penalty."""

    heads: Sequence[Any]
    # Noise on the rows that the encoder sees.
    corruption: Any
    # A module that turns outputs of the encoder into codes and penalties, or None. Autograd trains
    # one that has the attribute `uses_encoder`.
    code_term: Any
    weight_penalty: Any

    @property
    def is_one_pass(self) -> bool:
        """Whether the objective is what this class says, and its gradient that of its loss."""

    def through_latent(
        self, autoencoder: Any, h: Tensor, weight: Tensor | None
    ) -> tuple[Tensor, Parts]:
        """Return the codes for outputs of the encoder, and the penalties on them."""

    def reconstruction_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch, and its gradient in the place of the output."""
