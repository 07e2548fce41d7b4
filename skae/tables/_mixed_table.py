"""A table with columns of several types, or with cells that have no value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import torch
from torch import Tensor

from skae._typing import ArrayOf

from ._column_statistics import column_statistics, mean_losses
from ._copied_columns import weights_of_columns
from ._one_hot import one_hot, rows_of_budget
from ._scaled_rows import ScaledRows
from .columns import DAY, CategoryColumn, TableSchema

_WEEK, _YEAR = 7 * DAY, 365.2425 * DAY

# Seconds after which the values of a column of dates or times mean the same again.
_RHYTHMS = {"moment": (DAY, _WEEK, _YEAR), "date": (_WEEK, _YEAR), "time": (DAY,)}

_OfColumns = Annotated[np.ndarray, ArrayOf("float", "n_columns")]


@dataclass(eq=False)
class MixedTable:
    """Translates rows of numbers, codes of categories and NaN into those that training sees.

    Numbers are centred, and divided by the standard deviation of their column: numbers and
    categories have no common unit. Codes of categories stay as they are.
    """

    schema: TableSchema
    means: _OfColumns
    scales: _OfColumns
    # The shares of all categories of all columns.
    shares: Annotated[np.ndarray, ArrayOf("float", None)]
    # The share of the rows that have no value, of each column.
    gap_shares: _OfColumns
    # The loss of each column for an answer that is the same for all rows.
    bases: _OfColumns
    # The weight of each column in the loss; copies of a category share that of one.
    weights: _OfColumns
    n_rows: int

    @classmethod
    def learn(
        cls,
        X: np.ndarray,
        weight: np.ndarray | None,
        schema: TableSchema,
        loss_of_mean: Callable[[np.ndarray], np.ndarray],
    ) -> Self:
        """Return the table that encoded rows make.

        ``loss_of_mean(z)`` is the loss of each of some scaled numbers, if the answer is zero.
        """
        found = column_statistics(X, weight, schema)
        is_number = np.array(schema.n_levels) == 0
        bases = mean_losses(X, weight, found, loss_of_mean, is_number)
        bases[~is_number] = [-(shares * np.log(shares)).sum() for shares in found.shares]
        of_all = np.concatenate([np.zeros(0), *found.shares])
        weights = weights_of_columns(X, schema.n_levels)
        known = found.means, found.scales, of_all, found.gap_shares
        return cls(schema, *known, bases, weights, len(X))

    @property
    def has_gaps(self) -> np.ndarray:
        """Which columns have rows without a value."""
        return self.gap_shares > 0

    @property
    def n_columns(self) -> int:
        """Number of columns of the caller."""
        return len(self.means)

    @property
    def mean(self) -> Tensor:
        """The means of the columns, as a tensor; zero for categories."""
        return torch.from_numpy(self.means)

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the columns, as a tensor; one for categories."""
        return torch.from_numpy(self.scales)

    @property
    def n_levels(self) -> list[int]:
        """The number of categories of each column, 0 for numbers."""
        return self.schema.n_levels

    @property
    def n_inputs(self) -> int:
        """Number of values that the encoder sees: these, rhythms of dates, and places of gaps."""
        return self.n_outputs + 2 * len(self.rhythms) + int(self.has_gaps.sum())

    @property
    def n_outputs(self) -> int:
        """Number of values that the decoder answers: one for each number and each category."""
        return self.n_levels.count(0) + len(self.shares)

    @property
    def of_unknown(self) -> float:
        """Cross-entropy of an unknown category, which is rarer than all that were seen."""
        return float(np.log(self.n_rows + 1))

    @property
    def rhythms(self) -> list[tuple[int, float, float]]:
        """Columns of dates or times, with frequency and phase of what repeats in scaled values."""
        return [
            (i, self.scales[i] / period, self.means[i] / period % 1.0)
            for i, column in enumerate(self.schema.columns)
            for period in _RHYTHMS.get(column.kind, ())
            if not isinstance(column, CategoryColumn)
        ]

    @property
    def mean_log_volume(self) -> float:
        """Mean of `log_volumes` over the rows that it was learned from."""
        return float((1 - self.gap_shares) @ np.log(self.scales))

    def log_volumes(self, X: np.ndarray) -> Tensor:
        """Return the logarithm of the unit of volume among the cells of each row with a value."""
        return torch.from_numpy(~np.isnan(X) @ np.log(self.scales))

    def of_numbers(self, values: Tensor) -> np.ndarray:
        """Return values of the columns of numbers as one for each column, 0 for categories."""
        of_columns = np.zeros(self.n_columns)
        of_columns[np.asarray(self.n_levels) == 0] = values.cpu().double().numpy()
        return of_columns

    def rows(self, X: Any, limits: tuple[float, float] | None = None) -> ScaledRows:
        """Return encoded rows as inputs of the network."""
        return ScaledRows(X, self.means, self.scales, limits)

    def linear_rows(self, X: np.ndarray, weight: Any, limits: Any = None) -> tuple[ScaledRows, Any]:
        """Return inputs of a linear code, without rhythms and indicators of gaps, and weights.

        They are those of some rows, evenly spaced: with many categories they are wide.
        """
        levels = np.asarray(self.n_levels)
        some = rows_of_budget(len(X), float(np.where(levels, levels, 1) @ self.gap_shares))
        Z, of_numbers = (X[some] - self.means) / self.scales, levels == 0
        shares = np.split(self.shares, levels[levels > 0].cumsum()[:-1]) if levels.any() else []
        roots = np.sqrt(self.weights[~of_numbers])
        made = one_hot(Z[:, of_numbers], Z[:, ~of_numbers], shares, roots)
        return ScaledRows(made), None if weight is None else weight[some]

    def rows_to_judge(self, X: np.ndarray, weight: Any) -> tuple[ScaledRows, Any]:
        """Return some rows, evenly spaced, and their weights: answers to them may be wide."""
        some = rows_of_budget(len(X), self.n_outputs)
        return self.rows(X[some]), None if weight is None else weight[some]

    def to_data(self, output: Tensor) -> Tensor:
        """Return decoded rows in the unit of the data, in float64, on their device."""
        mean, scale = self.mean.to(output.device), self.scale.to(output.device)
        return output.to(mean) * scale + mean
