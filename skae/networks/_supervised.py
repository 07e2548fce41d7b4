"""An autoencoder with a supervised head on its codes."""

from collections.abc import Sequence
from typing import Self

from torch import Tensor, nn

from ._autoencoder import Autoencoder
from ._calls import call


class SupervisedAutoencoder(Autoencoder):
    """An autoencoder, and a head that maps its codes to logits of classes or to numbers.

    It shares the halves of the autoencoder that it is made from. Modules in `frozen` are not
    trained: they have no gradients, and stay in evaluation mode.
    """

    def __init__(
        self, autoencoder: Autoencoder, head: nn.Module, frozen: Sequence[nn.Module] = ()
    ) -> None:
        n_components = len(autoencoder.code_mean)
        super().__init__(autoencoder.encoder, autoencoder.decoder, n_components, autoencoder.latent)
        self.code_mean.copy_(autoencoder.code_mean)
        self.code_scale.copy_(autoencoder.code_scale)
        self.head = head
        self._frozen = tuple(frozen)
        for module in self._frozen:
            module.requires_grad_(False)

    def answer(self, x: Tensor) -> Tensor:
        """Return the answers of the head to rows."""
        return self.answer_inputs(self.inputs(x))

    def inputs(self, x: Tensor) -> Tensor:
        """Return what the first layer makes of the columns of a table; other rows are as given."""
        return self.encoder_parts[0](x)

    def answer_inputs(self, inputs: Tensor) -> Tensor:
        """Return the answers of the head to rows after the first layer; see `inputs`."""
        codes = call(self.latent, call(self.encoder_parts[1], inputs))
        return self.head((codes - self.code_mean) / self.code_scale)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation, but for what is frozen."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self
