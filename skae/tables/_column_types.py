"""Columns of a table that are not numeric."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from skae._compat import safe_indexing

_NUMERIC = "biuf"
_NUMBERS = (Real, Decimal, np.bool_)


@dataclass(frozen=True)
class Column:
    """A column that is not numeric, with the first of its values that shows it."""

    # The name in quotes, or the number of the column.
    label: str
    type: str
    row: int
    value: str
    reason: str | Exception


def columns_that_are_not_numeric(X: Any) -> list[Column]:
    """Return the columns of a DataFrame or array that are not numeric.

    A table of another kind, without types for its columns, is left to validation.
    """
    candidates: Iterator[tuple[str, Any, np.ndarray]]
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


def _of_frame(X: Any) -> Iterator[tuple[str, Any, np.ndarray]]:
    """Yield label, type and values of the columns whose type does not say that they are numeric."""
    if hasattr(type(X), "column_names"):
        # Arrow's tables have other names for both, and types that do not say it.
        names, types = X.column_names, nw.from_native(X).schema.values()
    else:
        names, types = X.columns, X.dtypes
    for i, (name, dtype) in enumerate(zip(names, types, strict=True)):
        if not _says_numeric(dtype):
            yield repr(name), dtype, np.asarray(safe_indexing(X, i, axis=1))


def _says_numeric(dtype: Any) -> bool:
    # NumPy's and pandas's types have a kind, those of polars a method.
    kind = getattr(dtype, "kind", None)
    return kind in tuple(_NUMERIC) or (kind is None and getattr(dtype, "is_numeric", bool)())


def _not_numeric(label: str, dtype: Any, values: np.ndarray) -> Column | None:
    """Return a column if one of its values is no number, or None."""
    one_reason = None
    if isinstance(dtype, pd.CategoricalDtype):
        candidates, one_reason = np.flatnonzero(~pd.isna(values)), "it is a category"
    elif values.ndim > 1:
        candidates, one_reason = np.arange(len(values)), "it is no single value"
    elif values.dtype.kind in _NUMERIC:
        return None
    else:
        candidates = np.flatnonzero(~pd.isna(values))
        # The types of many values are few, and faster to check.
        types = set(map(type, values[candidates]))
        if all(issubclass(one, _NUMBERS) and not issubclass(one, np.timedelta64) for one in types):
            return None
    for row in candidates:
        value = values[row]
        reason = one_reason or _reason(value)
        if reason is not None:
            return Column(label, str(dtype), int(row), _shown(value), reason)
    return None


def _reason(value: Any) -> str | Exception | None:
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


def _shown(value: Any) -> str:
    """Return a value as an error shows it."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value!r:.60}"
