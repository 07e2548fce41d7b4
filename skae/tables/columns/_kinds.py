"""What a column holds: its type says it, or else its values."""

import datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

# What cells hold. A "date" is a day, a "moment" a date with a time, a "time" a time of any day.
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
    dtype = column.dtype
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "truth"
    if dtype == nw.Datetime:
        return "moment"
    if dtype == nw.Date:
        return "date"
    if dtype == nw.Duration:
        return "duration"
    if dtype == nw.Time:
        return "time"
    return _kind_of_values(column.name, values_of(column))


# Seconds.
DAY = 86_400.0


def has_value(values: np.ndarray) -> np.ndarray:
    """Return a mask of the cells, as objects, that are not None."""
    return values != None  # noqa: E711  # cell by cell


def check_any_value(column: nw.Series, known: np.ndarray) -> None:
    """Refuse a column in which no cell has a value, given a mask of those that do."""
    if not known.any():
        raise ValueError(
            f"Column {column.name!r} has no value in any row. Leave it out, or fill it."
        )


def check_share(name: Any, gaps: float) -> None:
    """Refuse a share of gaps, from a file, that no column has."""
    if not 0 <= gaps < 1:
        raise ValueError(f"the share of gaps of column {name!r} is {gaps}, and not in [0, 1)")


def is_category(column: nw.Series) -> bool:
    """Return whether the type of a column says that it holds categories."""
    return column.dtype == nw.Categorical or column.dtype == nw.Enum


def values_of(column: nw.Series) -> np.ndarray:
    """Return the cells as objects, None where there is no value."""
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_list()
    values[pd.isna(values)] = None
    return values


def _kind_of_values(name: Any, values: np.ndarray) -> Kind:
    """Return what all values of a column are."""
    first: dict[Kind, int] = {}
    known: dict[type, Kind] = {}
    for row in np.flatnonzero(has_value(values)):
        value = values[row]
        kind = known.get(type(value)) or kind_of_value(value)
        if kind is None:
            raise TypeError(
                f"Column {name!r} holds {value!r:.60} in row {row}, counted from 0: the argument "
                f"must be a string, a number, a truth value or a date, not {type(value).__name__}. "
                f"Convert the column, for example with astype(str), or leave it out."
            )
        known[type(value)] = kind
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
    durations are in seconds, too.
    """
    if kind == "number":
        return np.array(column.cast(nw.Float64).to_numpy(), dtype=np.float64)
    if kind in ("date", "moment"):
        moments = pd.to_datetime(pd.Series(values_of(column)), utc=True)
        return _in_seconds(moments - pd.Timestamp(0, tz="UTC"))
    if kind == "duration":
        return _in_seconds(pd.to_timedelta(pd.Series(values_of(column))))
    return np.array([_seconds_of_day(value) for value in values_of(column)])


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
