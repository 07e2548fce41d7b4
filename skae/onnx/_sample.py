"""Sample rows: what they may be, and how a graph takes them."""

import os

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer

from skae.tables import detached


def rows_of(X_sample):
    """Return the sample as an array or as a DataFrame of pandas.

    Parameters
    ----------
    X_sample : {array-like, DataFrame, tensor}
        What the caller gave.

    Returns
    -------
    rows : ndarray or DataFrame

    Raises
    ------
    TypeError
        If these are no rows, such as the name of a file.
    """
    if isinstance(X_sample, str | bytes | os.PathLike):
        raise TypeError(
            f"X_sample must be a few rows such as the graph is to be given, got "
            f"{X_sample!r}. to_onnx returns the graph and writes no file: use "
            f"onnx.save(skae.to_onnx(estimator, X_sample), {os.fspath(X_sample)!r})."
        )
    if sparse.issparse(X_sample):
        raise TypeError(
            "X_sample is a sparse matrix, and a graph takes dense rows. Give a few rows as "
            "X_sample[:10].toarray()."
        )
    if hasattr(X_sample, "columns"):
        return _as_pandas(X_sample)
    rows = np.asarray(detached(X_sample))
    if rows.ndim == 0:
        raise TypeError(
            f"X_sample must be a few rows such as the graph is to be given, as an array or a "
            f"DataFrame of shape (n_samples, n_features), got {type(X_sample).__name__}. The "
            f"first rows of the training table will do: X[:100]."
        )
    return rows


def _as_pandas(table):
    if isinstance(table, pd.DataFrame):
        return table
    return pd.DataFrame({name: table[name].to_numpy() for name in table.columns})


def goes_by_column(rows, steps):
    """Return whether the graph has an input for each column, which a ColumnTransformer may name."""
    return isinstance(rows, pd.DataFrame) and any(
        isinstance(step, ColumnTransformer) for _, step in steps
    )


def as_floats(rows):
    """Return rows as the one input of a graph: float32 if they are, else float64."""
    rows = np.asarray(rows)
    return rows if rows.dtype == np.float32 else rows.astype(np.float64)


def arrays_of(rows, by_column):
    """Return rows as a list of arrays, one for each input of a graph."""
    if not by_column:
        return [as_floats(rows)]
    return [rows.iloc[:, [i]].to_numpy() for i in range(rows.shape[1])]
