"""The numbers that parts of a detector see of rows with columns of several types."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor

from skae._typing import ArrayOf
from skae.tables import GaussianRows, TableSchema

from ._column_values import ColumnValues

# Most categories of all columns together that tell of a missing number: each row that lacks some
# of them takes as many operations as the cube of their number.
_TELLING = 100


@dataclass(eq=False)
class MixedColumns:
    """Makes numbers of rows in which categories are codes, -1 is unknown, and NaN is a gap.

    Numbers have a mean of zero. Answers of networks are all numbers, and then the probabilities of
    all categories. `shares` are those of the categories of each column, and of one more, which
    stands for the unknown ones. `gaussian` is the normal distribution of the `telling` among
    `values`: numbers, and the most frequent categories.
    """

    n_levels: list[int]
    shares: Annotated[np.ndarray, ArrayOf("float", None)]
    gaussian: GaussianRows

    @classmethod
    def learn(
        cls, Z: np.ndarray, weight: np.ndarray, schema: TableSchema, rng: np.random.RandomState
    ) -> Self:
        """Return the columns of training rows."""
        shares = [np.zeros(0)]
        for cells, n_levels in zip(Z.T, schema.n_levels, strict=True):
            if n_levels:
                seen = cells >= 0
                total = np.bincount(cells[seen].astype(int), weight[seen], n_levels + 1)
                # A category without a row is as rare as half a row.
                total = np.maximum(total, 0.5)
                shares.append(total / total.sum())
        of_all = np.concatenate(shares)
        values, rows = ColumnValues(schema.n_levels, of_all), torch.from_numpy(Z)
        telling = _telling(values, of_all)
        gaussian = GaussianRows.learn(
            values(rows)[:, telling],
            values.missing(rows)[:, telling],
            rng,
            values.column_of[telling],
        )
        return cls(schema.n_levels, of_all, gaussian)

    @property
    def values(self) -> ColumnValues:
        """The layer that makes values of rows, in which columns depend linearly on one another."""
        return ColumnValues(self.n_levels, self.shares)

    @property
    def telling(self) -> Tensor:
        """The places of the values that tell of missing numbers."""
        return _telling(self.values, self.shares)

    @property
    def is_number(self) -> np.ndarray:
        """A mask of the columns of numbers."""
        return np.array(self.n_levels) == 0

    @property
    def column_of(self) -> np.ndarray:
        """The column that each answer is about."""
        of_numbers, categories = np.flatnonzero(self.is_number), np.flatnonzero(~self.is_number)
        return np.r_[of_numbers, np.repeat(categories, np.array(self.n_levels)[categories])]

    def numbers(self, Z: np.ndarray) -> np.ndarray:
        """Return the columns of numbers; a table without any has one of zeros."""
        return Z[:, self.is_number] if self.is_number.any() else np.zeros((len(Z), 1))

    def with_numbers(self, Z: Tensor) -> Tensor:
        """Return rows in which numbers without a value are as the other columns tell of them."""
        values = self.values.to(Z.device)
        numbers = values.numbers
        if not Z[:, numbers].isnan().any():
            return Z
        telling = self.telling.to(Z.device)
        told = self.gaussian.fill(values(Z)[:, telling], values.missing(Z)[:, telling])
        cells, filled = Z[:, numbers], Z.clone()
        filled[:, numbers] = torch.where(cells.isnan(), told[:, : len(numbers)], cells)
        return filled

    def filled(self, Z: Tensor, answers: Tensor) -> Tensor:
        """Return rows in which cells without a value are as answered."""
        return torch.where(Z.isnan(), self._rows(answers), Z)

    def rows(self, answers: np.ndarray) -> np.ndarray:
        """Return answers as rows, with the codes of the likeliest categories."""
        return self._rows(torch.from_numpy(answers)).numpy()

    def _rows(self, answers: Tensor) -> Tensor:
        n_numbers, levels = self.n_levels.count(0), [n for n in self.n_levels if n]
        numbers = iter(answers[:, :n_numbers].split(1, dim=1))
        categories = iter(answers[:, n_numbers:].split(levels, dim=1))
        columns = [
            next(categories).argmax(dim=1, keepdim=True).to(answers) if n else next(numbers)
            for n in self.n_levels
        ]
        return torch.cat(columns, dim=1)

    def residuals(self, Z: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """Return how far cells are from answers, NaN for gaps.

        For a number that is the difference. For a category it is the logarithm of how much likelier
        the likeliest one is; an unknown one is taken for the least likely.
        """
        column_of = self.column_of
        residuals = np.empty(Z.shape)
        for i, cells in enumerate(Z.T):
            mine = answers[:, column_of == i]
            if self.is_number[i]:
                residuals[:, i] = cells - mine[:, 0]
                continue
            codes = np.nan_to_num(cells, nan=0.0).astype(int)
            found = np.take_along_axis(mine, np.maximum(codes, 0)[:, None], axis=1)[:, 0]
            found = np.where(codes < 0, mine.min(axis=1), found)
            found = np.maximum(found, np.finfo(np.float64).tiny)
            residuals[:, i] = np.where(np.isnan(cells), np.nan, np.log(mine.max(axis=1) / found))
        return residuals

    def _check_consistency(self) -> None:
        n_shares = sum(n_levels + 1 for n_levels in self.n_levels if n_levels)
        if min(self.n_levels, default=0) < 0 or len(self.shares) != n_shares:
            raise ValueError("columns of categories and their shares do not fit")
        if (self.shares <= 0).any():
            raise ValueError("a category has no share of the rows")
        if len(self.gaussian.mean) != len(self.telling):
            raise ValueError("the normal distribution of the columns is of other columns")


def _telling(values: ColumnValues, shares: np.ndarray) -> Tensor:
    frequent = np.sort(np.argsort(-shares, kind="stable")[:_TELLING])
    return torch.from_numpy(np.r_[np.arange(values.n_numbers), values.n_numbers + frequent])
