"""Training with a discriminator: a second optimizer, and a second step after each one."""

import torch

from ._net import AutoencoderNet
from ._precision import autocast

# A discriminator must forget fast, as what it judges changes (Radford, Metz and Chintala, 2016).
_BETAS = 0.5, 0.999


class AdversarialNet(AutoencoderNet):
    """A net whose objective has a discriminator among its parts.

    The autoencoder takes its step as in any other net. Then the discriminator takes its own,
    on the codes of the same batch. The history has its loss as ``discriminator_loss``.

    It is constructed as `AutoencoderNet` is; the `code_term` of its objective has a
    `discriminator` and a `loss` of its own.
    """

    def get_all_learnable_params(self):
        """Yield the parameters of the autoencoder, with their names."""
        yield from self.module_.named_parameters()

    def initialize_optimizer(self, *args, **kwargs):
        """Make the optimizers of autoencoder and discriminator."""
        super().initialize_optimizer(*args, **kwargs)
        parameters = self.criterion_.code_term.discriminator.parameters()
        self.discriminator_optimizer_ = torch.optim.Adam(
            parameters, lr=self.lr, betas=_BETAS, fused=True
        )
        return self

    def training(self, rows, train=None, valid=None, *, never_worse=False, **kwargs):
        """Train, but for the steps; see `AutoencoderNet.training`.

        `never_worse` is ignored: a start that only reconstructs, as PCA's does, is no measure
        for codes that also have to follow a prior.
        """
        yield from super().training(rows, train, valid, **kwargs)
        self.discriminator_optimizer_.zero_grad()
        self._discriminator_losses = []

    def optimizers(self):
        """Return all optimizers."""
        return [*super().optimizers(), self.discriminator_optimizer_]

    def run_batches(self, batches):
        """Take the steps of an epoch; see `AutoencoderNet.run_batches`."""
        self._discriminator_losses = []
        parts = super().run_batches(batches)
        losses = torch.stack(self._discriminator_losses)
        self.history.record("discriminator_loss", losses.mean().item())
        return parts

    def train_step(self, batch, **kwargs):
        """Take a step of the autoencoder, then one of the discriminator."""
        parts = super().train_step(batch, **kwargs)
        self.discriminator_optimizer_.zero_grad()
        with autocast(self.precision, batch[0].device):
            loss = self.criterion_.code_term.loss()
        loss.backward()
        self.discriminator_optimizer_.step()
        self._discriminator_losses.append(loss.detach())
        return parts
