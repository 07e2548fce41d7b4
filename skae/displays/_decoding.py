"""Codes of rows, and decoded rows of other codes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skae.inspection import RowKind, as_array


def decode(estimator: Any, codes: np.ndarray, y: Any) -> Any:
    """Return decoded codes; a conditional autoencoder decodes them as rows of the class `y`."""
    return (
        estimator.inverse_transform(codes) if y is None else estimator.inverse_transform(codes, y)
    )


def chosen_components(components: Any, n_components: int, n_most: int) -> np.ndarray:
    """Return the components to draw: the given ones, or the first if None are given."""
    if components is None:
        return np.arange(min(n_most, n_components))
    chosen = np.atleast_1d(np.asarray(components))
    fits = chosen.ndim == 1 and chosen.dtype.kind in "iu" and len(chosen)
    if not fits or (chosen < 0).any() or (chosen >= n_components).any():
        raise ValueError(
            f"components must be numbers from 0 to {n_components - 1}, got {components}."
        )
    return chosen


def spread_of(values: np.ndarray) -> np.ndarray:
    """Return the standard deviations of columns, 1 for constant ones."""
    spread = np.nanstd(values, axis=0)
    return np.where(spread > 0, spread, 1.0)


def shaped(row_kind: RowKind, rows: Any, *leading: int) -> np.ndarray:
    """Return decoded images or signals in an array of more dimensions before theirs."""
    return as_array(rows).reshape(*leading, *row_kind.shape)


def code_names(components: Sequence[int] | np.ndarray) -> list[str]:
    """Return the names of codes in a picture."""
    return [f"code {i}" for i in components]
