"""Fitted estimators, and rows that some are drawn of."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from skae._compat import num_samples, safe_indexing
from skae._fitted import last_step
from skae.tables import array_of, check_in_memory, column_names, detached


def autoencoder_of(estimator: Any) -> Any:
    """Return the autoencoder of a Pipeline, a search, a classifier or a regressor."""
    estimator = last_step(estimator)
    return getattr(estimator, "autoencoder_", estimator)


def some_rows(n_rows: int, n_most: int | None, random_state: Any) -> np.ndarray:
    """Return the places of at most so many rows, in order; None stands for all."""
    if n_most is not None and n_most < 1:
        raise ValueError(f"the number of rows to draw must be at least 1, got {n_most}.")
    if n_most is None or n_rows <= n_most:
        return np.arange(n_rows)
    rng = check_random_state(random_state)
    # A permutation of all rows would take their memory once more.
    seed = rng.randint(np.iinfo(np.int32).max)
    return np.sort(np.random.default_rng(seed).choice(n_rows, n_most, replace=False, shuffle=False))


def take(X: Any, places: np.ndarray) -> Any:
    """Return some rows of a table, an array, a tensor or a list."""
    X = detached(X)
    X = sparse.csr_array(X) if sparse.issparse(X) else X
    return X if len(places) == num_samples(X) else safe_indexing(X, places)


def sample(X: Any, n_most: int | None, random_state: Any) -> tuple[Any, np.ndarray, int]:
    """Return at most so many rows of `X`, their places, and how many rows `X` has."""
    check_in_memory(X, "A display")
    n_rows = num_samples(X)
    if n_rows == 0:
        raise ValueError("X has no rows, and there is nothing to draw.")
    places = some_rows(n_rows, n_most, random_state)
    return take(X, places), places, n_rows


def share_in_words(n_drawn: int, n_rows: int) -> str:
    """Return "1,000 of 20,000 rows", or nothing if all are drawn."""
    return "" if n_drawn == n_rows else f"{n_drawn:,} of {n_rows:,} rows"


def as_array(X: Any) -> np.ndarray:
    """Return rows as a dense array, whatever holds them."""
    X = detached(X)
    return X.toarray() if sparse.issparse(X) else array_of(X)


def codes_of(estimator: Any, X: Any) -> np.ndarray:
    """Return the codes of rows in float64."""
    codes = as_array(estimator.transform(X)).astype(np.float64)
    if codes.ndim != 2:
        raise TypeError(f"transform gave an array of shape {codes.shape}, expected one code a row.")
    return codes


def names_of_columns(estimator: Any, X: Any, n_columns: int) -> list[str]:
    """Return the names of the caller's columns: those of a table, of `fit`, or "x0", "x1", ..."""
    # Arrow's tables have another name for the names of their columns.
    names = getattr(X, "column_names", getattr(X, "columns", None))
    if names is None:
        names = column_names(estimator, n_columns)
    return [str(name) for name in names]
