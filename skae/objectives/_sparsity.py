"""Terms that make codes sparse, or keep all units of a sparse code alive."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from skae._batch import Parts
from skae._shared_batch import all_rows

from ._reconstruction import ReconstructionObjective
from ._warm_up import WarmUp

# Share of the steps over which the L1 penalty grows: units that it silences at the start, before
# they stand for anything, would stay silent.
_L1_WARM_UP = 0.05

# Doublings of a top-k unit's boost at most: even the weakest units are chosen then.
_MAX_DOUBLINGS = 10


class L1Sparsity(nn.Module):
    """``strength * sum_j |h_j| * ||d_j||``, with d_j what unit j writes into the decoder.

    Without the norms, codes would shrink and the decoder would grow instead.
    """

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.warm_up = WarmUp(_L1_WARM_UP)

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return the codes and the penalty, a mean over the rows; see `ReconstructionObjective`."""
        codes = autoencoder.latent(h)
        norms = torch.linalg.vector_norm(autoencoder.dictionary, dim=0)
        rows = codes @ norms
        if weight is not None:
            rows = rows * weight
        return codes, {"sparsity": self.warm_up(rows.mean(), self.strength)}


class UnusedUnitBoost(nn.Module):
    """Top-k codes that boost long-unused units, to avoid dead ones.

    Units of a top-k code that are never chosen get no gradient and stay dead. A unit's turns are
    counted: one is as many rows as all units need to be chosen once. With each further turn that
    a unit misses, its value counts twice as much in the choice, until it is chosen on some row
    and learns from it (the conscience of DeSieno, 1988). The value itself does not change, nor
    how many are chosen. A measurement has no boost.
    """

    turns_missed: Tensor

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.register_buffer("turns_missed", torch.zeros(n_components))

    def forward(self, autoencoder: Any, h: Tensor, weight: Tensor | None) -> tuple[Tensor, Parts]:
        """Return the codes, and no penalty; see `ReconstructionObjective`."""
        latent = autoencoder.latent
        if not self.training:
            return latent(h), {}
        boost = torch.exp2((self.turns_missed - 1).clamp(0, _MAX_DOUBLINGS))
        codes = latent(h, boost.to(h))
        of_all = all_rows(codes.detach())
        chosen = of_all.any(dim=0)
        # At most one for a batch, even if each unit could have had several turns in it.
        self.turns_missed.add_(min(1.0, len(of_all) * latent.k / h.shape[1])).mul_(~chosen)
        return codes, {}


class UnitColumnsObjective(ReconstructionObjective):
    """The same objective under a constraint: columns of unit norm in the dictionary.

    The values of a top-k code then say how much each unit writes, and can be compared.
    """

    @torch.no_grad()
    def after_step(self, autoencoder: Any, optimizer: Optimizer) -> None:
        """Go back to unit norm; see `Objective.after_step`."""
        super().after_step(autoencoder, optimizer)
        dictionary = autoencoder.dictionary
        if dictionary is not None:
            dictionary.copy_(F.normalize(dictionary, dim=0))
