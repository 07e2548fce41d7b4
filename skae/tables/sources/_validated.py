"""Validated rows of a source: all of them, or a sample."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .._caller_frame import CallerFrame, needs_columns
from .._caller_type import CallerType
from .._mapped_files import is_memory_mapped, slices_in_memory
from .._observed_moments import has_gaps
from ._reading import ReadPart, learn_columns, read_rows, sample_rows
from ._source import Source

# Returns the rows of a part as numbers, given the columns of the table if they are known.
Validate = Callable[[Any, CallerFrame | None], tuple[Any, CallerType]]


class _HasColumns(Exception):
    """Rows that are read part by part turn out to have columns of several types, or gaps."""


def validate_source(
    estimator: BaseEstimator,
    source: Source,
    validate: Validate,
    reset: bool,
    n_needed: int,
    sample_weight: Any,
) -> tuple[np.ndarray, CallerType]:
    """Return all rows of a source, from a temporary file, and the caller's type."""

    def read_all(read: ReadPart) -> tuple[np.ndarray, CallerType]:
        return read_rows(source, estimator, read)

    X, caller = _with_columns(estimator, source, validate, reset, sample_weight, read_all)
    _check_enough(estimator, X, n_needed)
    return X, caller


def validate_sample(
    estimator: BaseEstimator,
    source: Source,
    validate: Validate,
    columns: BaseEstimator,
    n_most: int,
    seed: int,
    n_needed: int,
    sample_weight: Any,
) -> tuple[np.ndarray, np.ndarray, CallerType]:
    """Return at most `n_most` rows of a source, drawn at random, their numbers, and the type.

    The parameters of `columns` say which columns are categories.
    """

    def read_some(read: ReadPart) -> tuple[np.ndarray, np.ndarray, CallerType]:
        return sample_rows(source, estimator, read, n_most, seed, sample_weight)

    X, numbers, caller = _with_columns(columns, source, validate, True, sample_weight, read_some)
    _check_enough(estimator, X, n_needed)
    return X, numbers, caller


def _with_columns(
    columns: BaseEstimator,
    source: Source,
    validate: Validate,
    reset: bool,
    sample_weight: Any,
    read_source: Callable[[ReadPart], Any],
) -> Any:
    """Return what reading a source gives; in a new fit, columns of several types are learned."""
    frame: CallerFrame | None = None

    def read(part: Any) -> tuple[Any, CallerType]:
        if reset and frame is None and needs_columns(columns, part):
            raise _HasColumns
        return validate(part, frame)

    try:
        return read_source(read)
    except _HasColumns:
        frame = learn_columns(columns, source, sample_weight)
        return read_source(read)


def _check_enough(estimator: BaseEstimator, X: np.ndarray, n_needed: int) -> None:
    if len(X) < n_needed:
        raise ValueError(
            f"Found array with {len(X)} sample(s) (shape={X.shape}) while a minimum of {n_needed} "
            f"is required by {type(estimator).__name__}."
        )


def is_mapped_without_gaps(X: Any) -> bool:
    """Return whether rows are in a file that is mapped already, and can be read as they are."""
    # Torch has no numbers of more bytes.
    if not is_memory_mapped(X) or X.dtype.kind not in "biuf" or X.dtype.itemsize > 8:
        return False
    if X.ndim < 2 or not X.size:
        return True
    rows = X.reshape(len(X), -1)
    return not any(has_gaps(rows[part]) for part in slices_in_memory(rows))
