"""Mean and variance of the columns of a table with gaps."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._mapped_files import filled, slices_in_memory
from ._moments import column_moments


def has_gaps(X: np.ndarray) -> bool:
    """Return whether a cell of finite numbers is NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        # The sum of clean rows is a number as a rule, and faster than a mask.
        return bool(np.isnan(X.sum()) and np.isnan(X).any())


def observed_moments(X: np.ndarray, sample_weight: Any) -> tuple[Tensor, Tensor, float]:
    """Return the moments of the cells that have a value; see `column_moments`.

    Gaps that hold the mean add nothing to the variance but rows.
    """
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
    known, unit = np.zeros(X.shape[1]), 0.0
    for rows in slices_in_memory(X):
        part = X[rows]
        known += weight[rows] @ ~np.isnan(part)
        unit = max(unit, float(np.nanmax(np.abs(part))))
    share = known / weight.sum()
    if not share.all():
        raise ValueError(
            f"Column {np.argmin(share)} of X, counted from 0, has no value in any row of a weight "
            f"above zero. Leave it out, or fill it."
        )
    # Dividing by the largest value first keeps sums in range.
    unit = unit or 1.0
    sums = np.zeros(X.shape[1])
    for rows in slices_in_memory(X):
        part = X[rows]
        sums += weight[rows] @ np.where(np.isnan(part), 0.0, part / unit)
    means = sums / known * unit
    mean, variance, unit = column_moments(filled(X, means), sample_weight)
    return mean, variance / torch.from_numpy(share), unit
