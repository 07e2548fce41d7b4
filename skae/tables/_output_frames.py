"""Names of columns, and rows in the frame that `set_output` asks for."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skae._compat import container_adapter

from ._caller_frame import index_of


def column_names(estimator: Any, n_columns: int) -> np.ndarray:
    """Return the names that an estimator saw in `fit`, or, as scikit-learn has it, "x0", "x1", ...

    None stands for an estimator that saw no names.
    """
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(n_columns)])
    return np.asarray(names, dtype=object)


def as_set_output(estimator: BaseEstimator, rows: Any, X: Any = None) -> Any:
    """Return rows as a DataFrame if `set_output` or the configuration asks for one.

    scikit-learn does this for what `transform` returns. These rows are like those in `fit`, with
    the same names of columns. Images, windows and tensors are returned as they are. The index is
    that of `X`, what the rows were made of.
    """
    adapter = container_adapter("transform", estimator)
    if adapter is None:
        return rows
    if hasattr(type(rows), "columns"):
        return _of_library(rows, adapter.container_lib, index_of(X))
    if not isinstance(rows, np.ndarray) or rows.ndim > 2:
        return rows
    return adapter.create_container(rows, X, columns=column_names(estimator, rows.shape[1]))


def _of_library(rows: Any, library: str, index: Any) -> Any:
    """Return a table as one of pandas, with this index, or of polars; None keeps the index."""
    frame = nw.from_native(rows, eager_only=True)
    if frame.implementation.value != library:
        rows = frame.to_pandas() if library == "pandas" else frame.to_polars()
    return rows if library != "pandas" or index is None else rows.set_axis(index)


def as_pandas(X: Any, index: Any, columns: pd.Index) -> pd.DataFrame:
    """Return a table of any library as one of pandas, with this index and names of columns."""
    if not hasattr(type(X), "columns"):
        return pd.DataFrame(X, index=index, columns=columns)
    if not isinstance(X, pd.DataFrame):
        cells = [
            pd.Series(one.to_list()) for one in nw.from_native(X, eager_only=True).iter_columns()
        ]
        X = pd.concat(cells, axis=1)
    table = X.set_axis(columns, axis=1)
    return table if index is None else table.set_axis(index)
