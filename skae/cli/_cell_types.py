"""Types of the cells of files: as a file tells them, or as a model was fitted on."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from skae.tables import PlainTable

from ._messages import warn

# Dates as ISO 8601 writes them, with or without a time; its end is the offset of a time zone.
_DATE = r"\s*\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?\s*"

# Numbers and dates as spreadsheets write them in much of Europe: 1.234,5 and 31.12.2024.
_WITH_COMMA = r"\s*[+-]?\d[\d.]*(?:,\d+)?(?:[eE][+-]?\d+)?\s*"
# One with a year of two digits and a day of one, 1.2.10, may also be a version.
_DAY, _TWO = r"[0-3]?\d", r"[0-3]\d"
_DAYS = rf"{_DAY}([./-]){_DAY}\1\d{{4}}|{_DAY}/{_DAY}/\d\d|{_TWO}([.-]){_TWO}\2\d\d"
_OTHER_DATE = rf"\s*(?:{_DAYS})(?:[ T].*)?\s*"

_TRUTH = {"true": True, "false": False}

# From this share of numbers on, text is likely to be a mistake.
_MANY = 0.5


def inferred(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with the types that its cells have, beside those that pandas finds.

    Text is a date where all cells are dates of ISO 8601. Numbers with gaps are whole ones where all
    of them are.
    """
    return table.apply(_inferred)


def is_of_numbers(table: pd.DataFrame) -> bool:
    """Return whether all cells of a table are numbers, and none is missing."""
    return all(
        pd.api.types.is_numeric_dtype(column)
        and not pd.api.types.is_bool_dtype(column)
        and not column.isna().any()
        for _, column in table.items()
    )


def words_of(model: Any) -> list[str]:
    """Return the columns that a model was fitted on as text or dates: a file tells neither."""
    plain = PlainTable.of(model)
    if plain is None:
        return []
    return [one.name for one in plain.columns if one.column.kind not in ("number", "truth")]


def typed(table: pd.DataFrame, plain: PlainTable) -> pd.DataFrame:
    """Return a table with the types that a model was fitted on; the table has its columns.

    Text becomes what it stands for. A column of any other type stays: the model refuses it.
    """
    cells = [
        _typed(one.column.kind, getattr(one.column, "zone", None), column)
        for one, (_, column) in zip(plain.columns, table.items(), strict=True)
    ]
    return pd.concat(cells, axis=1)


def _inferred(column: pd.Series) -> pd.Series:
    if is_text(column):
        return _date_or_text(column)
    if pd.api.types.is_float_dtype(column) and column.isna().any():
        known = column.dropna()
        if len(known) and (known % 1 == 0).all() and known.abs().max() < 2**53:
            return column.astype("Int64")
    return column


def is_text(column: pd.Series) -> bool:
    """Return whether the cells of a column are text, beside those without a value."""
    return pd.api.types.infer_dtype(column, skipna=True) == "string"


def _date_or_text(column: pd.Series) -> pd.Series:
    words = column.dropna().astype(str)
    matches = words.str.extract(f"^({_DATE})$")
    if matches[0].notna().all():
        has_zone = matches[1].notna()
        if has_zone.all() or not has_zone.any():
            dates = _dates(column, "UTC" if has_zone.any() else None)
            if dates.notna().sum() == len(words):
                return dates
    numbers = pd.to_numeric(words, errors="coerce")
    commas = words[words.str.contains(",")]
    if len(commas) and words.str.fullmatch(_WITH_COMMA).all():
        warn(
            f"column {column.name!r} is taken for text: its cells look like numbers with a comma, "
            f"such as {commas.iloc[0]!r:.60}. If it is the decimal separator, add --decimal ','."
        )
    elif words.str.fullmatch(_OTHER_DATE).all():
        warn(
            f"column {column.name!r} is taken for text, and its cells look like dates, such as "
            f"{words.iloc[0]!r:.60}. Dates are read as ISO 8601 writes them: 2024-12-31."
        )
    elif numbers.notna().mean() > _MANY:
        row = numbers.isna().idxmax()
        warn(
            f"column {column.name!r} is taken for text, as row {row}, counted from 0, holds "
            f"{words[row]!r:.60}, although {numbers.notna().mean():.0%} of its cells are numbers. "
            f"If that stands for a cell without a value, add --missing {words[row]!r:.60}."
        )
    return column.astype(object).where(column.notna(), None)


def _typed(kind: str, zone: str | None, column: pd.Series) -> pd.Series:
    if column.isna().all():
        # Without a value there is no type, but in a file there is.
        return pd.Series(None, column.index, object, column.name)
    if kind == "text" or not is_text(column):
        return column
    parse: Callable[[pd.Series], pd.Series]
    if kind == "number":
        expected, parse = "a number", lambda cells: pd.to_numeric(cells, errors="coerce")
    elif kind == "truth":
        expected, parse = "True or False", lambda cells: cells.str.lower().map(_TRUTH)
    elif kind == "time":
        expected, parse = "a time such as 09:30:00", _times
    elif kind == "duration":
        expected, parse = "a duration such as 2 days 09:30:00", _durations
    else:
        expected, parse = "a date such as 2024-12-31", lambda cells: _dates(cells, zone)
    found = parse(column)
    bad = column.notna() & found.isna()
    if bad.any():
        row = bad.idxmax()
        raise ValueError(
            f"Column {column.name!r} holds {column[row]!r:.60} in row {row}, counted from 0, where "
            f"the model was fitted on {expected}. If it stands for a cell without a value, add "
            f"--missing {column[row]!r:.60}."
        )
    return found


def _dates(cells: pd.Series, zone: str | None) -> pd.Series:
    """Return dates, and nothing where a cell is none or has a time zone against expectation."""
    words = cells.astype(object).where(cells.notna(), "")
    matches = words.str.extract(f"^({_DATE})$")
    fits = matches[0].notna() & (matches[1].notna() == (zone is not None))
    found = pd.to_datetime(
        words.where(fits), format="ISO8601", errors="coerce", utc=zone is not None
    )
    return found if zone is None else found.dt.tz_convert(zone)


def _times(cells: pd.Series) -> pd.Series:
    since_midnight = _durations(cells)
    within = (since_midnight >= pd.Timedelta(0)) & (since_midnight < pd.Timedelta(days=1))
    times = (pd.Timestamp(0) + since_midnight.where(within)).dt.time
    return times.astype(object).where(within, None)


def _durations(cells: pd.Series) -> pd.Series:
    return pd.to_timedelta(cells.astype(object), errors="coerce")
