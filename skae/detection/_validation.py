"""Validation of the tables, weights and codes that a detector is given."""

import sys
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skae import tables
from skae._compat import validate_params
from skae.estimators.base import BaseAutoencoder
from skae.tables import CallerFrame, CallerType

from ._default_autoencoder import autoencoder_to_fit
from ._members import Rows

# Every member needs two rows to train on and, beside the fold that it leaves out, one more fold.
_FEWEST_ROWS = 4

# Rows of a source that a detector learns from: a multiple of those that its members train on.
_SAMPLED_ROWS, _ALL = 100_000, sys.maxsize


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
    source = tables.source_of(X) if reset and not trains else None
    if source is not None:
        X, sample_weight, caller = _sample_of(
            detector, source, network, autoencoder, sample_weight, n_needed
        )
    else:
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


def _sample_of(
    detector: Any,
    source: Any,
    network: Any,
    autoencoder: BaseAutoencoder,
    sample_weight: Any,
    n_needed: int,
) -> tuple[np.ndarray, Any, CallerType]:
    """Return rows of a source, drawn at random, their weights, and the type of its table."""

    def validate(part: Any, frame: CallerFrame | None) -> tuple[Any, CallerType]:
        return tables.validate_table(
            detector, part, network, reset=True, ensure_min_samples=1, columns=frame
        )

    seed = check_random_state(detector.random_state).randint(np.iinfo(np.int32).max)
    X, numbers, caller = tables.validate_sample(
        detector, source, validate, autoencoder, _n_sampled(detector), seed, n_needed, sample_weight
    )
    weight = sample_weight if np.ndim(sample_weight) == 0 else np.asarray(sample_weight)[numbers]
    return X, weight, caller


def _n_sampled(detector: Any) -> int:
    """Return how many rows of a source are read into memory: many more than members train on."""
    max_samples = detector.max_samples
    if isinstance(max_samples, Integral):
        return max(_SAMPLED_ROWS, 2 * int(max_samples))
    # A share is one of all rows.
    return _SAMPLED_ROWS if isinstance(max_samples, str) else _ALL


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
