"""Means, scales and shares of columns of several types, from encoded rows read in parts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._mapped_files import slices_in_memory
from ._moments import Moments, merge_moments
from ._numeric_table import LARGEST_SCALE
from .columns import CategoryColumn, TableSchema

# Deviations below this share of the mean are rounding.
_ROUNDING = 1e-12


@dataclass
class ColumnStatistics:
    """Weighted means and standard deviations of numbers, 0 and 1 for categories.

    `shares` are those of the categories of each column that has some, `gap_shares` those of the
    cells of each column without a value.
    """

    means: np.ndarray
    scales: np.ndarray
    shares: list[np.ndarray]
    gap_shares: np.ndarray


def column_statistics(X: Any, weight: Any, schema: TableSchema) -> ColumnStatistics:
    """Return the statistics of encoded rows; a column too large to compute with is refused."""
    columns = schema.columns
    moments: list[Moments | None] = [None] * len(columns)
    counts = [np.zeros(n) for n in schema.n_levels]
    gap_shares, total = np.zeros(len(columns)), 0.0
    for part, of_part in _parts(X, weight):
        total += of_part.sum()
        found = np.average(np.isnan(part), axis=0, weights=of_part)
        gap_shares += of_part.sum() / total * (found - gap_shares)
        for i, (cells, of_cells) in enumerate(_seen(part, of_part)):
            if isinstance(columns[i], CategoryColumn):
                counts[i] += np.bincount(cells.astype(int), of_cells, len(counts[i]))
            elif len(cells):
                moments[i] = merge_moments(
                    moments[i], _moments_of(columns[i].name, cells, of_cells)
                )
    means, scales = np.zeros(len(columns)), np.ones(len(columns))
    for i, found_moments in enumerate(moments):
        if found_moments is not None:
            means[i], deviation = found_moments[1], np.sqrt(found_moments[2])
            scales[i] = deviation if deviation > _ROUNDING * abs(means[i]) else 1.0
    # A category of rows without weight is as rare as half a row.
    totals = [np.maximum(one, 0.5) for one in counts if len(one)]
    return ColumnStatistics(means, scales, [one / one.sum() for one in totals], gap_shares)


def mean_losses(
    X: Any,
    weight: Any,
    found: ColumnStatistics,
    loss_of_mean: Callable[[np.ndarray], np.ndarray],
    is_number: np.ndarray,
) -> np.ndarray:
    """Return the mean loss of each column of numbers for its mean, and 0 for others.

    ``loss_of_mean(z)`` is the loss of each of some scaled numbers, if the answer is zero.
    """
    losses, totals = np.zeros(len(is_number)), np.zeros(len(is_number))
    for part, of_part in _parts(X, weight):
        for i, (cells, of_cells) in enumerate(_seen(part, of_part)):
            if is_number[i] and len(cells):
                of_cell = loss_of_mean((cells - found.means[i]) / found.scales[i])
                totals[i] += of_cells.sum()
                mean = np.average(of_cell, weights=of_cells)
                losses[i] += of_cells.sum() / totals[i] * (mean - losses[i])
    return losses


def _parts(X: Any, weight: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows that fit into memory, and their weights."""
    for rows in slices_in_memory(X):
        part = X[rows]
        yield part, np.ones(len(part)) if weight is None else weight[rows]


def _seen(part: np.ndarray, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each column the cells with a value, and their weights."""
    for cells in part.T:
        has_value = ~np.isnan(cells)
        yield cells[has_value], weight[has_value]


def _moments_of(name: Any, cells: np.ndarray, weight: np.ndarray) -> Moments:
    mean = np.average(cells, weights=weight)
    with np.errstate(over="ignore", invalid="ignore"):
        variance = np.average((cells - mean) ** 2, weights=weight)
    if not np.sqrt(variance) < LARGEST_SCALE:
        raise ValueError(
            f"Column {name!r} holds values up to {np.abs(cells).max():.3g}, too large to compute "
            f"with. Scale it, for example with RobustScaler."
        )
    return weight.sum(), mean, variance
