"""Tables of several types as arrays of numbers, truth values and text, and back."""

import datetime as dt

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.tables import PlainTable

RNG = np.random.default_rng(0)
N = 24
DAYS = pd.Timestamp("2020-02-28") + pd.to_timedelta(np.arange(N), unit="D")

# Each with the type of its cells in arrays, and the same with a gap.
COLUMNS = {
    "whole": (np.arange(N), "int64", "float64"),
    "numbers": (RNG.normal(size=N), "float64", "float64"),
    "text": (np.resize(["b", "a", "c"], N).astype(object), "object", "object"),
    "truth": (np.resize([True, False, False], N), "bool", "float64"),
    "days": (DAYS, "float64", "float64"),
    "moments": (DAYS + pd.Timedelta(hours=7.5), "float64", "float64"),
    "zoned": (DAYS.tz_localize("Europe/Berlin"), "float64", "float64"),
    "objects of days": (np.array([day.date() for day in DAYS], object), "float64", "float64"),
    "durations": (pd.to_timedelta(np.arange(N), unit="h"), "float64", "float64"),
    "times": (np.array([dt.time(k % 24, 30) for k in range(N)], object), "float64", "float64"),
    "whole categories": (pd.Categorical(np.resize([10, 20], N)), "int64", "float64"),
    "fractions as categories": (pd.Categorical(np.resize([0.5, 1.5], N)), "float64", "float64"),
    "categories": (pd.Categorical(np.resize(["y", "x"], N), ["y", "x"]), "object", "object"),
    "nullable": (pd.array(np.arange(N), dtype="Int64"), "int64", "float64"),
}


def table_of(name, gap=False):
    """A column beside one of numbers, without which a row with a gap would be empty."""
    column = pd.Series(COLUMNS[name][0])
    if gap:
        column = column.mask(np.arange(N) == 2)
    return pd.DataFrame({"x": RNG.normal(size=N), "column": column})


def fitted(frame):
    return AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0).fit(frame)


@pytest.mark.parametrize(
    ("name", "gap"),
    # Whole numbers of NumPy have no gaps.
    [(name, gap) for name in COLUMNS for gap in (False, True) if name != "whole" or not gap],
)
def test_to_arrays_and_back(name, gap):
    frame = table_of(name, gap)
    if name in ("whole", "numbers", "nullable") and not gap:
        frame = frame.assign(word=np.resize(["a", "b"], N))
    model = fitted(frame)
    plain = PlainTable.of(model)
    assert plain.columns[1].dtype == COLUMNS[name][1 + gap]
    arrays = plain.arrays(frame)
    assert [array.dtype for array in arrays] == [one.dtype for one in plain.columns]
    again = plain.table(arrays)
    # All of it: the same codes, and the same arrays.
    assert_array_equal(model.transform(again), model.transform(frame))
    assert_array_equal(plain.arrays(again)[1], arrays[1])
    back = plain.arrays(model.reconstruct(again), decoded=True)
    assert back[1].dtype == COLUMNS[name][1]
    for was, now in zip(plain.arrays(model.reconstruct(frame), decoded=True), back, strict=True):
        assert_array_equal(was, now)
    assert np.isfinite(model.transform(plain.table(plain.example(7)))).all()


def test_dates_are_seconds_since_1970():
    plain = PlainTable.of(fitted(table_of("zoned")))
    (seconds,) = plain.arrays(table_of("zoned")[:1])[1]
    # Midnight in Berlin is an hour before that of UTC.
    assert seconds == 3600 * 24 * (dt.date(2020, 2, 28) - dt.date(1970, 1, 1)).days - 3600
    plain = PlainTable.of(fitted(table_of("times")))
    assert plain.arrays(table_of("times")[1:2])[1] == [3600 + 1800]


def test_polars_and_arrays():
    frame = table_of("text", gap=True)
    plain = PlainTable.of(fitted(frame))
    assert_array_equal(plain.arrays(pl.from_pandas(frame))[1], plain.arrays(frame)[1])
    rows = frame.to_numpy(object)
    nameless = PlainTable.of(fitted(rows))
    assert nameless.names == ["x0", "x1"]
    assert_array_equal(nameless.arrays(rows)[1], plain.arrays(frame)[1])


def test_the_empty_text_may_be_a_category():
    frame = pd.DataFrame({"x": RNG.normal(size=N), "column": np.resize(["", "a"], N)})
    (_, column) = PlainTable.of(fitted(frame)).columns
    assert not column.takes_gaps
    assert column.cells(np.array(["", "a"], object)).tolist() == ["", "a"]
    (_, column) = PlainTable.of(fitted(table_of("text"))).columns
    assert column.takes_gaps
    assert column.cells(np.array(["", "a"], object)).isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("truth", 2.0, "held truth values in fit and holds 2.0 in row 0"),
        ("days", 1e15, "holds 1000000000000000.0 in row 0, .* expected seconds since 1970"),
        ("times", -1.0, r"expected seconds since midnight, in \[0, 86400\)"),
        ("durations", np.inf, "expected seconds"),
    ],
)
def test_numbers_that_are_none_of_the_column(name, value, message):
    plain = PlainTable.of(fitted(table_of(name, gap=True)))
    with pytest.raises(ValueError, match=f"Column 'column' .*{message}"):
        plain.table([np.zeros(1), np.array([value])])


def test_a_gap_in_a_column_of_a_type_without_any():
    plain = PlainTable.of(fitted(table_of("truth")))
    with pytest.raises(ValueError, match=r"Column 'column' has no value in row 2.* of bool"):
        plain.arrays(table_of("truth", gap=True))


def test_models_of_other_tables_have_none():
    rows = RNG.normal(size=(N, 3))
    assert PlainTable.of(fitted(rows)) is None
    assert PlainTable.of(StandardScaler().fit(rows)) is None
    gaps = np.where(rows > 1.2, np.nan, rows)
    assert PlainTable.of(fitted(gaps)).is_numeric
    pipeline = make_pipeline(fitted(table_of("text")), StandardScaler())
    assert PlainTable.of(pipeline).names == ["x", "column"]
    model = fitted(table_of("text"))
    assert PlainTable.of(model.encoder_).names == ["x", "column"]
    # It takes codes.
    assert PlainTable.of(model.decoder_) is None
