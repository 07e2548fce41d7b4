"""Training with a discriminator: a second optimizer, and a second step after each one."""

from typing import Any

from torch import Tensor, optim

from skae._batch import Batch, Parts

from ._batches import Batches
from ._net import AutoencoderNet
from ._precision import autocast

# A discriminator must forget fast, as the codes that it judges change (Radford, Metz and
# Chintala, 2016).
_BETAS = 0.5, 0.999


class AdversarialNet(AutoencoderNet):
    """A net whose objective has a discriminator among its parts.

    The autoencoder takes its step as in any other net. Then the discriminator takes its own,
    on the codes of the same batch. The history has its loss as ``discriminator_loss``.

    It is constructed as `AutoencoderNet` is; the `code_term` of its objective has a
    `discriminator` and a `loss` of its own.
    """

    # PCA's start only reconstructs; it cannot be compared with codes that also follow a prior.
    can_go_back = False

    def get_all_learnable_params(self) -> Any:
        """Yield the parameters of the autoencoder, with their names."""
        yield from self.module_.named_parameters()

    def initialize_optimizer(self, *args: Any, **kwargs: Any) -> "AdversarialNet":
        """Make the optimizers of autoencoder and discriminator."""
        super().initialize_optimizer(*args, **kwargs)
        parameters = self.criterion_.code_term.discriminator.parameters()
        self.discriminator_optimizer_ = optim.Adam(parameters, lr=self.lr, betas=_BETAS, fused=True)
        return self

    def optimizers(self) -> list[optim.Optimizer]:
        """Return all optimizers."""
        return [*super().optimizers(), self.discriminator_optimizer_]

    def run_batches(self, batches: Batches) -> dict[str, float]:
        """Take the steps of an epoch; see `AutoencoderNet.run_batches`."""
        self._discriminator_loss: Tensor | float = 0.0
        parts = super().run_batches(batches)
        self.history.record("discriminator_loss", float(self._discriminator_loss) / len(batches))
        return parts

    def train_step(self, batch: Batch, **kwargs: Any) -> Parts:
        """Take one step and return the parts of the objective."""
        parts = super().train_step(batch, **kwargs)
        # A new tensor, as the next step overwrites that of the part.
        self._discriminator_loss = self._discriminator_loss + parts.pop("discriminator_loss")
        return parts

    def take_step(self, batch: Batch) -> Parts:
        """Take a step of the autoencoder, then one of the discriminator."""
        parts = super().take_step(batch)
        self.discriminator_optimizer_.zero_grad()
        with autocast(self.precision, batch.x.device):
            loss = self.criterion_.code_term.loss()
        loss.backward()
        parameters = list(self.criterion_.code_term.discriminator.parameters())
        loss = self.ranks_.add_up_gradients(parameters, loss)
        self.discriminator_optimizer_.step()
        return {**parts, "discriminator_loss": loss.detach()}

    def forget_training(self) -> None:
        """Drop what only training needs; see `AutoencoderNet.forget_training`."""
        super().forget_training()
        self._discriminator_loss = 0.0
