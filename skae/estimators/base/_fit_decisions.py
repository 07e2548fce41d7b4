"""The decisions of a fit that depend on the size and the range of the table."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from skae._warnings import warn_caller
from skae.objectives import CountLoss, TableLoss
from skae.tables import slices_in_memory

# Validation rows below which their loss says more about chance than about the model.
MIN_VALIDATION_ROWS = 50

# Values beyond a limit by less than this are at it: a few times the resolution of float32.
_ROUNDING = 1e-6

# Batches of this size are small enough for many steps and large enough for fast products. A table
# that is only half as large again is not cut.
_SMALLEST_BATCH = 32
_ONE_BATCH = _SMALLEST_BATCH + _SMALLEST_BATCH // 2


def split_rows(
    n_samples: int,
    early_stopping: bool | str,
    validation_fraction: float,
    rng: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Return the indices of the rows to train on and of those to judge training by.

    Both are None if no rows are held out. "auto" holds rows out if that makes at least 50 of them.
    Too few rows to hold some out raise a ValueError.
    """
    n_valid = math.ceil(validation_fraction * n_samples)
    n_train = n_samples - n_valid
    if early_stopping == "auto":
        early_stopping = enough_to_judge(n_train, n_valid)
    if not early_stopping:
        return None, None
    check_enough(validation_fraction, n_samples, n_train, n_valid)
    order = rng.permutation(n_samples)
    return np.sort(order[n_valid:]), np.sort(order[:n_valid])


def enough_to_judge(n_train: int, n_valid: int) -> bool:
    """Return whether "auto" holds rows out."""
    return n_valid >= MIN_VALIDATION_ROWS and n_train > n_valid


def check_enough(validation_fraction: Any, n_samples: int, n_train: int, n_valid: int) -> None:
    """Refuse a split with less than two rows in a part."""
    if n_valid < 2 or n_train < 2:
        raise ValueError(
            f"early_stopping=True, or a callback that needs held-out rows, holds out "
            f"validation_fraction={validation_fraction} of n_samples={n_samples} rows, which makes "
            f"{n_valid} validation and {n_train} training rows; both must be at least 2. Change "
            f"validation_fraction, or set early_stopping=False."
        )


def resolve_batch_size(batch_size: int | str, n_samples: int) -> int:
    """Return the number of rows in a batch, given the parameter and the rows to train on."""
    if not isinstance(batch_size, str):
        return int(min(batch_size, n_samples))
    if n_samples <= _ONE_BATCH:
        return n_samples
    return int(np.clip(2 ** round(math.log2(n_samples / 64)), _SMALLEST_BATCH, 256))


def resolve_hidden_layer_sizes(sizes: Any, name: str = "hidden_layer_sizes") -> tuple[int, ...]:
    """Return the widths of the hidden layers; `name` is the parameter that an error names."""
    sizes = tuple(np.atleast_1d(np.asarray(sizes)).tolist())
    if any(type(size) is not int or size < 1 for size in sizes):
        raise ValueError(
            f"{name} must hold integers of at least 1, got {sizes}. Use () for no hidden layer."
        )
    return sizes


def check_range(
    X: Any, loss: TableLoss | type[CountLoss], unit: float | None = None, name: str = "X"
) -> None:
    """Raise a ValueError if validated rows lie outside of the range of the loss.

    float32, in which networks compute, must be able to tell them from the limits. Where the loss
    has no upper limit, `unit` is the size of typical values; None is the mean of X. An error speaks
    of the rows by `name`.
    """
    if loss.limits is None:
        return
    if sparse.issparse(X) and not X.has_canonical_format:
        # Finding the smallest value would add up duplicates in the caller's matrix.
        X = X.copy()
    low, high, mean = _low_high_and_mean(X)
    if math.isfinite(loss.maximum):
        unit = loss.maximum - loss.minimum
    elif unit is None:
        unit = max(mean, 0.0)
    rounding = _ROUNDING * unit
    if low >= loss.minimum - rounding and high <= loss.maximum + rounding:
        return
    if math.isfinite(loss.maximum):
        needed = "values in [0, 1]"
        cure = (
            "Scale them with MinMaxScaler, and with MinMaxScaler(clip=True) where new rows may "
            "exceed the training rows"
        )
    else:
        needed, cure = "values of zero or more", "Shift them"
    found = "Negative values in data" if low < -rounding else "Values too large in data"
    raise ValueError(
        f"{found}: loss={loss.name!r} needs {needed}, but {name} holds values from {low:.10g} to "
        f"{high:.10g}. {cure}, or use loss='squared_error'."
    )


def _low_high_and_mean(X: Any) -> tuple[float, float, float]:
    """Return the smallest value, the largest and the mean of the cells with a value."""
    if not isinstance(X, np.ndarray):
        return float(X.min()), float(X.max()), float(X.mean())
    low, high, total, n_cells = np.inf, -np.inf, 0.0, 0
    for rows in slices_in_memory(X):
        cells = X[rows]
        if np.isnan(cells.min()):
            cells = cells[~np.isnan(cells)]
        low, high = min(low, float(cells.min())), max(high, float(cells.max()))
        total, n_cells = total + float(cells.mean()) * cells.size, n_cells + cells.size
    return low, high, total / n_cells


@contextmanager
def as_before_on_error(*estimators: BaseEstimator) -> Iterator[None]:
    """Give estimators their attributes back if fitting, which replaces these, fails."""
    before = [vars(one).copy() for one in estimators]
    try:
        yield
    except BaseException:
        for one, attributes in zip(estimators, before, strict=True):
            one.__dict__ = attributes
        raise


def until_interrupted(chunks: Iterable[Any]) -> Iterator[Any]:
    """Yield chunks until the last one, or until the keyboard interrupts the iterator."""
    remaining, n_chunks = iter(chunks), 0
    while True:
        try:
            chunk = next(remaining)
        except StopIteration:
            return
        except KeyboardInterrupt:
            if n_chunks == 0:
                raise
            warn_caller(
                f"The iterator was interrupted after {n_chunks} chunks; what was learned from them "
                f"is kept."
            )
            return
        n_chunks += 1
        yield chunk
        del chunk
