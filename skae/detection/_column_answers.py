"""Answers and residuals of members for rows with columns of several types; graphs use them, too."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skae.objectives import ColumnLosses, column_residuals, shares_of
from skae.tables import MixedTable

from ._least_scales import LEAST_DEVIANCE, LEAST_SCALE
from ._stacks import buffer


class ColumnAnswers(nn.Module):
    """Makes answers and residuals of what the decoders of several members give.

    They are float64 tensors of the device that this module is on, in the units of the rows, of
    shape (n_members, n_samples, ...).
    """

    def __init__(self, losses: Sequence[ColumnLosses], tables: Sequence[MixedTable]) -> None:
        super().__init__()
        # They differ in nothing but what an unknown category costs.
        self.losses = losses[0]
        self.of_unknown = buffer(np.array([[one.of_unknown] for one in losses]))
        is_number = np.array(tables[0].n_levels) == 0
        self.numbers = buffer(np.flatnonzero(is_number))
        means, scales = ([getattr(one, name) for one in tables] for name in ("means", "scales"))
        self.mean, self.scale = buffer(np.array(means)[:, None]), buffer(np.array(scales)[:, None])
        self.unit = buffer(np.where(is_number, scales, LEAST_SCALE / LEAST_DEVIANCE)[:, None])

    def shares(self, outputs: Tensor) -> Tensor:
        """Return numbers, and then the probabilities of all categories."""
        shares = shares_of(self.losses, outputs.to(self.scale))
        n_numbers, mean, scale = len(self.numbers), *self._of_numbers()
        return torch.cat([shares[..., :n_numbers] * scale + mean, shares[..., n_numbers:]], dim=-1)

    def residuals(self, outputs: Tensor, scaled: Tensor) -> Tensor:
        """Return residuals of all columns, which of categories are deviances.

        `scaled` are the rows as the members see them.
        """
        outputs = outputs.to(self.scale)
        return column_residuals(self.losses, outputs, scaled, self.of_unknown) * self.unit

    def _of_numbers(self) -> tuple[Tensor, Tensor]:
        return self.mean.index_select(-1, self.numbers), self.scale.index_select(-1, self.numbers)
