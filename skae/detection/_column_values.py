"""Rows with columns of several types as values of one unit."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skae.networks import ColumnInput

from ._stacks import buffer


class ColumnValues(nn.Module):
    """Makes values of float64 rows: of numbers these, and then ones and zeros for categories.

    Each category is a one divided by the root of its share, as in the factor analysis of mixed
    data (Escofier, 1979). The unknown categories of a column are one more, the last of them.
    `places` are values between which distances are: two categories of a column are one apart, as
    two numbers are that differ by one standard deviation, and an unknown one is as far from all
    others.
    """

    def __init__(self, n_levels: Sequence[int], shares: np.ndarray) -> None:
        super().__init__()
        levels = np.asarray(n_levels)
        with_unknown = np.where(levels > 0, levels + 1, 0)
        self.inputs = ColumnInput(with_unknown.tolist(), shares)
        self.n_numbers = len(self.inputs.numbers)
        categories = np.flatnonzero(levels)
        column_of = np.r_[np.flatnonzero(levels == 0), categories.repeat(with_unknown[categories])]
        self.column_of = buffer(column_of, torch.int64)
        self.unit = buffer(np.r_[np.ones(self.n_numbers), np.sqrt(shares / 2)])
        self.is_category, self.of_unknown = buffer(levels > 0, torch.bool), buffer(levels * 1.0)

    @property
    def numbers(self) -> Tensor:
        """The columns of numbers."""
        return self.inputs.numbers

    def forward(self, rows: Tensor) -> Tensor:
        """Return values of shape (n_samples, n_values); gaps are the means of their columns."""
        return self.inputs(torch.where(self._are_unknown(rows), self.of_unknown, rows))

    def places(self, rows: Tensor) -> Tensor:
        """Return places of shape (n_samples, n_values)."""
        return self(rows) * self.unit

    def missing(self, rows: Tensor) -> Tensor:
        """Return which values nothing is known of, as that of an unknown category."""
        return (rows.isnan() | self._are_unknown(rows)).index_select(1, self.column_of)

    def _are_unknown(self, rows: Tensor) -> Tensor:
        return self.is_category & (rows < 0)
