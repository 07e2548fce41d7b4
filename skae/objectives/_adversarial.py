"""A discriminator that tells codes from draws of a prior, and the encoder that fools it."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skae._batch import Parts, beside
from skae._shared_batch import all_rows, draw_rows

from ._priors import NormalPrior
from ._random import RandomSource

# Share of a moment's deviation that each step adds to its multiplier.
_RATE = 0.05


class Adversary(nn.Module):
    """Penalty on codes that a discriminator can tell from draws of the prior.

    The discriminator maps codes to one logit each, high for the prior. Where it tells the two
    apart with ease, its gradient says little about the scale of codes. So the means and variances
    of codes, zero and one in the prior, are penalised as well, with a Lagrange multiplier for each
    that grows until they are met (the method of multipliers of Hestenes, 1969). `strength` is the
    weight of the penalty beside the reconstruction.

    With `n_classes` the discriminator sees the class of a row beside its code, and draws of the
    prior come with the same classes: the codes of each class then follow the prior (Makhzani et
    al., 2015, section 2.3).
    """

    multipliers: Tensor

    def __init__(
        self,
        discriminator: nn.Module,
        prior: NormalPrior,
        strength: float,
        n_classes: int = 0,
    ) -> None:
        super().__init__()
        self.n_classes = n_classes
        # Those of the batch that comes next; see `Batch.condition`.
        self.classes: Tensor | None = None
        self.discriminator, self.prior, self.strength = discriminator, prior, strength
        self.random = RandomSource()
        # Codes and weights of the last batch, which the discriminator learns from in `loss`.
        self._last_batch: tuple[Tensor, Tensor | None, Tensor | None] | None = None
        self.register_buffer("multipliers", torch.zeros(2, prior.n_components))

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return the codes and the penalty; see `ReconstructionObjective`.

        Only training has the penalty: outputs of a discriminator that goes on learning cannot be
        compared from one epoch to the next, so a measurement is of the reconstruction alone.
        """
        codes = autoencoder.latent(h)
        if not self.training:
            return codes, {}
        classes, self.classes = self.classes, None
        self._last_batch = codes.detach().clone(), weight, classes
        self.discriminator.requires_grad_(False)
        divergence = self._cross_entropy(beside(codes, classes), 1.0, weight)
        # One row has no variance.
        of_all = all_rows(codes)
        if len(of_all) > 1:
            of_weights = None if weight is None else all_rows(weight)
            divergence = divergence + self._divergence_of_moments(of_all, of_weights)
        return codes, {"adversarial": self.strength * divergence}

    def _divergence_of_moments(self, codes: Tensor, weight: Tensor | None) -> Tensor:
        """Return the KL divergence of a batch's means and variances from the prior's, in nats.

        It is that of normal distributions, plus each moment's deviation times its multiplier.
        """
        if weight is None:
            share = codes.new_full((len(codes),), 1 / len(codes))
        else:
            share = weight / weight.sum()
        mean, second = share @ codes, share @ codes.square()
        variance = (second - mean.square()).clamp(min=torch.finfo(codes.dtype).eps)
        divergence = (second - 1 - variance.log()).sum() / 2
        excess = torch.stack([mean, (variance - 1) / 2])
        self.multipliers.add_(excess.detach(), alpha=_RATE)
        return divergence + (self.multipliers * excess).sum()

    def loss(self) -> Tensor:
        """Return the discriminator's own loss on the last batch and as many draws of the prior."""
        assert self._last_batch is not None
        (codes, weight, classes), self._last_batch = self._last_batch, None
        self.discriminator.requires_grad_(True)
        generator = self.random.generator_on(codes.device)
        drawn = draw_rows(lambda shape: self.prior(shape[0], generator), codes.shape).to(codes)
        # With classes, draws of the prior count as the rows whose classes they are given.
        of_drawn = None if classes is None else weight
        loss = self._cross_entropy(beside(drawn, classes), 1.0, of_drawn)
        return (loss + self._cross_entropy(beside(codes, classes), 0.0, weight)) / 2

    @property
    def sees_classes(self) -> bool:
        """Whether the discriminator sees classes."""
        return self.n_classes > 0

    def _cross_entropy(self, codes: Tensor, target: float, weight: Tensor | None = None) -> Tensor:
        logits = self.discriminator(codes).squeeze(1)
        targets = torch.full_like(logits, target)
        return F.binary_cross_entropy_with_logits(logits, targets, weight=weight)
