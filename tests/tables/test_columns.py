"""Columns of every type as numbers, and back as the caller's types."""

import datetime as dt
from decimal import Decimal

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skae.tables.columns import FrameTypes, SchemaLearner, empty_like, filled


def learned_schema(frame):
    """The columns of a table."""
    learner = SchemaLearner("from_dtype", None, None)
    learner.add(frame)
    return learner.schema()


DAY, NOON = dt.date(2020, 2, 29), dt.time(12, 30)
MOMENTS = [dt.datetime(2020, 1, 1, 3), None, dt.datetime(2021, 5, 6)] * 2
ZONED = [None if one is None else one.replace(tzinfo=dt.UTC) for one in MOMENTS]
FAR = [dt.datetime(1000, 1, 1, 3), None, dt.datetime(9999, 12, 31)] * 2
WORDS, TRUTH = ["b", None, "a"] * 2, [True, None, False] * 2


def of_arrow(values, dtype):
    return pd.array(values, dtype=pd.ArrowDtype(dtype))


PANDAS = {
    **{name: np.array([1, 2, 3] * 2, name) for name in ("int8", "int64", "uint8", "float16")},
    **{name: np.array([1, np.nan, 3] * 2, name) for name in ("float32", "float64")},
    **{name: pd.array([1, None, 3] * 2, dtype=name) for name in ("Int8", "Int64", "UInt16")},
    "Float64": pd.array([0.5, None, 2] * 2, dtype="Float64"),
    "bool": [True, False] * 3,
    "boolean": pd.array(TRUTH, dtype="boolean"),
    "str": pd.array(WORDS, dtype="str"),
    "string": pd.array(WORDS, dtype="string"),
    "string of a category": pd.Series(WORDS, dtype="string").astype("category"),
    "words": pd.Series(WORDS, dtype=object),
    "truth values": pd.Series(TRUTH, dtype=object),
    "ordered": pd.Categorical(WORDS, categories=["b", "a", "never"], ordered=True),
    "numbers as categories": pd.Categorical([1, 2, 1] * 2),
    "datetime": pd.to_datetime(MOMENTS),
    "nanoseconds": pd.to_datetime(MOMENTS).astype("datetime64[ns]"),
    "zoned": pd.to_datetime(ZONED).tz_convert("Europe/Berlin"),
    "timedelta": pd.to_timedelta([1, None, 3] * 2, unit="h"),
    "date": pd.Series([DAY, None, DAY] * 2, dtype=object),
    "far dates": pd.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)] * 2, dtype=object),
    "far moments": pd.to_datetime(FAR).astype("datetime64[s]"),
    "time": pd.Series([NOON, None, NOON] * 2, dtype=object),
    "int64 of arrow": of_arrow([1, None, 3] * 2, pa.int64()),
    "string of arrow": of_arrow(WORDS, pa.string()),
    "date of arrow": of_arrow([DAY, None, DAY] * 2, pa.date32()),
    "timestamp of arrow": of_arrow(ZONED, pa.timestamp("us", "UTC")),
    "decimal of arrow": of_arrow([Decimal("1.50")] * 6, pa.decimal128(7, 2)),
    "dictionary of arrow": of_arrow(WORDS, pa.dictionary(pa.int32(), pa.string())),
    "sparse": pd.arrays.SparseArray([0.0, 0.0, 1.0] * 2),
}
POLARS = {
    **{one.__name__: pl.Series([1, None, 3] * 2, dtype=one) for one in (pl.Int8, pl.UInt16)},
    **{one.__name__: pl.Series([1.0, None, 3] * 2, dtype=one) for one in (pl.Float32, pl.Float64)},
    "Boolean": pl.Series(TRUTH),
    "String": pl.Series(WORDS),
    "Categorical": pl.Series(WORDS, dtype=pl.Categorical),
    "Enum": pl.Series(WORDS, dtype=pl.Enum(["b", "never", "a"])),
    "Date": pl.Series([DAY, None, DAY] * 2),
    "far Date": pl.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)] * 2),
    "Datetime": pl.Series(MOMENTS, dtype=pl.Datetime("ms")),
    "zoned": pl.Series(ZONED, dtype=pl.Datetime("ns", "Europe/Berlin")),
    "Duration": pl.Series([dt.timedelta(hours=1), None, dt.timedelta(hours=3)] * 2),
    "Time": pl.Series([NOON, None, NOON] * 2),
    "Decimal": pl.Series([Decimal("1.50"), None, Decimal("2.25")] * 2, dtype=pl.Decimal(10, 2)),
}
ARROW = {
    "date64": pa.array([DAY, None, DAY] * 2, pa.date64()),
    "time32": pa.array([NOON, None, NOON] * 2, pa.time32("s")),
    "timestamp[s]": pa.array(MOMENTS, pa.timestamp("s")),
}
TABLES = {
    **{f"pandas: {name}": pd.DataFrame({"x": values}) for name, values in PANDAS.items()},
    **{f"polars: {name}": pl.DataFrame({"x": values}) for name, values in POLARS.items()},
    **{f"arrow: {name}": pl.DataFrame({"x": values}).to_arrow() for name, values in POLARS.items()},
    **{f"arrow: {name}": pa.table({"x": values}) for name, values in ARROW.items()},
}


def there_and_back(table, empty):
    """Return a table of the codes and numbers of another one; gaps get the first value."""
    frame = nw.from_native(table, eager_only=True)
    (column,) = learned_schema(frame).columns
    cells = column.encode(next(frame.iter_columns()))
    first = cells[~np.isnan(cells)][0]
    known = np.where(np.isnan(cells), first, cells)
    is_category = hasattr(column, "levels")
    return filled(
        empty, [(column.kind, column.decode(known.astype(int) if is_category else known))]
    )


def as_objects(table):
    (column,) = nw.from_native(table, eager_only=True).iter_columns()
    return column.to_list()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_known_cells_come_back_in_their_type(table):
    back = there_and_back(table, empty_like(nw.from_native(table, eager_only=True)))
    assert type(back) is type(table)
    if isinstance(table, pd.DataFrame):
        assert list(back.dtypes) == list(table.dtypes)
    else:
        assert back.schema == table.schema
    for before, after in zip(as_objects(table), as_objects(back), strict=True):
        assert pd.isna(before) or before == after
        assert not pd.isna(after)


UNITS = {
    "pandas": lambda cells: pd.DataFrame({"x": cells.astype("datetime64[s]")}),
    "polars": lambda cells: pl.DataFrame({"x": pl.Series(cells).cast(pl.Datetime("ms"))}),
    "arrow": lambda cells: pa.table({"x": pa.array(cells).cast(pa.timestamp("s"))}),
    "arrow times": lambda cells: pa.table({"x": pa.array(cells.dt.time).cast(pa.time32("s"))}),
}


@pytest.mark.parametrize("make", UNITS.values(), ids=UNITS)
def test_moments_between_two_of_a_type_are_rounded(make):
    table = make(pd.Series(pd.date_range("2020-01-01 03:00:00", periods=4, freq="s")))
    frame = nw.from_native(table, eager_only=True)
    (column,) = learned_schema(frame).columns
    cells = column.encode(next(frame.iter_columns()))
    moved = filled(empty_like(frame), [(column.kind, column.decode(cells + 0.0004))])
    assert as_objects(moved) == as_objects(table)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "UInt64", "int64[pyarrow]"])
def test_the_largest_whole_numbers_stay_in_their_type(dtype):
    # As float64 they are one more than the type holds.
    most = 2**63 - 1 if dtype.startswith("int") else 2**64 - 1
    table = pd.DataFrame({"x": pd.Series([1, most]).astype(dtype)})
    back = there_and_back(table, table[:0])["x"]
    assert back[0] == 1
    assert most - 10_000 < int(back[1]) <= most


def test_objects_that_are_dates_of_a_zone_are_refused():
    # Each may be of another zone, and the type says none.
    table = pd.DataFrame({"x": pd.Series(MOMENTS[:3] + ZONED[2:], dtype=object)})
    frame = nw.from_native(table, eager_only=True)
    with pytest.raises(ValueError, match=r"Column 'x' holds objects .* time zone.* in row 3"):
        learned_schema(frame)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_cells_without_a_value_are_nan_and_no_others(table):
    frame = nw.from_native(table, eager_only=True)
    (column,) = learned_schema(frame).columns
    cells = column.encode(next(frame.iter_columns()))
    assert np.isnan(cells).tolist() == [bool(pd.isna(one)) for one in as_objects(table)]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_types_as_text_are_the_same_types(table):
    frame = nw.from_native(table, eager_only=True)
    empty = FrameTypes.of(frame).empty()
    if isinstance(table, pd.DataFrame):
        # Categories of any type of text are kept as plain text.
        assert list(empty.dtypes) == list(table.dtypes) or empty["x"].dtype == "category"
    else:
        assert empty.schema == table.schema
    back = there_and_back(table, empty)
    assert as_objects(back) == as_objects(there_and_back(table, empty_like(frame)))


def test_names_and_index_of_pandas():
    table = pd.DataFrame({1: [1.0, 2.0], 0: ["a", "b"]}, index=[7, 9])
    frame = nw.from_native(table, eager_only=True)
    columns = [("number", np.array([1.0, 2.0])), ("text", np.array(["a", "b"], dtype=object))]
    pd.testing.assert_frame_equal(filled(empty_like(frame), columns, table.index), table)


def test_types_of_polars_are_not_called_by_any_name():
    types = FrameTypes("polars", ["x"], ["read_csv('secret')"], [None], [False])
    with pytest.raises(ValueError, match="no type of polars"):
        types.empty()
