"""The share that is not explained: one number, whoever tells it."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from display_cases import WINE
from mixed_cases import table, with_gaps
from numpy.testing import assert_allclose
from report_cases import Page, as_share
from scipy import sparse

import skae
from skae.displays import ReconstructionDisplay
from skae.inspection import read_cells

LINEAR = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1, random_state=0)
# Of columns with unequal variances a sum over cells is not the mean over columns.
UNEQUAL = WINE * np.linspace(0.2, 4, WINE.shape[1])


def told_by_all(X, X_train=None):
    """Return the share by the comparison, the display and the report, and the PCA's by two."""
    model = skae.AutoencoderTransformer(**LINEAR.get_params()).fit(X)
    every = np.arange(len(X))
    compared = skae.compare({"linear": model}, X, cv=[(every, every)])["error"]
    drawn = ReconstructionDisplay.from_estimator(model, X, X_train=X_train)
    told = Page(skae.report(model, X).html).highlights["of these rows not explained"]
    return model, compared, drawn.errors, as_share(told)


def share_by_hand(found, back):
    """Return the share of a column, computed from its cells."""
    known = found.notna()
    found, back = found[known], back[known]
    if found.name in ("age", "income", "since"):
        if found.name == "since":
            start = pd.Timestamp("2020-01-01")
            found, back = ((one - start) / pd.Timedelta(days=1) for one in (found, back))
        found, back = found.astype(float), back.astype(float)
        return ((back - found) ** 2).sum() / ((found.mean() - found) ** 2).sum()
    return (back != found).sum() / (found != found.mode()[0]).sum()


def test_all_tell_one_share_of_numbers():
    model, compared, drawn, reported = told_by_all(UNEQUAL, UNEQUAL)
    X, back = UNEQUAL.to_numpy(), model.reconstruct(UNEQUAL)
    squares, total = ((back - X) ** 2).sum(axis=0), ((X - X.mean(axis=0)) ** 2).sum(axis=0)
    share = squares.sum() / total.sum()
    assert abs(share - (squares / total).mean()) > 0.1
    assert_allclose(compared["linear"], share, rtol=1e-6)
    assert_allclose(drawn["autoencoder"], share, rtol=1e-6)
    assert reported == pytest.approx(share, abs=0.0051)
    # PCA minimises it, beside either.
    rest = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[2:] ** 2
    assert_allclose(compared["PCA(2)"], rest.sum() / total.sum(), rtol=1e-6)
    assert_allclose(drawn["PCA"], compared["PCA(2)"], rtol=1e-6)


def test_all_tell_one_share_of_numbers_with_gaps():
    rng = np.random.default_rng(0)
    X = UNEQUAL.mask(rng.uniform(size=UNEQUAL.shape) < 0.1)
    model, compared, drawn, reported = told_by_all(X)
    found, back = X.to_numpy(), model.reconstruct(X).to_numpy()
    share = np.nansum((back - found) ** 2) / np.nansum((found - np.nanmean(found, axis=0)) ** 2)
    assert_allclose([compared["linear"], drawn["autoencoder"]], share, rtol=1e-6)
    assert reported == pytest.approx(share, abs=0.0051)


@pytest.mark.parametrize("gaps", [False, True])
def test_all_tell_one_share_of_a_mixed_table(gaps):
    X = with_gaps(table(n_rows=90)) if gaps else table(n_rows=90)
    model, compared, drawn, reported = told_by_all(X)
    back = model.reconstruct(X)
    share = np.mean([share_by_hand(X[name], back[name]) for name in X])
    assert_allclose([compared["linear"], drawn["autoencoder"]], share, rtol=1e-6)
    assert reported == pytest.approx(share, abs=0.0051)


def test_the_reference_gives_the_one_answer():
    X, back = pd.DataFrame({"n": [1.0, 3.0], "t": ["a", "b"]}), [[2.0, "b"], [2.0, "b"]]
    train = pd.DataFrame({"n": [0.0, 0.0], "t": ["b", "b"]})
    cells = read_cells(X, back, train)
    assert_allclose(cells.unexplained_by_column(), [1, 1])
    # Squares of 1 and 9 to the mean of 0; one cell is no "b", of the answer and of the reference.
    assert_allclose(cells.unexplained_by_column(reference=2), [0.2, 1])
    assert_allclose(cells.unexplained(reference=2), 0.6)


def test_columns_that_one_answer_explains_have_no_share():
    # A mean of equal numbers differs from them by rounding.
    X = pd.DataFrame({"c": [0.1] * 6, "t": list("aaaaaa"), "n": [1.0, 2, 3, 4, 5, 6], "g": np.nan})
    back = X.assign(c=0.2, t="b", n=X["n"] + 1)
    assert_allclose(read_cells(X, back).unexplained_by_column(), [np.nan, np.nan, 6 / 17.5, np.nan])
    assert_allclose(read_cells(X, back).unexplained(), 6 / 17.5)
    assert np.isnan(read_cells(X[["c"]], X[["c"]] + 1).unexplained())


@pytest.mark.parametrize("kind", ["polars", "arrow", "objects", "lists"])
def test_cells_of_every_container(kind):
    X = with_gaps(table(n_rows=40)).astype({"grade": object, "city": object})
    X["member"] = X["member"].astype("boolean")
    back = table(1, 40)
    make = {
        "polars": lambda frame: pl.from_pandas(frame),
        "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        "objects": lambda frame: frame.astype(object).to_numpy(),
        "lists": lambda frame: frame.astype(object).to_numpy().tolist(),
    }[kind]
    one, other = read_cells(X, back), read_cells(*map(make, (X, back)))
    assert (
        one.units == other.units == ["number", "number", *2 * ["category"], "seconds", "category"]
    )
    assert_allclose(other.unexplained_by_column(), one.unexplained_by_column(), rtol=1e-9)
    assert np.isnan(one.values[0]).sum() == X.isna().to_numpy().sum() > 0
    assert_allclose(other.values[0][:, 4], one.values[0][:, 4])


def test_numbers_of_every_container():
    X = np.random.default_rng(0).normal(size=(6, 4))
    for one in (sparse.csr_array(X), pd.DataFrame(X).astype("Float64"), X.reshape(6, 2, 2)):
        cells = read_cells(one, np.zeros((6, 4)))
        assert cells.are_all_numbers
        assert_allclose(cells.values[0], X)


def test_equal_names_and_cells_of_several_types():
    X = pd.DataFrame([[1, "a", 2.0], [2, 5, 3.0]], columns=["n", "n", "n"])
    cells = read_cells(X, X)
    assert cells.units == ["number", "category", "number"]
    assert list(cells.frames(["a", "b", "c"])[1]["b"]) == ["a", 5]


def test_times_and_durations_are_seconds():
    X = pd.DataFrame(
        {
            "at": [datetime.time(0, 0, 1), datetime.time(1)],
            "for": pd.to_timedelta([1, 2], unit="h"),
            "zoned": pd.to_datetime(["1970-01-01T01:00+01:00", "1970-01-01T00:01Z"], utc=True),
        }
    )
    cells = read_cells(X)
    assert cells.units == ["seconds"] * 3
    assert_allclose(cells.values[0], [[1, 3600, 0], [3600, 7200, 60]])


def test_spreads_are_of_known_cells():
    X = with_gaps(table(n_rows=60))
    spread = read_cells(X.assign(age=7)).spread
    # Constant columns and categories have 1.
    assert_allclose(spread[[0, 2, 3, 5]], 1)
    assert_allclose(spread[1], X["income"].std(ddof=0))
    days = (X["since"] - X["since"].min()) / pd.Timedelta(seconds=1)
    assert_allclose(spread[4], days.std(ddof=0), rtol=1e-6)
