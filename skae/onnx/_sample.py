"""Sample rows: what they may be, and how an estimator and its graph take rows like them."""

import os
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer

from skae._extras import require
from skae.tables import check_mask, detached

from ._steps import Steps

Columns = list[np.ndarray]


def check_sample(X_sample: Any) -> None:
    """Refuse a sample that is no dense table."""
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


def rows_of(X_sample: Any) -> Any:
    """Return the sample of a caller as an array or as a DataFrame of pandas."""
    if isinstance(X_sample, pd.DataFrame):
        return X_sample
    if hasattr(X_sample, "columns"):
        return pd.DataFrame({name: X_sample[name].to_numpy() for name in X_sample.columns})
    check_mask(X_sample, "X_sample")
    rows = np.asarray(detached(X_sample))
    if rows.ndim == 0:
        raise TypeError(
            f"X_sample must be a few rows such as the graph is to be given, as an array or a "
            f"DataFrame of shape (n_samples, n_features), got {type(X_sample).__name__}. The "
            f"first rows of the training table will do: X[:100]."
        )
    return rows


class Sample:
    """Rows as a list of columns, and what such columns are to the estimator and to its graph.

    Columns of images and windows are those of flat rows.
    """

    def __init__(self, rows: Any, steps: Steps):
        if isinstance(rows, pd.DataFrame):
            self.columns = [rows.iloc[:, i].to_numpy() for i in range(rows.shape[1])]
            self.names: list[Any] = list(rows.columns)
            self._dtypes: list[Any] = list(rows.dtypes)
        else:
            rows = _as_floats(rows)
            self.columns = list(rows.reshape(len(rows), -1).T)
            self.names, self._dtypes = list(range(len(self.columns))), []
            self._row_shape = rows.shape[1:]
        # A ColumnTransformer may name columns: the graph then has an input for each.
        by_name = any(isinstance(step, ColumnTransformer) for _, step in steps)
        self.by_column = bool(self._dtypes) and by_name
        self.inputs = list(map(str, self.names)) if self.by_column else ["X"]

    def is_categorical(self, column: int) -> bool:
        """Return whether a column holds nothing but its own categories."""
        return bool(self._dtypes) and isinstance(self._dtypes[column], pd.CategoricalDtype)

    def rows(self, columns: Columns) -> Any:
        """Return an array or a DataFrame, as the estimator takes it."""
        if not self._dtypes:
            return np.stack(columns, axis=1).reshape(-1, *self._row_shape)
        pairs = zip(columns, self._dtypes, strict=True)
        table = pd.concat([pd.Series(values, dtype=dtype) for values, dtype in pairs], axis=1)
        table.columns = pd.Index(self.names)
        return table

    def arrays(self, columns: Columns) -> list[np.ndarray]:
        """Return an array for each input of the graph."""
        if self.by_column:
            return [values[:, None] for values in columns]
        return [_as_floats(self.rows(columns))]

    def table(self) -> Any:
        """Return the rows as skl2onnx takes them: an array, or a DataFrame with names of text."""
        if self.by_column:
            return self.rows(self.columns).set_axis(self.inputs, axis=1)
        return self.arrays(self.columns)[0]

    def types(self) -> Any:
        """Return the inputs as skl2onnx knows them, None if it is to find out by itself."""
        rows = self.table()
        if not isinstance(rows, np.ndarray):
            return None
        known = require("skl2onnx.common.data_types", "onnx")
        real = known.FloatTensorType if rows.dtype == np.float32 else known.DoubleTensorType
        return [("X", real([None, *rows.shape[1:]]))]

    def advice(self) -> str:
        """Return advice for a graph that computes something else than the estimator."""
        advice = (
            "The converter of a step computes something else: convert the steps before it, such as "
            "model[:-1], and do that step outside the graph."
        )
        if self.by_column:
            return advice
        other = "float32" if self._is_double() else "float64"
        return f"{advice} Or try X_sample.astype({other!r})."

    def advice_for_double(self) -> str:
        """Return advice for rows of float64, of which some converters and runtimes know less."""
        return " Try X_sample.astype('float32')." if self._is_double() else ""

    def _is_double(self) -> bool:
        few = [values[:1] for values in self.columns]
        return any(array.dtype == np.float64 for array in self.arrays(few))


def _as_floats(rows: Any) -> np.ndarray:
    """Return rows as an array: float32 if they are, else float64."""
    rows = np.asarray(rows)
    return rows if rows.dtype == np.float32 else rows.astype(np.float64)
