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


def mark_cells(X: Any, where: np.ndarray, value: Any) -> Any:
    """Return a table with one value in some cells, or nothing where a column cannot hold it."""
    is_frame = hasattr(type(X), "columns")
    if pd.isna(value) or (isinstance(value, str) and not is_frame and X.dtype != object):
        return replace_cells(X, where)
    if not is_frame:
        return np.where(where, value, X)
    frame = nw.from_native(X, eager_only=True)
    holds = np.array(
        [
            dtype in (nw.String, nw.Object) if isinstance(value, str) else dtype.is_numeric()
            for dtype in frame.schema.values()
        ]
    )
    X = replace_cells(X, where & ~holds)
    for i in np.flatnonzero(where.any(axis=0) & holds).tolist():
        X = _marked(X, i, where[:, i], value)
    return X


def _marked(X: Any, place: int, where: np.ndarray, value: Any) -> Any:
    if isinstance(X, pd.DataFrame):
        table = X.copy()
        table.isetitem(place, X.iloc[:, place].mask(where, value))
        return table
    frame = nw.from_native(X, eager_only=True)
    column, backend = frame[:, place], frame.implementation
    keeps = nw.new_series(column.name, ~where, nw.Boolean, backend=backend)
    cells = nw.new_series(column.name, [value] * len(column), column.dtype, backend=backend)
    return frame.with_columns(column.zip_with(keeps, cells)).to_native()


def _put(column: pd.Series, by: pd.Series | None, where: np.ndarray) -> pd.Series:
    """Return a column with the cells of another one, or none, where a mask says so."""
    if by is None:
        return column.mask(where)
    cells = by.set_axis(column.index)
    if column.dtype.kind in "iu":
        # A number stood for the gaps: a type of whole numbers without nulls has others.
        cells = cells.where(where, 0).astype(column.dtype)
    return column.mask(where, cells) if column.dtype == cells.dtype else cells.where(where, column)
