"""Validation of the tables, weights and codes that a detector is given."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skae import tables
from skae._compat import validate_params
from skae.tables import CallerType

from ._default_autoencoder import autoencoder_to_fit
from ._members import Rows

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4


def validate_table(
    detector: Any,
    X: Any,
    sample_weight: Any = None,
    *,
    trains: bool = False,
    reset: bool = False,
) -> tuple[Rows, np.ndarray, CallerType]:
    """Return the rows of a weight above zero, weights of mean one, and the type of the table.

    Rows are in the caller's unit, of a table with columns of several types or with gaps as codes,
    numbers and NaN. `trains` says that they are to be learned: only then gaps in a table of
    numbers are refused. `reset` is for the first rows.
    """
    n_needed = _FEWEST_ROWS if reset else 1
    means = None
    if reset:
        autoencoder = autoencoder_to_fit(detector)
        validate_params(autoencoder)
        network, columns = autoencoder._make_network(), autoencoder
    else:
        autoencoder = detector.estimators_[0]
        network, columns = autoencoder.network_, detector._frame
        if not trains and autoencoder._why_only_numbers() is None:
            means = detector._scaling.means
    X, caller = tables.validate_table(
        detector,
        X,
        network,
        reset=reset,
        ensure_min_samples=n_needed,
        columns=columns,
        means=means,
        sample_weight=sample_weight,
    )
    if reset:
        autoencoder._check_takes(caller)
    X, weight = tables.drop_weightless_rows(X, sample_weight, n_needed)
    return X, np.ones(X.shape[0]) if weight is None else weight, caller


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
        names = getattr(X, "column_names", getattr(X, "columns", names))
        return pd.Index(names, name="column")
    n_axes = len(row_shape)
    axes = detector.estimators_[0].network_.row_axes or [f"axis{i + 1}" for i in range(n_axes)]
    return pd.MultiIndex.from_product(map(range, row_shape), names=axes[:n_axes])
