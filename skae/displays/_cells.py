"""Cells of tables as numbers that can be compared, and as short text."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skae.tables import as_pandas

from ._rows import as_array


class Cells(NamedTuple):
    """Tables of the same columns as numbers.

    `values` are arrays of shape (n_rows, n_columns), one for each table: numbers, seconds of dates,
    and for categories numbers that are equal for equal categories. A gap is NaN. `tables` are the
    cells themselves.
    """

    values: list[np.ndarray]
    is_number: np.ndarray
    names: list[str]
    tables: list[pd.DataFrame]


def read_cells(names: list[str], *tables: Any) -> Cells:
    """Return tables of any library, or arrays, as cells."""
    if not hasattr(type(tables[0]), "columns"):
        tables = tuple(as_array(table) for table in tables)
        tables = tuple(table.reshape(len(table), -1) for table in tables)
    frames = [as_pandas(table, None, pd.Index(names)) for table in tables]
    frames = [frame.infer_objects().reset_index(drop=True) for frame in frames]
    is_number = np.ones(len(names), dtype=bool)
    if all(isinstance(one, np.ndarray) and one.dtype.kind in "fiu" for one in tables):
        # Column by column wide arrays would take a long time.
        return Cells([one.astype(float) for one in tables], is_number, names, frames)
    values = [np.empty(frame.shape) for frame in frames]
    for place in range(len(names)):
        columns = [frame.iloc[:, place] for frame in frames]
        numbers = [_numbers(column) for column in columns]
        is_number[place] = all(one is not None for one in numbers)
        found = numbers if is_number[place] else _levels(columns)
        for one, of_column in zip(values, found, strict=True):
            one[:, place] = of_column
    return Cells(values, is_number, names, frames)


def _numbers(column: pd.Series) -> np.ndarray | None:
    """Return a column of numbers or dates as numbers, None for any other."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(column):
        return None
    if kind in ("date", "datetime", "datetime64"):
        dates = pd.to_datetime(column, utc=True).dt.tz_convert(None)
        return ((dates - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).to_numpy(float)
    if kind == "time":
        return (
            pd.to_timedelta(column.map(str, na_action="ignore")).dt.total_seconds().to_numpy(float)
        )
    if kind in ("timedelta", "timedelta64"):
        return pd.to_timedelta(column).dt.total_seconds().to_numpy(float)
    if pd.api.types.is_numeric_dtype(column) or kind in ("integer", "floating", "decimal"):
        return pd.to_numeric(column).to_numpy(float, na_value=np.nan)
    return None


def _levels(columns: list[pd.Series]) -> list[np.ndarray]:
    together = pd.concat([column.astype(object) for column in columns])
    codes = pd.factorize(together)[0].astype(float)
    codes[codes < 0] = np.nan
    return np.split(codes, np.cumsum([len(column) for column in columns])[:-1])


def as_text(cell: Any) -> str:
    """Return a cell in at most a dozen characters."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return "missing"
    if isinstance(cell, pd.Timestamp):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.number):
        text = str(cell)
        return text if len(text) <= 12 else text[:11] + "…"
    size = abs(float(cell))
    is_whole = isinstance(cell, int | np.integer) or size >= 1000
    return f"{cell:,.0f}" if is_whole and size < 1e7 else f"{cell:.3g}"
