"""Rows with gaps as values in which columns depend on one another linearly."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from skae.estimators.base import column_input, column_losses
from skae.networks import ColumnInput
from skae.objectives import SQUARED_ERROR, ColumnLosses
from skae.tables import MixedTable, NumberColumn

# How far a guess may leave the range of its column, in units of that.
_BEYOND = 1.0


@dataclass(eq=False)
class LinearTable:
    """Translates encoded rows into values in which columns depend on one another linearly.

    A number is its z-score, and a category a one among zeros, divided by the root of its share, as
    in the factor analysis of mixed data (Escofier, 1979).
    """

    table: MixedTable

    @cached_property
    def columns(self) -> ColumnInput:
        """The layer that makes values of rows."""
        return column_input(self.table)

    @cached_property
    def losses(self) -> ColumnLosses:
        """The losses of cells, for numbers and logits side by side."""
        return column_losses(self.table, SQUARED_ERROR)

    @cached_property
    def numbers(self) -> list[tuple[int, int]]:
        """Each column of numbers, with the place of its value."""
        return [(i, place) for place, i in enumerate(self.columns.numbers.tolist())]

    @cached_property
    def column_of(self) -> Tensor:
        """The column that each value is of."""
        categories = self.columns.categories
        levels = torch.tensor(self.table.n_levels)[categories]
        return torch.cat([self.columns.numbers, categories.repeat_interleave(levels)])

    @cached_property
    def expected(self) -> Tensor:
        """The values that are expected without any knowledge of the row."""
        of_categories = self.columns.expected.sum(dim=0)
        return torch.cat([of_categories.new_zeros(len(self.columns.numbers)), of_categories])

    @cached_property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """The least and the largest guess of numbers, infinite for categories.

        They may leave the range of `fit` by its width: large values may be the missing ones.
        """
        found = torch.full((2, len(self.expected)), torch.inf, dtype=torch.float64)
        found[0] *= -1
        for i, place in self.numbers:
            column = self.table.schema.columns[i]
            assert isinstance(column, NumberColumn)
            width = _BEYOND * (column.highest - column.lowest)
            limits = torch.from_numpy(np.array([column.lowest - width, column.highest + width]))
            found[:, place] = (limits - self.table.means[i]) / self.table.scales[i]
        return found[0], found[1]

    def read(self, encoded: np.ndarray) -> "LinearRows":
        """Return encoded rows as values, with what is missing."""
        cells = torch.from_numpy((encoded - self.table.means) / self.table.scales)
        values = self.columns(cells)[:, : self.columns.n_linear]
        is_category = torch.tensor(self.table.n_levels) > 0
        # Categories that `fit` has not seen tell nothing of the others.
        missing = cells.isnan() | (is_category & (cells < 0))
        return LinearRows(cells, values, missing, missing[:, self.column_of])

    def answers(self, values: Tensor) -> np.ndarray:
        """Return encoded rows for values: numbers, and the codes of the likeliest categories."""
        cells = self.losses.to_data(self.losses.from_guess(values)).numpy()
        return cells * self.table.scales + self.table.means

    def shares(self, values: Tensor) -> dict[int, Tensor]:
        """Return the shares of the categories of each column that has some."""
        logits = self.losses.from_guess(values)[:, len(self.columns.numbers) :]
        of_columns = logits.split(self.losses.n_levels, dim=1)
        categories = self.columns.categories.tolist()
        return {i: one.softmax(dim=1) for i, one in zip(categories, of_columns, strict=True)}


@dataclass(eq=False)
class LinearRows:
    """Rows as scaled cells, as values, and where a column or a value is missing."""

    cells: Tensor
    values: Tensor
    missing: Tensor
    missing_values: Tensor

    def __len__(self) -> int:
        return len(self.cells)

    def hiding(self, more: Tensor, column_of: Tensor) -> Self:
        """Return the same rows with more cells missing; `cells` stay what they are."""
        missing = self.missing | more
        return type(self)(self.cells, self.values, missing, missing[:, column_of])
