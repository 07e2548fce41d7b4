"""The scores of an ensemble, from what its networks say of rows, in torch: graphs share them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skae._chunks import CPU
from skae.engine import ChunkSizes

from ._isolation import IsolationFactors
from ._reference_distances import distances_to
from ._reference_rows import ReferenceRows
from ._stacks import buffer, stacked


class MeanSquares(nn.Module):
    """The mean squares of standardised residuals, which come first among the values."""

    def __init__(self, scores: Sequence[Any]):
        super().__init__()
        self.scale = buffer(stacked([score.residual_scale_[None] for score in scores]))

    def forward(self, values: Tensor) -> Tensor:
        """Return scores of shape (n_members, n_samples)."""
        residuals = values[:, :, : self.scale.shape[2]]
        return (residuals / self.scale).square().mean(dim=2)


class EnsembleScores(nn.Module):
    """How unusual rows are to each member, given their residuals, codes and cells."""

    def __init__(
        self,
        scores: Sequence[Any],
        left_out: Sequence[int],
        reference: ReferenceRows,
        device: torch.device = CPU,
    ):
        super().__init__()
        self.of_values = scores[0].module_of(scores)
        self.distances = None
        self.chunk_sizes = ChunkSizes()
        if scores[0].times_isolation:
            self.distances = distances_to(reference, device)
            # Members that leave out the same fold have the same distances.
            self.folds = sorted(set(left_out))
            of_members = np.array([self.folds.index(fold) for fold in left_out])
            self.fold_of_member = buffer(of_members)
            columns = reference.columns
            share = 1 if columns is None else columns.is_number.mean().item()
            self.factors = IsolationFactors([score.isolation_ for score in scores], share)
        self.to(device)

    def forward(self, values: Sequence[Tensor] | Tensor, Z: Tensor) -> Tensor:
        """Return scores in float64, of shape (n_members, n_samples).

        All are float64 and on one device: for each member values of shape (n_samples, n_values),
        which may be one tensor, and rows of shape (n_samples, n_features).
        """
        stack = values if isinstance(values, Tensor) else _stack_of(values)
        scores = self.of_values(stack).double()
        if self.distances is None:
            return scores
        distances = self.distances(Z, self.folds).double().T
        # The scores are half the squares of distances.
        return (2 * scores).sqrt() * self.factors(distances[self.fold_of_member], distances[-1])


def _stack_of(values: Sequence[Tensor]) -> Tensor:
    """Return values of members as one tensor; their codes may differ in width."""
    widest = max(of_member.shape[1] for of_member in values)
    if any(of_member.shape[1] < widest for of_member in values):
        values = [pad(of_member, (0, widest - of_member.shape[1])) for of_member in values]
    return torch.stack(list(values))
