"""Validation of the tables, weights and codes that a detector is given."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skae import tables

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
    n_needed = _FEWEST_ROWS if reset else 1
    X = tables.validate_table(detector, X, reset=reset, ensure_min_samples=n_needed, cure=_FLAT)
    X, weight = tables.drop_weightless_rows(X, sample_weight, n_needed)
    return X, np.ones(X.shape[0]) if weight is None else weight


def validate_codes(detector: BaseEstimator, X: Any, n_codes: int) -> np.ndarray:
    """Return codes as an array of `n_codes` columns."""
    codes = tables.validate_code_table(X)
    if codes.shape[1] != n_codes:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but the members of {type(detector).__name__} "
            f"together have codes of {n_codes}, as transform gives them."
        )
    return codes


def labels_of(detector: BaseEstimator, X: Any) -> tuple[Any, Any]:
    """Return the index of a table, or None, and the names of its columns."""
    index = getattr(X, "index", None) if hasattr(X, "columns") else None
    names = getattr(X, "columns", tables.column_names(detector, detector.n_features_in_))
    return index, names
