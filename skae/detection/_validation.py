"""Validation of the tables, weights and codes that a detector is given."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skae._compat import check_sample_weight
from skae.tables import (
    FLOATS,
    check_table,
    check_two_dimensions,
    detached,
    naming_cells,
    shape_of,
)

from ._members import Rows

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4

# How arrays of images or windows become tables.
_FLAT = (
    "Give X.reshape(len(X), -1); an autoencoder for images or windows has their shape as a "
    "parameter: autoencoder=ConvolutionalAutoencoder(image_shape=...)."
)


def validate_table(
    detector: BaseEstimator, X: Any, sample_weight: Any = None, *, reset: bool = False
) -> tuple[Rows, np.ndarray]:
    """Return the rows of a weight above zero, in the caller's unit, and weights of mean one."""
    X = detached(X)
    check_table(X)
    check_two_dimensions(shape_of(X), type(detector).__name__, _FLAT)
    with naming_cells(X):
        X = validate_data(
            detector,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=FLOATS,
            ensure_min_samples=_FEWEST_ROWS if reset else 1,
        )
    X, weight = _rows_that_count(X, sample_weight)
    if reset and X.shape[0] < _FEWEST_ROWS:
        raise ValueError(
            f"sample_weight leaves only {X.shape[0]} rows with a weight above zero, while a "
            f"minimum of {_FEWEST_ROWS} is required."
        )
    return X, weight


def _rows_that_count(rows: Rows, sample_weight: Any) -> tuple[Rows, np.ndarray]:
    """Return the rows of a weight above zero, and these weights, of mean one."""
    weight = check_sample_weight(
        detached(sample_weight), rows, dtype=np.float64, ensure_non_negative=True
    )
    # Dividing by the largest first keeps the sum of extreme weights in range.
    weight = weight / weight.max()
    counted = weight > 0
    if not counted.all():
        rows, weight = rows[counted], weight[counted]
    return rows, weight / weight.mean()


def validate_codes(detector: BaseEstimator, X: Any, n_codes: int) -> np.ndarray:
    """Return codes as an array of `n_codes` columns."""
    codes = detached(X)
    check_table(codes)
    with naming_cells(codes):
        codes = check_array(codes, dtype=FLOATS, input_name="X")
    if codes.shape[1] != n_codes:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but the members of {type(detector).__name__} "
            f"together have codes of {n_codes}, as transform gives them."
        )
    return codes


def labels_of(detector: BaseEstimator, X: Any) -> tuple[Any, Any]:
    """Return the index of a table, or None, and the names of its columns."""
    index = getattr(X, "index", None) if hasattr(X, "columns") else None
    numbered = [f"x{i}" for i in range(detector.n_features_in_)]
    names = getattr(X, "columns", getattr(detector, "feature_names_in_", numbered))
    return index, names
