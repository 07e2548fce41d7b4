"""KL sparsity whose strength adapts until each unit's mean activation is at its target."""

import math

import torch
from torch.nn import functional as F

from ._reconstruction import ReconstructionObjective
from ._sparsity import KLSparsity

# How fast multipliers grow, where all units together share this rate: the loss of rows of which
# nothing is known is one, and what a unit adds to the reconstruction is its share of that.
_RATE = 0.2

# Standard errors by which the mean of a batch may miss the target by chance. To follow chance would
# cost reconstruction: of a batch of 32, a unit for a twentieth of the rows sees one or two.
_STANDARD_ERRORS = 3

# Passes over the rows at most to find the biases, and the share of the target by which a mean may
# miss it then.
_PASSES, _TOLERANCE = 10, 0.01

# How much longer than the logit's a step for the biases may be, where units hardly respond.
_LONGEST = 10


class AdaptiveKLSparsity(KLSparsity):
    """KL sparsity plus a Lagrange multiplier for each unit, which grows until the target is met.

    A fixed strength balances the target against the reconstruction, and the balance depends on
    the number of rows, features and units. Multipliers add up what is missing instead (the method
    of multipliers of Hestenes, 1969, with an update for each step of the weights).

    Parameters
    ----------
    strength : float
        Factor of the divergence.
    target : float
        The mean activation that is wanted, in (0, 1).
    n_components : int
        Units of the code.
    adapts : bool
        Whether multipliers are used. If not, this is :class:`KLSparsity`, with a place for them
        in its state should training continue with them.
    """

    def __init__(self, strength, target, n_components, adapts):
        super().__init__(strength, target)
        self.adapts = adapts
        self.register_buffer("multipliers", torch.zeros(n_components))
        # Excess of the means over the target in the last batch, and its number of rows.
        self.last_batch = None

    def penalty(self, mean, n_rows):
        """Return what the mean activations of a batch are charged."""
        penalty = super().penalty(mean, n_rows)
        if not (self.adapts and self.training):
            return penalty
        excess = mean - self.target
        self.last_batch = excess.detach(), n_rows
        rate = _RATE / len(mean)
        self.multipliers.add_(excess.detach() / self.variance, alpha=rate)
        return penalty + self.multipliers @ excess.to(self.multipliers)

    @property
    def variance(self):
        """Variance of a unit that is fully active in the target's share of the rows."""
        return self.target * (1 - self.target)


class TargetActivationObjective(ReconstructionObjective):
    """The same objective under a constraint: each unit's mean activation is at the target.

    The multipliers of the term bring the weights there. On wide rows units may saturate before
    multipliers have grown, and have no gradient then: the biases that end the encoder take back
    what is more than chance. After training they take what is left, so that means are exact.
    """

    @torch.no_grad()
    def after_step(self, autoencoder, optimizer):
        """Take back what no chance explains; see :meth:`Objective.after_step`."""
        super().after_step(autoencoder, optimizer)
        (excess, n_rows), self.code_term.last_batch = self.code_term.last_batch, None
        bias = autoencoder.code_bias
        if bias is not None:
            chance = _STANDARD_ERRORS * (self.code_term.variance / n_rows) ** 0.5
            bias.sub_(F.softshrink(excess, chance) / self.code_term.variance)

    @torch.no_grad()
    def after_training(self, autoencoder, batches):
        """Shift the biases until all means are at the target; see `Objective.after_training`."""
        bias, target = autoencoder.code_bias, self.code_term.target
        if bias is None:
            return
        shift = bound = torch.full_like(bias, torch.inf)
        for _ in range(_PASSES):
            mean, slope = self._activation(autoencoder, batches)
            excess = mean - target
            if excess.abs().max() <= _TOLERANCE * target:
                return
            # Newton's step for the logit of the mean, whose slope is at most one. Halving a step
            # that goes back keeps units that are nearly binary from swinging.
            before = shift
            shift = mean.logit(torch.finfo(mean.dtype).eps) - math.log(target / (1 - target))
            shift = shift * (mean * (1 - mean) / slope).nan_to_num(1.0).clamp(1, _LONGEST)
            bound = torch.where(shift * before < 0, before.abs() / 2, bound)
            shift = shift.clamp(-bound, bound)
            bias.sub_(shift)

    def _activation(self, autoencoder, batches):
        """Return the mean of each unit over the rows, and its derivative by the bias."""
        total = first = second = 0.0
        for x, sample_weight in batches:
            codes = autoencoder.latent(autoencoder.encoder(x))
            weight = codes.new_ones(len(codes)) if sample_weight is None else sample_weight
            total = total + weight.sum()
            first = first + weight @ codes
            second = second + weight @ codes.square()
        return first / total, (first - second) / total
