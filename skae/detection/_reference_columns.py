"""The columns of a table as numbers that two samples can be compared by."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from skae._compat import safe_indexing
from skae._warnings import warn_caller
from skae.tables import (
    ComparedColumn,
    column_names,
    columns_that_are_not_numeric,
    detached,
    fitted_frame,
)

# For each column None if it holds numbers, or else how its values are compared.
Types = list[ComparedColumn | None]


@dataclass(frozen=True, eq=False)
class Columns:
    """Some rows of the columns of a table.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Numbers, and codes of categories, without NaN: a missing value is minus infinity, so that
        more of them are a difference, too.
    names : list of str
        Names of the columns.
    types : list of ComparedColumn or None
        What the columns are that hold no numbers; None for those that do.
    left_out : str
        Description of the columns that cannot be compared and are left out, empty if there are
        none.
    """

    values: np.ndarray
    names: list[str]
    types: Types
    left_out: str = ""

    def warn_of_left_out(self) -> None:
        """Warn of columns that cannot be compared."""
        if self.left_out:
            warn_caller(
                f"Columns that hold neither numbers, dates nor categories are not tested by "
                f"themselves: {self.left_out}. Drift of them is found only as far as scores and "
                f"codes show it. To test them, make each of them one type, for example with "
                f"astype(str)."
            )


def n_columns_of(X: Any) -> int:
    """Return the number of columns of a table, of arrays of more dimensions that of their cells."""
    shape = getattr(X, "shape", None) or np.shape(X)
    return int(np.prod(shape[1:]))


def read_columns(X: Any, rows: np.ndarray, model: Any, types: Types | None = None) -> Columns:
    """Return the columns of some rows of a table that a model takes.

    A DataFrame names them. Otherwise they have the names that the model saw in `fit`, or "x0",
    "x1", ... `types` are those of the reference, None for the reference itself.
    """
    X = detached(X)
    table = _of_frame(X, rows) if hasattr(type(X), "columns") else _of_array(X, rows, model)
    if types is None:
        chosen = _categories_of(model)
        is_other = table.not_numeric | table.truths | chosen
        types = [
            ComparedColumn.learn(table.series(i), i in chosen) if i in is_other else None
            for i in range(len(table.names))
        ]
    places = range(len(table.names))
    left_out = [i for i in places if types[i] is None and i in table.not_numeric]
    kept = [i for i in places if i not in left_out]
    columns = []
    for i in kept:
        known = types[i]
        columns.append(_number(table.columns[i]) if known is None else known.read(table.series(i)))
    is_single = bool(columns) and all(column.dtype == np.float32 for column in columns)
    values = np.empty((len(rows), len(columns)), np.float32 if is_single else np.float64)
    for place, column in enumerate(columns):
        values[:, place] = column
    values[np.isnan(values)] = -np.inf
    names = [table.names[i] for i in kept]
    described = ", ".join(repr(table.names[i]) for i in left_out)
    return Columns(values, names, [types[i] for i in kept], described)


def named_columns(X: Any, names: list[str]) -> Any:
    """Return the columns of a DataFrame with these names; any other table as it is.

    If it has none of the names, but as many columns, these are in the same order: the reference
    was an array. Raises a ValueError if some are missing.
    """
    if not hasattr(type(X), "columns"):
        return X
    found = _names_of(X)
    if found == names:
        return X
    places = {name: i for i, name in enumerate(found)}
    missing = [name for name in names if name not in places]
    if len(missing) == len(names) == len(found):
        return X
    if missing:
        raise ValueError(
            f"X has no column {missing[0]!r}, expected all {len(names)} columns of the reference "
            f"({len(missing)} are missing). Give batches the columns that the reference had in fit."
        )
    return safe_indexing(X, [places[name] for name in names], axis=1)


def _names_of(X: Any) -> list[str]:
    # Arrow's tables have another name for them.
    return [str(name) for name in getattr(X, "column_names", X.columns)]


@dataclass(frozen=True, eq=False)
class _Table:
    """The columns of some rows; places of those that hold no numbers, and of truth values."""

    columns: list[Any]
    names: list[str]
    not_numeric: set[int]
    truths: set[int]

    def series(self, i: int) -> nw.Series:
        """Return a column as narwhals reads it."""
        column = self.columns[i]
        if isinstance(column, np.ndarray):
            column = pd.Series(column.tolist(), dtype=object, name=self.names[i])
        return nw.from_native(column, series_only=True)


def _of_frame(X: Any, rows: np.ndarray) -> _Table:
    columns = [safe_indexing(safe_indexing(X, i, axis=1), rows) for i in range(len(_names_of(X)))]
    labels = {column.label for column in columns_that_are_not_numeric(X)}
    originals = getattr(X, "column_names", X.columns)
    not_numeric = {i for i, name in enumerate(originals) if repr(name) in labels}
    series = nw.from_native(X, eager_only=True).iter_columns()
    truths = {i for i, one in enumerate(series) if one.dtype == nw.Boolean}
    return _Table(columns, _names_of(X), not_numeric, truths)


def _of_array(X: Any, rows: np.ndarray, model: Any) -> _Table:
    X = sparse.csr_array(X) if sparse.issparse(X) else np.asarray(X)
    if X.dtype.kind in "SU":
        X = X.astype(object)
    X = X[rows]
    values = X.toarray() if sparse.issparse(X) else X.reshape(len(rows), -1)
    names = [str(name) for name in column_names(model, values.shape[1])]
    if len(names) != values.shape[1]:
        names = [f"x{i}" for i in range(values.shape[1])]
    not_numeric = {int(column.label) for column in columns_that_are_not_numeric(values)}
    return _Table([values[:, i] for i in range(len(names))], names, not_numeric, set())


def _categories_of(model: Any) -> set[int]:
    """Return the places of the columns that a model of skae takes for categories."""
    frame = fitted_frame(model)
    n_levels = [] if frame is None else frame.schema.n_levels
    return {i for i, n in enumerate(n_levels) if n}


def _number(column: Any) -> np.ndarray:
    """Return a column of numbers, NaN where there is no value."""
    column = np.asarray(column)
    if column.dtype.kind in "biuf":
        return column
    return pd.to_numeric(pd.Series(column), errors="coerce").to_numpy(float, na_value=np.nan)
