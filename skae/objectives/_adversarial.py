"""A discriminator that tells codes from draws of a prior, and the encoder that fools it."""

import torch
from torch import nn
from torch.nn import functional as F

from ._random import RandomSource

# Share of a moment's deviation that each step adds to its multiplier.
_RATE = 0.05


class Adversary(nn.Module):
    """Charges codes for what tells them from draws of the prior.

    A discriminator learns to tell codes from draws of the prior. Where that is easy, its gradient
    says little about the scale of codes. So their means and variances, zero and one in the prior,
    are charged as well, with a Lagrange multiplier for each that grows until it is met (the method
    of multipliers of Hestenes, 1969).

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
        self.register_buffer("multipliers", torch.zeros(2, prior.n_components))

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
        divergence = self._cross_entropy(codes, 1.0, sample_weight)
        # One row has no variance.
        if len(codes) > 1:
            divergence = divergence + self._divergence_of_moments(codes, sample_weight)
        return codes, {"adversarial": self.strength * divergence}

    def _divergence_of_moments(self, codes, sample_weight):
        """Return the KL divergence of a batch's means and variances from the prior's, in nats.

        It is that of normal distributions. Multipliers take their share of each moment.
        """
        if sample_weight is None:
            weight = codes.new_full((len(codes),), 1 / len(codes))
        else:
            weight = sample_weight / sample_weight.sum()
        mean, second = weight @ codes, weight @ codes.square()
        variance = (second - mean.square()).clamp(min=torch.finfo(codes.dtype).eps)
        divergence = (second - 1 - variance.log()).sum() / 2
        excess = torch.stack([mean, (variance - 1) / 2])
        self.multipliers.add_(excess.detach(), alpha=_RATE)
        return divergence + (self.multipliers * excess).sum()

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
