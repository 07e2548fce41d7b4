"""Errors about tables name the columns and cells that are no numbers, in every method."""

import datetime
import decimal
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import sparse
from torch.utils.data import DataLoader, TensorDataset

from skae import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DriftDetector,
    VariationalAutoencoder,
)

# Training for one epoch ends anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(40, 4))
FRAME = pd.DataFrame(X, columns=list("abcd"))
N = len(X)


def make_ae():
    # One that takes numbers only.
    return ConvolutionalAutoencoder(
        2, channels=(2,), hidden_layer_sizes=(), max_iter=1, random_state=0
    )


def make_ae_of_shares():
    # One that takes no gaps.
    return VariationalAutoencoder(2, loss="log_loss", max_iter=1, random_state=0)


def object_array(value):
    table = X.astype(object)
    table[3, 1] = value
    return table


# What column b holds, how its type is called, and the value that is shown.
COLUMNS = {
    "words": (["Rome"] * N, "str|object", "'Rome'"),
    "one_word": ([1.0] * 7 + ["n/a"] * (N - 7), "object", "Row 7 .*'n/a'"),
    "numbers_as_text": ([f"{x:.2f}" for x in X[:, 0]], "str|object", "it is text"),
    "categories": (pd.Categorical(["u", "v"] * (N // 2)), "category", "'u'"),
    "categories_of_numbers": (pd.Categorical([1, 2] * (N // 2)), "category", "it is a category"),
    "dates": (pd.date_range("2020", periods=N), "datetime64", "2020-01-01"),
    "zoned": (pd.date_range("2020", periods=N, tz="UTC"), "datetime64", "2020-01-01"),
    "durations": (pd.to_timedelta(np.arange(N), unit="D"), "timedelta64", "duration"),
    "python_dates": ([datetime.date(2020, 1, 1)] * N, "object", "datetime.date"),
    "periods": (pd.period_range("2020", periods=N), "period", "Period"),
    "complex": (X[:, 0] + 1j, "complex128", "Complex data not supported"),
    "lists": ([[1, 2]] * N, "object", r"\[1, 2\]"),
}


@pytest.mark.parametrize(("column", "kind", "shown"), COLUMNS.values(), ids=COLUMNS)
def test_a_column_of_pandas(column, kind, shown):
    match = rf"not numeric: 'b' \(({kind}).*Row \d+ of column 'b', .*OneHotEncoder"
    with pytest.raises((ValueError, TypeError), match=match) as caught:
        make_ae().fit(FRAME.assign(b=column))
    with pytest.raises((ValueError, TypeError), match=shown):
        make_ae().fit(FRAME.assign(b=column))
    assert "could not be promoted" not in str(caught.value)


@pytest.mark.parametrize("kind", ["words", "numbers_as_text", "categories", "dates", "durations"])
def test_a_column_of_polars_and_of_arrow(kind):
    frame = pl.from_pandas(FRAME.assign(b=COLUMNS[kind][0]))
    for table in (frame, frame.to_arrow()):
        with pytest.raises(
            (ValueError, TypeError), match=r"not numeric: 'b' .*Row 0 of column 'b'"
        ):
            make_ae().fit(table)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (object_array("n/a"), r"not numeric: 1 \(object\). Row 3 of column 1, .*'n/a'"),
        (object_array("1.5"), "Row 3 of column 1, .*'1.5': it is text"),
        (object_array({}), "Row 3 of column 1, .*argument must be a string or a real number"),
        (object_array(datetime.date(2020, 1, 1)), "Row 3 of column 1"),
        (X.astype(str), r"not numeric: 0 \(str\), 1 \(str\)"),
        ([["a", 1.0], ["b", 2.0]], r"Row 0 of column 0, .*'a'"),
        (np.zeros((9, 2), "datetime64[s]"), r"not numeric: 0 \(datetime64\[s\]\)"),
        (np.zeros((9, 2), "timedelta64[s]"), r"not numeric: 0 \(timedelta64\[s\]\)"),
        (X + 1j, "Complex data not supported: X is of complex128"),
        (torch.zeros(9, 2, dtype=torch.complex64), "Complex data not supported"),
        ([[1.0, 2.0], [3.0]], "first has 2 values, and row 1, .* has 1.*numpy.concatenate"),
    ],
)
def test_arrays_and_lists(table, match):
    with pytest.raises((ValueError, TypeError), match=match):
        make_ae().fit(table)


NUMBERS = {
    "bool": [True, False] * (N // 2),
    "Int64": pd.array(range(N), dtype="Int64"),
    "boolean": pd.array([True, False] * (N // 2), dtype="boolean"),
    "arrow": pd.array(range(N), dtype="int64[pyarrow]"),
    "decimals": [decimal.Decimal(i) for i in range(N)],
    "objects": np.arange(N).astype(object),
}


@pytest.mark.parametrize("column", NUMBERS.values(), ids=NUMBERS)
def test_columns_of_numbers_are_taken_however_they_are_stored(column):
    frame = FRAME.assign(b=column)
    expected = make_ae().fit(frame.astype(float)).transform(frame.astype(float))
    np.testing.assert_array_equal(make_ae().fit(frame).transform(frame), expected)
    np.testing.assert_array_equal(
        make_ae().fit(frame.to_numpy(object)).transform(frame.to_numpy(object)), expected
    )


def test_many_columns_are_counted():
    frame = FRAME.assign(**{f"word{i}": "x" for i in range(9)})
    with pytest.raises(ValueError, match=r"'word0' \(.*'word4' \([a-z]+\), and 4 more\. Row 0"):
        make_ae().fit(frame)


@pytest.fixture(scope="module")
def models():
    ae = make_ae().fit(FRAME)
    detector = AutoencoderOutlierDetector(make_ae(), n_estimators=2, random_state=0).fit(FRAME)
    return pickle.dumps((ae, detector, DriftDetector(ae).fit(FRAME + 0.1)))


METHODS = [
    *[
        (0, name)
        for name in ("fit", "partial_fit", "transform", "reconstruct", "inverse_transform")
    ],
    *[(0, name) for name in ("score_samples", "score", "fit_transform")],
    *[(1, name) for name in ("fit", "partial_fit", "transform", "inverse_transform", "predict")],
    *[(1, name) for name in ("score_samples", "decision_function", "p_values", "explain")],
    *[(1, name) for name in ("recalibrate", "select")],
    *[(2, name) for name in ("fit", "test")],
]


@pytest.mark.parametrize(("which", "method"), METHODS)
def test_every_method_names_the_column_and_leaves_the_model_as_it_was(models, which, method):
    restored = pickle.loads(models)
    before = pickle.dumps(restored[which].__getstate__())
    with pytest.raises(ValueError, match=r"not numeric: 'b' .*Row 0 of column 'b', .*'x'"):
        getattr(restored[which], method)(FRAME.assign(b="x"))
    assert pickle.dumps(restored[which].__getstate__()) == before


def with_value(value):
    bad = X.copy()
    bad[3, 1] = value
    return bad


@pytest.mark.parametrize(
    ("value", "match"),
    [(np.nan, "X contains NaN.*{}.*SimpleImputer"), (np.inf, "X contains infinity.*{}.*Replace")],
)
def test_the_cell_of_a_gap_and_of_infinity(value, match):
    bad = with_value(value)
    in_frame, in_array = match.format("in row 3 of column 'b'"), match.format(r"X\[3, 1\]")
    for table, expected in [
        (pd.DataFrame(bad, columns=list("abcd")), in_frame),
        (pl.DataFrame(bad, schema=list("abcd"), orient="row"), in_frame),
        (pa.table({name: bad[:, i] for i, name in enumerate("abcd")}), in_frame),
        (bad, in_array),
        (bad.tolist(), in_array),
        (sparse.csr_array(bad), in_array),
        (torch.from_numpy(bad), in_array),
    ]:
        with pytest.raises(ValueError, match=expected):
            make_ae_of_shares().fit(table)
    detector = AutoencoderOutlierDetector(make_ae(), n_estimators=2)
    with pytest.raises(ValueError, match=in_array):
        detector.fit(bad)


def test_the_cell_of_a_gap_in_a_nullable_column():
    column = pd.array([1, None] * (N // 2), dtype="Int64")
    with pytest.raises(ValueError, match=r"X contains NaN.*in row 1 of column 'b'"):
        make_ae_of_shares().fit(FRAME.assign(b=column))


@pytest.mark.parametrize(
    ("thing", "match"),
    [
        ("data.csv", r"name of a file.*pandas.read_csv\(X\)"),
        ({"a": X[:, 0]}, r"X is a dict.*pandas.DataFrame\(X\)"),
        (FRAME.to_dict("records")[0], r"X is a dict.*pandas.DataFrame\(\[X\]\)"),
        (FRAME.to_dict("records"), r"X is a list of dicts.*pandas.DataFrame\(X\)"),
        (None, "X is None"),
        (FRAME.to_records(index=False), r"structured array.*pandas.DataFrame\(X\)"),
        (pl.from_pandas(FRAME).lazy(), r"lazy table.*X.collect\(\)"),
        (TensorDataset(torch.from_numpy(X)), "TensorDataset of torch.*as one tensor"),
        (DataLoader(TensorDataset(torch.from_numpy(X))), "DataLoader of torch.*partial_fit"),
        ((row for row in X), "X is an iterator"),
    ],
    ids=[
        "path",
        "dict",
        "dict of one row",
        "list of dicts",
        "none",
        "records",
        "lazy",
        "dataset",
        "loader",
        "generator",
    ],
)
def test_what_is_no_table(thing, match):
    of_every_type = AutoencoderTransformer(), AutoencoderOutlierDetector(), AutoencoderImputer()
    for estimator in (make_ae(), *of_every_type):
        with pytest.raises(TypeError, match=match):
            estimator.fit(thing)


def test_new_rows_that_are_no_table():
    ae = AutoencoderTransformer(2, max_iter=1).fit(FRAME.assign(word=["a", "b"] * (len(X) // 2)))
    with pytest.raises(TypeError, match=r"lazy table.*X.collect\(\)"):
        ae.transform(pl.from_pandas(FRAME).lazy())


ONE_ROW = {
    "pandas": lambda frame: frame.iloc[0],
    "polars": lambda frame: pl.Series([1.0] * frame.shape[1]),
    "array": lambda frame: frame.iloc[0].to_numpy(),
    "list": lambda frame: frame.iloc[0].tolist(),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("kind", ONE_ROW)
@pytest.mark.parametrize("words", [False, True])
def test_a_row_alone_is_no_table(words, kind):
    frame = FRAME.assign(d=["u", "v"] * (N // 2)) if words else FRAME
    row = ONE_ROW[kind](frame)
    ae = AutoencoderTransformer(1, max_iter=1, random_state=0).fit(frame)
    detector = AutoencoderOutlierDetector(ae, n_estimators=2, random_state=0).fit(frame)
    match = r"X\.iloc\[\[i\]\] is one row|got 1D array instead"
    imputer = AutoencoderImputer(max_iter=0).fit(frame)
    for method in (ae.transform, detector.predict, detector.explain, imputer.transform):
        with pytest.raises(ValueError, match=match):
            method(row)


def test_weights_that_are_a_word():
    with pytest.raises(ValueError, match=r"sample_weight must hold a number .*'balanced'"):
        make_ae().fit(X, sample_weight="balanced")


# -- masked arrays --------------------------------------------------------------------------------


def masked(values):
    """Three values hidden: NaN beneath one of them, another number beneath the rest."""
    values = np.array(values, dtype=float)
    mask = np.zeros(values.shape, dtype=bool)
    mask.ravel()[[1, 5, -1]] = True
    values[mask] = 1e6
    values.ravel()[1] = np.nan
    return np.ma.masked_array(values, mask)


@pytest.mark.parametrize(("which", "method"), METHODS)
def test_every_method_refuses_hidden_values(models, which, method):
    restored = pickle.loads(models)
    codes = X[:, : 2 + 2 * which] if method == "inverse_transform" else X
    # Also the few rows that need no other validation.
    for rows in (codes, codes[:4]):
        match = f"X is a masked array, of which 3 of {rows.size} values .*SimpleImputer"
        with pytest.raises(ValueError, match=match):
            getattr(restored[which], method)(masked(rows))


def test_rows_of_a_list_and_chunks_may_hide_values_too():
    with pytest.raises(ValueError, match="masked array, of which 3 of 160 values"):
        make_ae().fit(list(masked(X)))
    with pytest.raises(ValueError, match="masked array, of which 3 of 160 values"):
        make_ae().partial_fit(iter([X, masked(X)]))
    with pytest.raises(ValueError, match="masked array, of which 3 of 160 values"):
        make_ae().fit(np.ma.masked_array(X.astype(int), masked(X).mask))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score"])
def test_weights_may_hide_no_values(method):
    model = make_ae().fit(X)
    with pytest.raises(ValueError, match=r"sample_weight is a masked .*3 of 40.*filled\(0\)"):
        getattr(model, method)(X, sample_weight=masked(np.ones(N)))
    detector = AutoencoderOutlierDetector(make_ae(), n_estimators=2)
    if method != "score":
        with pytest.raises(ValueError, match="sample_weight is a masked array"):
            getattr(detector, method)(X, sample_weight=masked(np.ones(N)))


def test_masked_arrays_that_hide_nothing_are_plain_arrays():
    shown, weight = np.ma.masked_array(X), np.ma.masked_array(np.arange(N), False)
    model = make_ae().fit(shown, sample_weight=weight)
    expected = make_ae().fit(X, sample_weight=np.arange(N))
    for answer in (model.mean_, model.transform(shown), model.transform(shown[:2])):
        assert type(answer) is np.ndarray
    np.testing.assert_array_equal(model.transform(shown), expected.transform(X))
    # As the errors advise.
    hidden = masked(X)
    make_ae().fit(np.ma.compress_rows(hidden))
    make_ae().fit(hidden.astype(float).filled(np.nan))
    with pytest.raises(ValueError, match=r"NaN.*X\[0, 1\]"):
        make_ae_of_shares().fit(hidden.astype(float).filled(np.nan))
