"""Which columns of a table hold something else than numbers."""

from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

import numpy as np
import pandas as pd

from skae._compat import safe_indexing

_NUMERIC = "biuf"
_NUMBERS = (Real, Decimal, np.bool_)


@dataclass(frozen=True)
class Column:
    """A column that is not numeric, with the first of its values that shows it.

    Parameters
    ----------
    label : str
        Its name in quotes, or its number.
    type : str
        Its type.
    row : int
        The row of the value, counted from 0.
    value : str
        The value.
    reason : str or Exception
        Why it is no number.
    """

    label: str
    type: str
    row: int
    value: str
    reason: object


def columns_that_are_not_numeric(X):
    """Return the columns of a DataFrame or array that hold something else than numbers.

    Parameters
    ----------
    X : object
        A table of any kind; of those without types for columns, only NumPy's are looked at.

    Returns
    -------
    columns : list of Column
    """
    if hasattr(type(X), "columns"):
        candidates = _of_frame(X)
    elif isinstance(X, np.ndarray) and X.ndim == 2 and X.dtype.kind not in _NUMERIC:
        text = X.dtype.kind in "SU"
        dtype = X.dtype.type.__name__.rstrip("_") if text else X.dtype
        candidates = ((str(i), dtype, values) for i, values in enumerate(X.T))
    else:
        return []
    columns = (_not_numeric(*candidate) for candidate in candidates)
    return [column for column in columns if column is not None]


def _of_frame(X):
    """Yield label, type and values of the columns whose type does not say that they are numeric."""
    # Arrow's tables call their columns otherwise.
    names = getattr(X, "column_names", X.columns)
    types = X.schema.types if hasattr(type(X), "column_names") else X.dtypes
    for i, (name, dtype) in enumerate(zip(names, types, strict=True)):
        if not _says_numeric(dtype):
            yield repr(name), dtype, np.asarray(safe_indexing(X, i, axis=1))


def _says_numeric(dtype):
    # NumPy's and pandas's types have a kind, those of polars a method.
    kind = getattr(dtype, "kind", None)
    return kind in tuple(_NUMERIC) or (kind is None and getattr(dtype, "is_numeric", bool)())


def _not_numeric(label, dtype, values):
    """Return a column if one of its values is no number, or None."""
    if isinstance(dtype, pd.CategoricalDtype):
        candidates, reason_of = np.flatnonzero(~pd.isna(values)), lambda _: "it is a category"
    elif values.ndim > 1:
        candidates, reason_of = range(len(values)), lambda _: "it is no single value"
    elif values.dtype.kind in _NUMERIC:
        return None
    else:
        candidates, reason_of = np.flatnonzero(~pd.isna(values)), _reason
        # Of many values the types are looked at first: there are few of them.
        types = set(map(type, values[candidates]))
        if all(issubclass(one, _NUMBERS) and not issubclass(one, np.timedelta64) for one in types):
            return None
    for row in candidates:
        value = values[row]
        reason = reason_of(value)
        if reason is not None:
            return Column(label, str(dtype), int(row), _shown(value), reason)
    return None


def _reason(value):
    """Return why a value is no number, or None."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return "it is a date or a duration"
    if isinstance(value, _NUMBERS):
        return None
    if isinstance(value, complex):
        return "Complex data not supported"
    try:
        float(value)
    except ValueError:
        return "could not convert string to float"
    except TypeError as error:
        return error
    return "it is text" if isinstance(value, str | bytes) else None


def _shown(value):
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value!r:.60}"
