"""Why a row is an outlier: shares that add up, and point at the cell that is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import SCORINGS, answers, assert_same, draw, make_detector
from pandas.testing import assert_frame_equal
from scipy import sparse

from skae import AutoencoderOutlierDetector, VariationalAutoencoder
from skae.detection._explanation import explain_cells

NAMES = list("abcdefgh")
SCALE, ORIGIN = np.logspace(-2, 3, 8), 10.0


def table(rng, n_samples):
    """Columns of different units."""
    return draw(rng, n_samples) * SCALE + ORIGIN


RNG = np.random.default_rng(1)
X, NEW = table(RNG, 300), table(RNG, 40)
SPREAD = X.std(axis=0)


@pytest.fixture(scope="module", params=SCORINGS)
def fitted(request):
    return make_detector(scoring=request.param).fit(X)


@pytest.fixture(scope="module")
def default():
    return AutoencoderOutlierDetector(n_estimators=2, random_state=0).fit(X)


# -- what adds up -------------------------------------------------------------------------


@pytest.mark.parametrize("move", [0, 5, 1e4, 1e100])
def test_shares_sum_up_to_the_score(fitted, move):
    rows = NEW[:20] + move * SPREAD * np.eye(8)[3]
    share = fitted.explain(rows)["share"]
    assert_allclose(share.sum(axis=1), fitted.score_samples(rows), rtol=1e-9)
    # A log-likelihood may have either sign.
    if fitted.scoring != "likelihood":
        assert (share <= 0).all(axis=None)


def test_shares_of_the_default_sum_up(default):
    share = default.explain(NEW)["share"]
    assert_allclose(share.sum(axis=1), default.score_samples(NEW), rtol=1e-9)
    assert (share <= 0).all(axis=None)


def test_expected_residual_and_share_are_what_they_are_said_to_be():
    """Computed cell by cell, by setting cells of the table itself."""
    detector = make_detector(n_estimators=2).fit(X)

    def expected_of(rows):
        expected = np.empty_like(rows)
        for j in range(8):
            hidden = rows.copy()
            hidden[:, j] = X[:, j].mean()
            for _ in range(5):
                hidden[:, j] = detector.inverse_transform(detector.transform(hidden))[:, j]
            expected[:, j] = hidden[:, j]
        return expected

    explanation, expected = detector.explain(NEW), expected_of(NEW)
    assert_allclose(explanation["expected"], expected, rtol=1e-4)
    kept = detector._reference.rows[detector._reference.some(200)] * detector.scale_
    spread = (kept - expected_of(kept)).std(axis=0)
    assert_allclose(explanation["residual"], (NEW - expected) / spread, rtol=1e-3, atol=1e-5)
    relief = np.empty_like(NEW)
    for j in range(8):
        as_expected = NEW.copy()
        as_expected[:, j] = expected[:, j]
        higher = detector.score_samples(as_expected) - detector.score_samples(NEW)
        relief[:, j] = np.maximum(higher, 0)
    # What is left when all cells are as expected is nobody's fault.
    score = detector.score_samples(NEW)[:, None]
    left = np.maximum(
        detector.score_samples(expected)[:, None], score + relief.max(axis=1, keepdims=True)
    )
    of_relief = relief / np.maximum(relief.sum(axis=1, keepdims=True), 1e-300)
    # Where no cell would do any good, they share alike.
    of_relief[relief.max(axis=1) == 0] = 1 / 8
    share = left / 8 + (score - left) * of_relief
    assert_allclose(explanation["share"], share, rtol=1e-3, atol=1e-3)


def test_a_residual_of_a_training_row_has_unit_variance(fitted):
    residual = fitted.explain(X)["residual"]
    assert_allclose(residual.std(axis=0), 1, rtol=0.15)
    assert_allclose(residual.mean(axis=0), 0, atol=0.3)


# -- what it points at --------------------------------------------------------------------


@pytest.mark.parametrize("move", [-8, 4])
def test_the_cell_that_was_changed_is_to_blame(fitted, move):
    """Each cell of some rows is moved far up or down."""
    rows, column = NEW[:10].repeat(8, axis=0), np.tile(np.arange(8), 10)
    cell = np.arange(80), column
    changed = rows.copy()
    changed[cell] += move * SPREAD[column]
    before, after = fitted.explain(rows), fitted.explain(changed)
    assert (after["share"].to_numpy().argmin(axis=1) == column).mean() > 0.95
    # The control: before, it was one in eight.
    assert (before["share"].to_numpy().argmin(axis=1) == column).mean() == 1 / 8
    # What is expected there is nearer to what was there before than to what is there now.
    gap = np.abs(after["expected"].to_numpy()[cell] - rows[cell]) / SPREAD[column]
    assert np.median(gap) < abs(move) / 2
    assert_array_equal(np.sign(after["residual"].to_numpy()[cell]), np.sign(move))


def test_the_lowest_share_is_to_blame_where_the_likelihood_is_high():
    """With little noise a log-likelihood is above zero, even of rows that are a bit unusual."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 6))
    rows = rng.normal(size=(400, 2)) @ mixing + 0.02 * rng.normal(size=(400, 6))
    model = VariationalAutoencoder(2, hidden_layer_sizes=(16,), max_iter=40, n_draws=20)
    detector = make_detector(model, scoring="likelihood", n_estimators=2).fit(rows[:300])
    new = rows[300:]
    new[:, 3] += 0.1
    score, share = detector.score_samples(new), detector.explain(new)["share"]
    above = score > 0
    assert above.sum() > 20
    assert_allclose(share.sum(axis=1), score, rtol=1e-9)
    # By chance it were one in six.
    assert (share.to_numpy()[above].argmin(axis=1) == 3).mean() > 0.8


def test_the_default_blames_the_cell_that_was_changed(default):
    rows, column = NEW[:10].repeat(8, axis=0), np.tile(np.arange(8), 10)
    rows[np.arange(80), column] += 4 * SPREAD[column]
    share = default.explain(rows)["share"].to_numpy()
    assert (share.argmin(axis=1) == column).mean() > 0.95


# -- wide rows ----------------------------------------------------------------------------


@pytest.fixture
def few_copies(monkeypatch):
    """As if rows of more than three cells were wide."""
    monkeypatch.setattr("skae.detection._explanation._COPIES", 3)


@pytest.fixture(scope="module")
def explained(default):
    """Rows of which one cell was moved, its column, and their explanation cell by cell."""
    rows, column = NEW[:10].repeat(8, axis=0), np.tile(np.arange(8), 10)
    rows[np.arange(80), column] += 4 * SPREAD[column]
    return rows, column, default.explain(rows)


def test_cells_that_are_hidden_together_are_blamed_as_one_by_one(default, explained, few_copies):
    rows, column, exact = explained
    found = default.explain(rows)
    share = found["share"].to_numpy()
    assert_allclose(share.sum(axis=1), default.score_samples(rows), rtol=1e-9)
    assert (share.argmin(axis=1) == column).mean() > 0.9
    assert (exact["share"].to_numpy().argmin(axis=1) == column).mean() > 0.9
    # They were hidden together.
    assert not np.allclose(found["expected"], exact["expected"])


def test_only_the_most_unusual_cells_have_relief_of_their_own(default, explained, few_copies):
    rows, _, exact = explained
    found = default.explain(rows)
    unusual = found["residual"].abs().to_numpy().argsort(axis=1)
    share = -found["share"].to_numpy()
    ordinary = np.take_along_axis(share, unusual[:, :-3], axis=1)
    assert_allclose(ordinary, np.broadcast_to(share.min(axis=1, keepdims=True), (80, 5)))
    # The control: cell by cell some of them have.
    of_all = -exact["share"].to_numpy()
    assert (np.take_along_axis(of_all, unusual[:, :-3], axis=1).std(axis=1) > 0).mean() > 0.8


def test_rows_that_are_predicted_and_scored_do_not_grow_with_wide_rows():
    class Ensemble:
        columns = None

        def __init__(self):
            self.n_rows = 0

        def answers(self, Z):
            self.n_rows += len(Z)
            return Z

        def mean_outlier_scores(self, Z):
            self.n_rows += len(Z)
            return Z.sum(axis=1)

    def n_rows(n_features):
        Z, ensemble = np.ones((3, n_features)), Ensemble()
        explain_cells(Z[:1], Z, Z[0], ensemble)
        return ensemble.n_rows

    assert n_rows(40) > 1.9 * n_rows(20)
    assert n_rows(800) == n_rows(400) < n_rows(60)


def test_the_changed_cell_of_a_wide_row_is_to_blame():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(260, 4)) @ rng.normal(size=(4, 150)) + rng.normal(size=(260, 150))
    detector = make_detector(scoring="reconstruction").fit(rows[:230])
    before, column = rows[230:], rng.permutation(150)[:30]
    after = before.copy()
    after[np.arange(30), column] += 6 * rows.std(axis=0)[column]
    shares = [detector.explain(X)["share"].to_numpy() for X in (before, after)]
    was, is_now = [(share.argmin(axis=1) == column).mean() for share in shares]
    assert was < 0.1 < 0.95 < is_now


# -- its form -----------------------------------------------------------------------------


def test_columns_and_index_are_the_callers():
    detector = make_detector().fit(pd.DataFrame(X, columns=NAMES))
    index = [f"row {i}" for i in range(40)]
    explanation = detector.explain(pd.DataFrame(NEW, columns=NAMES, index=index))
    assert isinstance(explanation, pd.DataFrame)
    assert list(explanation.index) == index
    assert explanation.columns.nlevels == 2
    kinds = ["expected", "residual", "share"]
    assert list(explanation.columns) == [(kind, name) for kind in kinds for name in NAMES]
    assert (explanation.dtypes == np.float64).all()
    assert explanation.loc["row 3", ("share", "b")] == explanation["share"]["b"].iloc[3]
    of_polars = pl.DataFrame(NEW, schema=NAMES)
    for table in (of_polars, of_polars.to_arrow()):
        explained = detector.explain(table)
        assert list(explained.index) == list(range(40))
        assert list(explained["share"].columns) == NAMES
        assert list(explained.columns.names) == ["quantity", "column"]
        assert_array_equal(explained, explanation)


def test_without_names_columns_are_numbered(fitted):
    explanation = fitted.explain(NEW[:10])
    assert list(explanation["share"].columns) == [f"x{i}" for i in range(8)]
    assert list(explanation.index) == list(range(10))


@pytest.mark.parametrize(
    "contain",
    [sparse.csr_array, torch.from_numpy, np.ndarray.tolist],
    ids=["csr", "tensor", "list"],
)
def test_containers_are_explained_alike(fitted, contain):
    found, expected = fitted.explain(contain(NEW[:10])), fitted.explain(NEW[:10])
    assert_frame_equal(found, expected, rtol=1e-3, atol=1e-3)


def test_the_explanation_of_one_row_is_that_of_a_batch(fitted):
    one, many = fitted.explain(NEW[3:4]), fitted.explain(NEW[:10])
    assert_allclose(one.iloc[0], many.iloc[3], rtol=1e-7, atol=1e-9)


def test_names_that_are_no_strings_are_the_callers_too():
    frame = pd.DataFrame(NEW, columns=range(10, 18))
    explanation = make_detector().fit(pd.DataFrame(X, columns=range(10, 18))).explain(frame)
    assert list(explanation["share"].columns) == list(range(10, 18))


def test_explaining_changes_nothing(fitted):
    before, explained = answers(fitted, NEW), fitted.explain(NEW[:5])
    fitted.explain(NEW + 1e3)
    assert_same(before, answers(fitted, NEW))
    assert_frame_equal(fitted.explain(NEW[:5]), explained)
