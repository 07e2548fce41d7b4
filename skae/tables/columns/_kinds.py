"""Kinds of columns, such as numbers or dates, found from their types or their values."""

import datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

# Kinds of cells. A "date" is a day, a "moment" a date with a time, a "time" a time of any day.
Kind = Literal["number", "text", "truth", "moment", "date", "time", "duration"]

# In this order: a truth value is a number of Python's, too, and a moment is a date.
_KINDS: tuple[tuple[type | tuple[type, ...], Kind], ...] = (
    ((bool, np.bool_), "truth"),
    (str, "text"),
    ((np.datetime64, datetime.datetime), "moment"),
    (datetime.date, "date"),
    ((np.timedelta64, datetime.timedelta), "duration"),
    (datetime.time, "time"),
    ((Real, Decimal), "number"),
)

_TYPES: tuple[tuple[Any, Kind], ...] = (
    (nw.Boolean, "truth"),
    (nw.Datetime, "moment"),
    (nw.Date, "date"),
    (nw.Duration, "duration"),
    (nw.Time, "time"),
    (nw.String, "text"),
)

# How an error speaks of them.
WORDS: dict[Kind, str] = {
    "number": "numbers",
    "text": "text",
    "truth": "truth values",
    "moment": "dates with times",
    "date": "dates",
    "time": "times of the day",
    "duration": "durations",
}


def kind_of_value(value: Any) -> Kind | None:
    """Return what a value is, or None if it is nothing that a column may hold."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), None)


def kind_of_column(column: nw.Series) -> Kind:
    """Return what the cells of a column are; a column of anything else raises an error."""
    if column.dtype.is_numeric():
        return "number"
    kind = _kind_of_type(column)
    if kind is not None:
        return kind
    if is_category(column):
        place, levels = factorized(column)
        kinds = [kind_of_value(levels[i]) for i in np.unique(place[place >= 0])]
        if kinds and kinds[0] is not None and set(kinds) == {kinds[0]}:
            return kinds[0]
    return _kind_of_values(column.name, values_of(column))


def says_no_number(column: nw.Series) -> bool:
    """Return whether the type of a column alone says that it holds no numbers."""
    return _kind_of_type(column) is not None or is_category(column)


def _kind_of_type(column: nw.Series) -> Kind | None:
    """Return what a type other than numbers says of its cells, or None if that depends on them."""
    # Objects are taken for text if the first of them are.
    found = column.dtype
    if found == nw.String and holds_objects(column):
        return None
    return next((kind for dtype, kind in _TYPES if found == dtype), None)


# Methods that convert these types of pandas to types that are taken. Gaps stay gaps.
_CURES: dict[type, str] = {
    pd.Period: "dt.to_timestamp()",
    pd.Interval: "astype('category').cat.rename_categories(str)",
}

# Seconds.
DAY = 86_400.0

# Whole numbers up to this are exact in float64.
_EXACT = 2**53


def has_value(values: np.ndarray) -> np.ndarray:
    """Return a mask of the cells, as objects, that are not None."""
    return pd.notna(values)


def check_share(name: Any, gaps: float) -> None:
    """Refuse a share of gaps, from a file, that no column has."""
    if not 0 <= gaps < 1:
        raise ValueError(f"the share of gaps of column {name!r} is {gaps}, and not in [0, 1)")


def is_category(column: nw.Series) -> bool:
    """Return whether the type of a column says that it holds categories."""
    return column.dtype == nw.Categorical or column.dtype == nw.Enum


def holds_objects(column: nw.Series) -> bool:
    """Return whether the cells are objects of Python, of any type each."""
    return getattr(column.to_native(), "dtype", None) == np.dtype(object)


def factorized(column: nw.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of each cell among the values that a column may have, and these, as objects.

    The place of a cell without a value is -1. A type of categories may have more than there are.
    """
    native = column.to_native()
    if is_category(column) and column.implementation.is_pyarrow():
        # As an array of NumPy, dictionaries have a value where there is none. Places without a
        # sign, which polars writes, are read by few versions of Arrow.
        import pyarrow as pa

        kind = native.type
        of_signed = pa.dictionary(pa.int64(), kind.value_type, kind.ordered)
        native = native.cast(of_signed).to_pandas()
    dtype = getattr(native, "dtype", None)
    if isinstance(dtype, pd.CategoricalDtype):
        return native.cat.codes.to_numpy(), native.cat.categories.to_numpy(dtype=object)
    if isinstance(dtype, pd.StringDtype):
        place, text = pd.factorize(native)
        return place, np.asarray(text, dtype=object)
    if dtype != np.dtype(object) and (column.dtype == nw.String or is_category(column)):
        return pd.factorize(column.to_numpy().astype(object))
    values = values_of(column)
    try:
        return pd.factorize(values)
    except TypeError:
        # Lists and the like cannot be compared: the error about them names the cell.
        _kind_of_values(column.name, values)
        raise


def values_of(column: nw.Series) -> np.ndarray:
    """Return the cells as objects, None where there is no value."""
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_list()
    values[pd.isna(values)] = None
    return values


def _kind_of_values(name: Any, values: np.ndarray) -> Kind:
    """Return what all values of a column are."""
    first: dict[Kind, int] = {}
    rows = np.flatnonzero(has_value(values))
    types = [*map(type, values[rows])]
    # The types of many values are few.
    for kind_of_object in dict.fromkeys(types):
        row = rows[types.index(kind_of_object)]
        value = values[row]
        kind = kind_of_value(value)
        if kind is None:
            cure = _CURES.get(type(value), "astype(str)")
            raise TypeError(
                f"Column {name!r} holds {value!r:.60} in row {row}, counted from 0: the argument "
                f"must be a string, a number, a truth value or a date, not {type(value).__name__}. "
                f"Convert the column, for example with {cure}, or leave it out."
            )
        first.setdefault(kind, int(row))
    if len(first) > 1:
        (one, i), (other, k) = list(first.items())[:2]
        raise ValueError(
            f"Column {name!r} holds {WORDS[one]} and {WORDS[other]}: {values[i]!r:.60} in row {i} "
            f"and {values[k]!r:.60} in row {k}, counted from 0. Make them one type, for example "
            f"with astype(str)."
        )
    return next(iter(first), "text")


def check_kind(column: nw.Series, kind: Kind) -> None:
    """Refuse a column that holds anything else than it held in `fit`, unless it has no value."""
    now = kind_of_column(column)
    # Days without a time may be of either type.
    days = {"date", "moment"}
    if now == kind or {now, kind} <= days or column.is_null().all():
        return
    values = values_of(column)
    row = np.flatnonzero(has_value(values))[0]
    raise ValueError(
        f"Column {column.name!r} held {WORDS[kind]} in fit and holds {WORDS[now]} now: "
        f"{values[row]!r:.60} in row {row}, counted from 0. Convert it as in fit."
    )


def zone_of(column: nw.Series) -> str | None:
    """Return the time zone of a column of dates, or None."""
    return getattr(column.dtype, "time_zone", None)


def numbers_of(column: nw.Series, kind: Kind) -> np.ndarray:
    """Return the cells of a column as float64, NaN where there is no value.

    Dates, with or without time, are seconds since 1970, in UTC if they have a time zone; times and
    durations are in seconds, too. Truth values are 0 and 1.
    """
    if column.is_null().all():
        return np.full(len(column), np.nan)
    if kind == "number" and not (holds_objects(column) or _is_rounded(column)):
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    values = values_of(column)
    if kind == "moment" and holds_objects(column):
        _check_no_zones(column.name, values)
    if kind in ("number", "truth"):
        return np.array([np.nan if value is None else _float_of(value) for value in values])
    if kind in ("date", "moment"):
        moments = pd.to_datetime(pd.Series(values), utc=True)
        # Of a unit that reaches further than nanoseconds, the years 1677 to 2262.
        return _in_seconds(moments - pd.Timestamp("1970-01-01", tz="UTC"))
    if kind == "duration":
        return _in_seconds(pd.to_timedelta(pd.Series(values)))
    return np.array([_seconds_of_day(value) for value in values])


def _float_of(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        # A whole number of Python's may have any number of digits.
        return np.inf


def _is_rounded(column: nw.Series) -> bool:
    """Return whether float64 rounds whole numbers of a column, which Arrow refuses to do."""
    return column.dtype.is_integer() and max(-int(column.min()), int(column.max())) > _EXACT


def _check_no_zones(name: Any, values: np.ndarray) -> None:
    """Refuse objects that are dates of a time zone, which may be another one in each row."""
    zones = np.array([getattr(value, "tzinfo", None) is not None for value in values])
    if zones.any():
        row = np.argmax(zones)
        raise ValueError(
            f"Column {name!r} holds objects that are dates of a time zone, such as "
            f"{str(values[row])!r} in row {row}, counted from 0. Make it a column of dates, with "
            f"pandas.to_datetime(column, utc=True)."
        )


def _in_seconds(durations: Any) -> np.ndarray:
    return durations.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)


def _seconds_of_day(value: datetime.time | None) -> float:
    if value is None:
        return np.nan
    return 3600 * value.hour + 60 * value.minute + value.second + value.microsecond / 1e6


def is_whole(column: nw.Series) -> bool:
    """Return whether the cells of a column of numbers can be whole numbers only."""
    if column.dtype == nw.Object:
        values = values_of(column)
        return all(isinstance(value, Integral) for value in values if value is not None)
    return bool(column.dtype.is_integer())
