"""A discriminator that tells codes from draws of a prior, and the encoder that fools it."""

import torch
from torch import nn
from torch.nn import functional as F

from ._random import RandomSource


class Adversary(nn.Module):
    """Charges codes for what a discriminator sees in them that the prior has not.

    Parameters
    ----------
    discriminator : torch.nn.Module
        Maps codes to one logit each, high for the prior.
    prior : NormalPrior
        What it takes for the truth.
    strength : float
        Weight of the encoder's loss beside the reconstruction.
    """

    def __init__(self, discriminator, prior, strength):
        super().__init__()
        self.discriminator, self.prior, self.strength = discriminator, prior, strength
        self.random = RandomSource()
        self._fakes = None

    def forward(self, autoencoder, h, sample_weight):
        """Return the codes and what the encoder is charged; see `ReconstructionObjective`.

        Only training charges it: what the discriminator thinks today cannot be compared with
        what it thought before, so what is measured is the reconstruction alone.
        """
        codes = autoencoder.latent(h)
        if not self.training:
            return codes, {}
        # The discriminator learns from the same ones; see `loss`. Here it stays as it is.
        self._fakes = codes.detach().clone(), sample_weight
        self.discriminator.requires_grad_(False)
        taken_for_true = self._cross_entropy(codes, 1.0, sample_weight)
        return codes, {"adversarial": self.strength * taken_for_true}

    def loss(self):
        """Return the discriminator's own loss on the last batch, beside as many of the prior."""
        (fakes, sample_weight), self._fakes = self._fakes, None
        self.discriminator.requires_grad_(True)
        true = self.prior(len(fakes), self.random.on(fakes.device)).to(fakes)
        loss = self._cross_entropy(true, 1.0) + self._cross_entropy(fakes, 0.0, sample_weight)
        return loss / 2

    def _cross_entropy(self, codes, target, sample_weight=None):
        logits = self.discriminator(codes).squeeze(1)
        target = torch.full_like(logits, target)
        return F.binary_cross_entropy_with_logits(logits, target, weight=sample_weight)
