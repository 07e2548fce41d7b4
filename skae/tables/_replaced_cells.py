"""Tables of the caller in which some cells are replaced."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd


def missing_cells(X: Any, missing_values: Any = np.nan) -> np.ndarray:
    """Return which cells of an array or a DataFrame have no value, or are `missing_values`."""
    if not hasattr(type(X), "columns"):
        return _missing(np.asarray(X), missing_values)
    columns = nw.from_native(X, eager_only=True).iter_columns()
    # A Series keeps lists in cells, of which an array would make more dimensions.
    cells = [pd.Series(column.to_list(), dtype=object).to_numpy() for column in columns]
    return np.column_stack([_missing(values, missing_values) for values in cells])


def _missing(values: np.ndarray, missing_values: Any) -> np.ndarray:
    missing = pd.isna(values)
    if pd.isna(missing_values):
        return missing
    # Comparisons of text with numbers are False.
    return missing | np.asarray(values == missing_values, dtype=bool)


def replace_cells(X: Any, where: np.ndarray, by: Any = None) -> Any:
    """Return a table with cells of another one of the same columns; None leaves them empty."""
    if not hasattr(type(X), "columns"):
        return np.where(where, np.nan if by is None else by, X)
    if isinstance(X, pd.DataFrame):
        table = X.copy()
        for i in np.flatnonzero(where.any(axis=0)).tolist():
            column = X.iloc[:, i]
            cells = None if by is None else by.iloc[:, i]
            table.isetitem(i, _put(column, cells, where[:, i]))
        return table
    frame = nw.from_native(X, eager_only=True)
    columns = []
    for i, column in enumerate(frame.iter_columns()):
        backend, name = frame.implementation, column.name
        keeps = nw.new_series(name, ~where[:, i], nw.Boolean, backend=backend)
        if by is None:
            cells = nw.new_series(name, [None] * len(column), column.dtype, backend=backend)
        else:
            cells = nw.from_native(by, eager_only=True)[name].cast(column.dtype)
        columns.append(column.zip_with(keeps, cells))
    # Categories of Arrow have become text.
    return frame.with_columns(*columns).to_native().cast(X.schema)


def _put(column: pd.Series, by: pd.Series | None, where: np.ndarray) -> pd.Series:
    """Return a column with the cells of another one, or none, where a mask says so."""
    if by is None:
        return column.mask(where)
    cells = by.set_axis(column.index)
    if column.dtype.kind in "iu":
        # A number stood for the gaps: a type of whole numbers without nulls has others.
        cells = cells.where(where, 0).astype(column.dtype)
    return column.mask(where, cells) if column.dtype == cells.dtype else cells.where(where, column)
