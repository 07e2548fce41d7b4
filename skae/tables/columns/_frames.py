"""Tables of the caller's type and dtypes, made of arrays."""

import datetime
from collections.abc import Iterable
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from ._kinds import Kind

_MICROSECONDS = 1e6


def empty_like(frame: nw.DataFrame) -> Any:
    """Return the columns of a table without its rows: their names and types."""
    return frame.head(0).to_native()


def typed_like(empty: Any, other: nw.DataFrame, places: Iterable[int]) -> Any:
    """Return an empty table in which columns have the types that they have in another."""
    table = nw.from_native(empty, eager_only=True)
    backend = table.implementation
    for i in places:
        name, like = table.columns[i], other[:, i]
        if other.implementation is not backend:
            like = nw.new_series(name, [], like.dtype, backend=backend)
        table = table.with_columns(like.alias(name))
    return table.to_native()


def filled(empty: Any, columns: Iterable[tuple[Kind, np.ndarray]], index: Any = None) -> Any:
    """Return a table like an empty one, of the kinds and the values of its columns.

    Moments, dates, times and durations are in seconds. Tables of pandas get the index.
    """
    like = nw.from_native(empty, eager_only=True)
    made = [
        _series(kind, values, column)
        for (kind, values), column in zip(columns, like.iter_columns(), strict=True)
    ]
    if not isinstance(empty, pd.DataFrame):
        table = nw.from_dict({one.name: one for one in made})
        return table.to_native().cast(empty.schema)
    table = pd.concat(
        [_of_type(one.to_native(), dtype) for one, dtype in zip(made, empty.dtypes, strict=True)],
        axis=1,
    )
    table.columns = empty.columns
    return table if index is None else table.set_axis(index)


def _of_type(column: pd.Series, dtype: Any) -> pd.Series:
    """Return a column of pandas in another type."""
    if isinstance(dtype, pd.ArrowDtype) and isinstance(column.dtype, pd.CategoricalDtype):
        # Arrow refuses to order categories that have no order.
        column = column.astype(object)
    return column.astype(dtype)


def _series(kind: Kind, values: np.ndarray, like: nw.Series) -> nw.Series:
    """Return a column of the type of `like`."""
    name, backend, dtype = like.name, like.implementation, like.dtype
    # Without rows, a column of objects is taken for one of text.
    of_objects = getattr(like.to_native(), "dtype", None) == np.dtype(object)
    if kind == "number" and dtype.is_integer():
        # Numbers that were fractions in fit: Arrow refuses to cut them off, and others do it.
        values = np.round(values.astype(np.float64))
    if kind in ("number", "text", "truth"):
        cells = values.tolist() if of_objects or values.dtype == object else values
        made = nw.new_series(name, cells, backend=backend)
        return made if of_objects or dtype == nw.Unknown else made.cast(dtype)
    step = _step_of(like)
    micros = np.round(values * (_MICROSECONDS / step)).astype(np.int64) * step
    if of_objects:
        return nw.new_series(name, _objects(kind, micros), backend=backend)
    if kind == "time":
        return nw.new_series(name, 1000 * micros, nw.Int64, backend=backend).cast(nw.Time)
    counts = nw.new_series(name, micros, nw.Int64, backend=backend)
    if kind == "duration":
        return counts.cast(nw.Duration("us")).cast(dtype)
    moments = counts.cast(nw.Datetime("us"))
    zone = getattr(dtype, "time_zone", None)
    if zone is not None:
        moments = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return moments if dtype == nw.Unknown else moments.cast(dtype)


def _step_of(like: nw.Series) -> int:
    """Return the microseconds between neighbouring moments, times or durations of a type."""
    native = like.to_native()
    dtype = getattr(native, "dtype", None)
    arrow = getattr(dtype, "pyarrow_dtype", getattr(native, "type", None))
    unit = getattr(like.dtype, "time_unit", getattr(arrow, "unit", "us"))
    return {"s": 1_000_000, "ms": 1_000}.get(unit, 1)


def _objects(kind: Kind, micros: np.ndarray) -> list[Any]:
    """Return objects of Python, as columns of objects hold them."""
    spans = [datetime.timedelta(microseconds=int(one)) for one in micros]
    if kind == "duration":
        return spans
    moments = [datetime.datetime(1970, 1, 1) + span for span in spans]
    if kind == "moment":
        return moments
    return [one.date() if kind == "date" else one.time() for one in moments]
