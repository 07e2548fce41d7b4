"""The columns of a table as numbers that two samples can be compared by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from skae._compat import safe_indexing
from skae.tables import column_names, columns_that_are_not_numeric, detached


@dataclass(frozen=True, eq=False)
class Columns:
    """Some rows of the columns of a table.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        Numbers without NaN: a missing value is minus infinity, so that more of them are a
        difference, too.
    names : list of str
        Names of the columns.
    left_out : str
        Description of the columns that are no numbers and are left out, empty if there are none.
    """

    values: np.ndarray
    names: list[str]
    left_out: str = ""


def n_columns_of(X: Any) -> int:
    """Return the number of columns of a table, of arrays of more dimensions that of their cells."""
    shape = getattr(X, "shape", None) or np.shape(X)
    return int(np.prod(shape[1:]))


def read_columns(X: Any, rows: np.ndarray, model: Any) -> Columns:
    """Return the columns of some rows of a table that a model takes.

    A DataFrame names them. Otherwise they have the names that the model saw in `fit`, or "x0",
    "x1", ...
    """
    X = detached(X)
    if hasattr(type(X), "columns"):
        return _of_frame(X, rows)
    X = sparse.csr_array(X) if sparse.issparse(X) else np.asarray(X)
    X = X[rows]
    values = X.toarray() if sparse.issparse(X) else X.reshape(len(rows), -1)
    names = [str(name) for name in column_names(model, values.shape[1])]
    if len(names) != values.shape[1]:
        names = [f"x{i}" for i in range(values.shape[1])]
    not_numeric = {int(column.label) for column in columns_that_are_not_numeric(values)}
    return _numbers([values[:, i] for i in range(len(names))], names, not_numeric)


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


def _of_frame(X: Any, rows: np.ndarray) -> Columns:
    names = _names_of(X)
    columns = [np.asarray(safe_indexing(X, i, axis=1))[rows] for i in range(len(names))]
    labels = {column.label for column in columns_that_are_not_numeric(X)}
    originals = getattr(X, "column_names", X.columns)
    not_numeric = {i for i, name in enumerate(originals) if repr(name) in labels}
    return _numbers(columns, names, not_numeric)


def _numbers(columns: list[np.ndarray], names: list[str], not_numeric: set[int]) -> Columns:
    numeric = [i for i in range(len(names)) if i not in not_numeric]
    is_single = bool(numeric) and all(columns[i].dtype == np.float32 for i in numeric)
    values = np.empty((len(columns[0]), len(numeric)), np.float32 if is_single else np.float64)
    for place, i in enumerate(numeric):
        column = columns[i]
        if column.dtype.kind not in "biuf":
            column = pd.to_numeric(pd.Series(column), errors="coerce").to_numpy(
                float, na_value=np.nan
            )
        values[:, place] = column
    values[np.isnan(values)] = -np.inf
    left_out = ", ".join(repr(names[i]) for i in sorted(not_numeric))
    return Columns(values, [names[i] for i in numeric], left_out)
