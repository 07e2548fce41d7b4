"""Weights of rows."""

from typing import Any

import numpy as np

from skae._compat import check_sample_weight

from ._caller_type import caller_type, detached
from ._mapped_files import SelectedRows, is_memory_mapped
from ._table_errors import check_mask


def validate_weight(sample_weight: Any, X: Any) -> Any:
    """Return the weights of validated rows `X` in float64, where the rows are."""
    if isinstance(sample_weight, str):
        raise ValueError(
            f"sample_weight must hold a number for each row, or be None, got {sample_weight!r}."
        )
    check_mask(sample_weight, "sample_weight")
    if isinstance(sample_weight, list | tuple):
        sample_weight = np.asarray(sample_weight)
    sample_weight = detached(sample_weight, caller_type(X))
    return check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)


def drop_weightless_rows(X: Any, sample_weight: Any, n_needed: int) -> tuple[Any, Any]:
    """Return the rows of a weight above zero, and their weights with a mean of one.

    Without weights, validated rows and None are returned. Rows of a mapped file stay there.
    """
    if sample_weight is None:
        return X, None
    weight = validate_weight(sample_weight, X)
    # Dividing by the largest first keeps the sum of extreme weights in range.
    weight = weight / weight.max()
    counted = weight > 0
    n_left = int(counted.sum())
    if n_left < n_needed:
        raise ValueError(
            f"sample_weight leaves only {n_left} row{'s' * (n_left != 1)} with a weight above "
            f"zero, while a minimum of {n_needed} is required."
        )
    if n_left < len(weight):
        mapped = is_memory_mapped(X)
        X = SelectedRows(X, np.flatnonzero(counted)) if mapped else X[counted]
        weight = weight[counted]
    return X, weight / weight.mean()
