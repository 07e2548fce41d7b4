"""KL sparsity, which brings the mean activation of each unit to a target."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from skae._batch import Batch, Parts
from skae._shared_batch import all_rows

from ._reconstruction import ReconstructionObjective

# Growth rate of the multipliers, divided among all units: the loss of the column means is one, and
# a unit's part of the reconstruction is its share of that.
_RATE = 0.2

# Standard errors by which the mean of a batch may miss the target by chance. Following chance would
# cost reconstruction: a unit for a twentieth of the rows is active in one or two rows of 32.
_STANDARD_ERRORS = 3

# Passes over the rows at most to find the biases, and the share of the target by which a mean may
# miss it then.
_MAX_PASSES, _TOLERANCE = 10, 0.01

# Longest step of the biases, in steps of the logit, where units hardly respond.
_LONGEST_STEP = 10


class KLSparsity(nn.Module):
    """``strength * sum_j KL(rho || rho_j)``, with rho_j the mean activation of unit j.

    Activations are shares, and so are their means over a batch (Ng, 2011). `target` is the mean
    activation rho that is wanted, in (0, 1).

    A fixed strength balances the target against the reconstruction, and the balance depends on
    the number of rows, features and units. A term that adapts adds a Lagrange multiplier for each
    unit, which grows until the target is met (the method of multipliers of Hestenes, 1969, with an
    update for each step of the weights). One that does not adapt has multipliers of zero, in case
    training continues with them.
    """

    multipliers: Tensor

    def __init__(self, strength: float, target: float, n_components: int, adapts: bool) -> None:
        super().__init__()
        self.strength, self.target, self.adapts = strength, target, adapts
        self.register_buffer("multipliers", torch.zeros(n_components))
        # Excess of the means over the target in the last batch, and its number of rows.
        self.last_batch: tuple[Tensor, int] | None = None

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return the codes and the penalty; see `ReconstructionObjective`."""
        codes = autoencoder.latent(h)
        of_all = all_rows(codes)
        if weight is None:
            mean = of_all.mean(dim=0)
        else:
            weight = all_rows(weight)
            mean = weight @ of_all / weight.sum()
        penalty = self.strength * self._divergence(mean)
        if self.adapts and self.training:
            excess = mean - self.target
            self.last_batch = excess.detach(), len(of_all)
            rate = _RATE / len(mean)
            self.multipliers.add_(excess.detach() / self.variance, alpha=rate)
            penalty = penalty + self.multipliers @ excess.to(self.multipliers)
        return codes, {"sparsity": penalty}

    def _divergence(self, mean: Tensor) -> Tensor:
        """Return the divergence, summed over the units; torch.distributions takes twice as long."""
        rho = self.target
        # A unit that rounding has put at an end has no logarithm there.
        eps = torch.finfo(mean.dtype).eps
        mean = mean.clamp(eps, 1 - eps)
        return (rho * (rho / mean).log() + (1 - rho) * ((1 - rho) / (1 - mean)).log()).sum()

    @property
    def variance(self) -> float:
        """Variance of a unit that is fully active in the target's share of the rows."""
        return self.target * (1 - self.target)


class TargetActivationObjective(ReconstructionObjective):
    """The same objective under a constraint: each unit's mean activation is at the target.

    The multipliers of the term, a `KLSparsity` that adapts, bring the weights there. On wide rows
    units may saturate before multipliers have grown, and have no gradient then: after each step
    the biases of the encoder's last layer correct deviations that are larger than chance. After
    training they correct the rest, so that means are exact.
    """

    code_term: KLSparsity

    @torch.no_grad()
    def after_step(self, autoencoder: Any, optimizer: Optimizer) -> None:
        """Correct the biases for deviations beyond chance; see `Objective.after_step`."""
        super().after_step(autoencoder, optimizer)
        assert self.code_term.last_batch is not None
        (excess, n_rows), self.code_term.last_batch = self.code_term.last_batch, None
        bias = autoencoder.code_bias
        if bias is not None:
            chance = _STANDARD_ERRORS * (self.code_term.variance / n_rows) ** 0.5
            bias.sub_(F.softshrink(excess, chance) / self.code_term.variance)

    @torch.no_grad()
    def after_training(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Shift the biases until all means are at the target; see `Objective.after_training`."""
        bias, target = autoencoder.code_bias, self.code_term.target
        if bias is None:
            return
        shift = bound = torch.full_like(bias, torch.inf)
        for _ in range(_MAX_PASSES):
            mean, slope = _mean_activation(autoencoder, batches)
            excess = mean - target
            if excess.abs().max() <= _TOLERANCE * target:
                return
            # Newton's step for the logit of the mean, whose slope is at most one. Halving a step
            # that goes back keeps units that are nearly binary from swinging.
            before = shift
            shift = mean.logit(torch.finfo(mean.dtype).eps) - math.log(target / (1 - target))
            shift = shift * (mean * (1 - mean) / slope).nan_to_num(1.0).clamp(1, _LONGEST_STEP)
            bound = torch.where(shift * before < 0, before.abs() / 2, bound)
            shift = shift.clamp(-bound, bound)
            bias.sub_(shift)


def _mean_activation(autoencoder: Any, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
    """Return the mean of each unit over the rows, and its derivative by the bias."""
    total = first = second = torch.zeros(())
    for batch in batches:
        codes = autoencoder.latent(autoencoder.encoder(batch.x))
        weight = codes.new_ones(len(codes)) if batch.weight is None else batch.weight
        total = total + weight.sum()
        first = first + weight @ codes
        second = second + weight @ codes.square()
    return first / total, (first - second) / total
