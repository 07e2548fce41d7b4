"""Validation of the tables, weights and codes that a detector is given."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skae import tables
from skae._compat import validate_params
from skae.estimators.base import BaseAutoencoder
from skae.networks import DenseNetwork, Network

from ._members import Rows, RowShape

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4


def validate_table(
    detector: Any, X: Any, sample_weight: Any = None, *, reset: bool = False
) -> tuple[Rows, np.ndarray, RowShape]:
    """Return the rows of a weight above zero, weights of mean one, and the shape of a row.

    Rows are in the caller's unit. The shape is that of images and windows, None in a table.
    """
    n_needed = _FEWEST_ROWS if reset else 1
    network = _network_to_fit(detector.autoencoder) if reset else detector.estimators_[0].network_
    X, row_shape = tables.validate_table(
        detector, X, network, reset=reset, ensure_min_samples=n_needed
    )
    X, weight = tables.drop_weightless_rows(X, sample_weight, n_needed)
    return X, np.ones(X.shape[0]) if weight is None else weight, row_shape


def _network_to_fit(autoencoder: BaseAutoencoder | None) -> Network:
    """Return the network of the members, which says which rows it takes."""
    if autoencoder is None:
        return DenseNetwork()
    validate_params(autoencoder)
    return autoencoder._make_network()


def validate_codes(detector: BaseEstimator, X: Any, n_codes: int) -> np.ndarray:
    """Return codes as an array of `n_codes` columns."""
    codes = tables.validate_code_table(X)
    if codes.shape[1] != n_codes:
        raise ValueError(
            f"X has {codes.shape[1]} columns, but the members of {type(detector).__name__} "
            f"together have codes of {n_codes}, as transform gives them."
        )
    return codes


def cells_of(detector: Any, X: Any) -> pd.Index:
    """Return the names of the columns of a table, or the places of cells in images and windows."""
    row_shape = detector._row_shape
    if row_shape is None:
        names = tables.column_names(detector, detector.n_features_in_)
        # Arrow's tables have another name for the names of their columns.
        return pd.Index(getattr(X, "column_names", getattr(X, "columns", names)))
    n_axes = len(row_shape)
    axes = detector.estimators_[0].network_.row_axes or [f"axis{i + 1}" for i in range(n_axes)]
    return pd.MultiIndex.from_product(map(range, row_shape), names=axes[:n_axes])
