"""Tables that break other detectors: constant columns, heavy tails, equal rows, few rows."""

import itertools
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import SCORINGS, draw, draw_outliers, make_detector
from scipy import sparse
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.detection import _default_autoencoder
from skae.tables import ColumnScaling

RNG = np.random.default_rng(1)
X, NEW, OUTLIERS = draw(RNG, 200), draw(RNG, 100), draw_outliers(RNG, 100)


def auroc(detector, ordinary, outliers):
    scores = -detector.score_samples(np.r_[ordinary, outliers])
    return roc_auc_score(np.repeat([0, 1], [len(ordinary), len(outliers)]), scores)


@pytest.fixture(scope="module", autouse=True)
def few_steps():
    """Train the default autoencoder shortly: these tests are not about its power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_default_autoencoder, "_STEPS", 150)
        yield


def make_default():
    return AutoencoderOutlierDetector(n_estimators=1, random_state=0)


def assert_answers(detector, rows):
    """Every answer is a number, and shares add up."""
    scores, p_values = detector.score_samples(rows), detector.p_values(rows)
    explanation = detector.explain(rows[:10])
    for answer in (scores, p_values, explanation, detector.transform(rows), detector.offset_):
        assert np.isfinite(np.asarray(answer)).all()
    assert ((p_values > 0) & (p_values <= 1)).all()
    assert set(detector.predict(rows)) <= {-1, 1}
    assert_allclose(explanation["share"].sum(axis=1), scores[:10], rtol=1e-9, atol=1e-12)


DETECTORS = {
    scoring: lambda scoring=scoring: make_detector(scoring=scoring, n_estimators=2)
    for scoring in SCORINGS
}
DETECTORS["default"] = make_default
any_detector = pytest.mark.parametrize("make", DETECTORS.values(), ids=DETECTORS)


def in_turns(name, values):
    """Give each detector one of the values, and each value to one detector at least."""
    pairs = [*zip(DETECTORS, itertools.cycle(values), strict=False)]
    cases = [(DETECTORS[key], value) for key, value in pairs]
    return pytest.mark.parametrize(("make", name), cases, ids=[f"{k}-{v}" for k, v in pairs])


@cache
def fitted(make):
    """A detector of plain rows, not to be changed."""
    return make().fit(X)


# -- constant columns ---------------------------------------------------------------------


@in_turns("value", [0.0, 7.0, -1e6])
def test_a_constant_column_may_move_by_a_hairs_breadth(make, value):
    def with_column(rows, move=0.0):
        return np.c_[rows, np.full(len(rows), value + move)]

    detector = make().fit(with_column(X))
    detector.set_contamination(0.1)
    assert_answers(detector, with_column(NEW))
    still, moved, far = (detector.predict(with_column(NEW, m)) for m in (0, 1e-3, 100))
    assert (moved != still).mean() < 0.03
    assert (far == -1).all()
    explanation = detector.explain(with_column(NEW[:20], 100))
    if make is not DETECTORS["default"]:
        assert (explanation["share"].to_numpy().argmin(axis=1) == 8).all()


# A variational autoencoder warns that its codes do not vary.
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@in_turns("value", [0.1, 1e6 + 0.1, -3e20])
def test_a_constant_may_come_in_another_dtype(make, value):
    detector = make().fit(np.full((100, 3), value))
    exact = np.full((2, 3), value)
    rounded = exact.astype(np.float32)
    # Networks compute in the dtype of the rows, so the last digits of float32 are others.
    scores = detector.score_samples(exact)
    assert_array_equal(detector.score_samples(rounded.astype(np.float64)), scores)
    assert_allclose(detector.score_samples(rounded), scores, rtol=1e-6, atol=1e-12)
    assert (detector.predict(rounded.astype(np.float64)) == 1).all()
    # The control: a change that is no rounding.
    assert (detector.predict(rounded * 1.5 + 1) == -1).all()


@pytest.mark.parametrize("scoring", SCORINGS)
def test_a_column_that_follows_from_another_may_be_rounded(scoring):
    def with_column(rows, move=0.0):
        return np.c_[rows, 2 * rows[:, 0] + move]

    detector = make_detector(scoring=scoring).fit(with_column(X)).set_contamination(0.1)
    still, moved, far = (detector.predict(with_column(NEW, m)) for m in (0, 1e-3, 30))
    assert (moved != still).mean() < 0.03
    assert (far == -1).all()


# A variational autoencoder warns that its codes do not vary.
@pytest.mark.filterwarnings("ignore:The posterior has collapsed")
@in_turns("dtype", [np.float32, np.float64])
def test_all_rows_are_equal(make, dtype):
    rows = np.full((40, 3), 1234.567, dtype)
    detector = make().fit(rows)
    assert_answers(detector, rows)
    assert (detector.predict(rows) == 1).all()
    assert_allclose(detector.p_values(rows), 1)
    assert (detector.predict(rows + 100) == -1).all()


# -- heavy tails --------------------------------------------------------------------------


@any_detector
def test_columns_of_heavy_tails(make):
    """Two columns have no variance; in the others, outliers still stand out."""
    rng = np.random.default_rng(0)

    def with_tails(rows):
        return np.c_[rows, rng.standard_cauchy(size=(len(rows), 2))]

    detector = make().fit(with_tails(X))
    assert_answers(detector, with_tails(NEW))
    assert auroc(detector, with_tails(NEW), with_tails(OUTLIERS)) > 0.7
    shares = (detector.p_values(with_tails(draw(rng, 1000))) <= 0.1).mean()
    assert 0.03 < shares < 0.2


@any_detector
def test_one_wild_value_in_training_hides_no_outliers(make):
    rows = X.copy()
    rows[0, 0] = 1e4
    clean, wild = fitted(make), make().fit(rows)
    assert_answers(wild, rows)
    assert auroc(wild, NEW, OUTLIERS) > 0.7
    assert auroc(clean, NEW, OUTLIERS) > 0.85
    if make is not DETECTORS["reconstruction"]:
        # A principal component of its own reconstructs the value.
        assert wild.score_samples(rows).argmin() == 0


@any_detector
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_few_absurd_cells_hide_no_outliers(make, dtype):
    """As many as make up half of the standard deviations, in every column."""
    rows = np.r_[X, draw(np.random.default_rng(2), 800)].astype(dtype)
    rows[np.arange(12), np.arange(12) % 8] = 1e6 if dtype is np.float32 else 1e300
    detector = make().fit(rows)
    assert auroc(detector, NEW, OUTLIERS) > auroc(fitted(make), NEW, OUTLIERS) - 0.05
    assert (detector.predict(rows[:12]) == -1).all()


# -- cells far outside --------------------------------------------------------------------


@in_turns("sign", [-1, 1])
def test_what_is_far_outside_is_an_outlier_however_far(make, sign):
    """Eight standard deviations are far enough: no number is too large."""
    detector = fitted(make)
    rows = np.tile(NEW[0], (4, 1))
    rows[:, 3] = X[:, 3].mean() + sign * X[:, 3].std() * np.array([8.01, 9, 1e6, 1e300])
    assert_answers(detector, rows)
    scores = detector.score_samples(rows)
    assert_allclose(scores, scores[0], rtol=1e-6)
    assert (detector.predict(rows) == -1).all()
    # Up to there, it is the farther the lower.
    if make is not DETECTORS["reconstruction"]:
        rows[:, 3] = X[:, 3].mean() + sign * X[:, 3].std() * np.array([3.0, 5, 7, 8])
        assert (np.diff(detector.score_samples(rows)) < 0).all()


def test_training_goes_on_with_values_of_any_size():
    detector = make_detector().fit(X).partial_fit(X * 1e300)
    assert_answers(detector, NEW)
    assert_answers(make_detector().fit(X * 1e300), X * 1e300)


@any_detector
def test_what_is_far_outside_in_a_sparse_matrix(make):
    rows, new = (some * (np.abs(some) > 1) for some in (X, NEW))
    new[np.arange(100), np.arange(100) % 8] *= 50
    detector = make().fit(rows)
    scores = detector.score_samples(new)
    assert_allclose(detector.score_samples(sparse.csr_array(new)), scores, rtol=1e-6)
    assert_allclose(detector.score_samples(sparse.csc_matrix(new)), scores, rtol=1e-6)


@pytest.mark.parametrize("origin", [-100, 100])
def test_a_zero_that_is_far_outside_in_a_sparse_matrix(origin):
    def shifted(rows):
        return np.c_[rows, rows[:, :2] + origin]

    detector = make_detector(scoring="mahalanobis").fit(shifted(X))
    new = shifted(NEW)
    new[:50, 8:] = 0
    scores = detector.score_samples(new)
    assert scores[:50].max() < scores[50:].min()
    assert_allclose(detector.score_samples(sparse.csr_array(new)), scores, rtol=1e-6)
    other = make_detector(scoring="mahalanobis").fit(sparse.csr_array(shifted(X)))
    assert_allclose(other.score_samples(sparse.csr_array(new)), scores, rtol=1e-3)


def test_entries_of_a_sparse_matrix_that_are_stored_in_parts():
    detector = make_detector().fit(X)
    halves = np.repeat(NEW / 2, 2, axis=1)
    index = np.tile(np.repeat(np.arange(8), 2), 100)
    parts = sparse.csr_array((halves.ravel(), index, np.arange(0, 1601, 16)), shape=(100, 8))
    assert parts.nnz == 1600
    # Together some of them are far outside, though none is by itself.
    parts, whole = 10 * parts, 10 * NEW
    assert_allclose(detector.score_samples(parts), detector.score_samples(whole), rtol=1e-6)
    assert parts.nnz == 1600


def test_losses_that_need_the_unit_of_the_data_see_it_as_it_is():
    autoencoder = AutoencoderTransformer(2, loss="poisson", hidden_layer_sizes=(), max_iter=5)
    detector = make_detector(autoencoder, scoring="reconstruction").fit(np.exp(X))
    far = np.exp(NEW[:1]) + np.array([[0, 1e3, 0, 0, 0, 0, 0, 0]])
    assert detector.score_samples(2 * far) < detector.score_samples(far)
    assert detector.score_samples(far) < detector.score_samples(np.exp(NEW[:1]))


# -- equal rows ---------------------------------------------------------------------------


@in_turns("n_distinct", [2, 10])
def test_few_distinct_rows(make, n_distinct):
    rows = np.tile(X[:n_distinct], (200 // n_distinct, 1))
    detector = make().fit(rows)
    assert_answers(detector, rows)
    # One row in ten is not among the nearest nine tenths, and the threshold is near to another.
    assert (detector.predict(rows) == 1).mean() >= 0.8
    assert (detector.predict(rows + 100 * OUTLIERS[:1]) == -1).all()
    # Equal rows are judged alike.
    scores = detector.score_samples(rows)
    assert_allclose(scores, np.tile(scores[:n_distinct], 200 // n_distinct), rtol=1e-9)


@any_detector
def test_half_of_the_rows_are_one_row(make):
    rows = np.r_[X[:100], np.tile(X[:1], (100, 1))]
    detector = make().fit(rows)
    assert_answers(detector, rows)
    assert auroc(detector, NEW, OUTLIERS) > 0.7


# -- shapes -------------------------------------------------------------------------------


@in_turns("n_samples", [4, 5, 10])
def test_few_rows(make, n_samples):
    detector = make().fit(X[:n_samples])
    assert_answers(detector, NEW)
    assert detector.n_samples_seen_ == n_samples
    assert_answers(detector.partial_fit(NEW[:1]), NEW)


@any_detector
def test_one_column(make):
    detector = make().fit(X[:, :1])
    assert_answers(detector, NEW[:, :1])
    if make is not DETECTORS["reconstruction"]:
        # One column is reconstructed exactly, wherever it goes.
        assert detector.score_samples([[1e3]]) < detector.score_samples(X[:, :1]).min()


@any_detector
def test_more_columns_than_rows(make):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(3, 60))

    def wide(n_samples):
        return rng.normal(size=(n_samples, 3)) @ mixing + 0.3 * rng.normal(size=(n_samples, 60))

    detector = make().fit(wide(25))
    assert_answers(detector, wide(10))
    ordinary = wide(50)
    assert auroc(detector, ordinary, rng.permuted(wide(50), axis=0)) > 0.9


@any_detector
def test_integers(make):
    rows, new = (np.rint(10 * some).astype(np.int64) for some in (X, NEW))
    detector = make().fit(rows)
    assert_allclose(detector.score_samples(new), detector.score_samples(new.astype(float)))
    assert detector.transform(new).dtype == np.float64
    assert_answers(make().fit((X > 0).astype(bool)), NEW > 0)


def test_sparse_rows_of_mostly_zeros():
    rng = np.random.default_rng(0)
    rows = sparse.random_array((200, 30), density=0.05, rng=rng, format="csr")
    detector = make_detector().fit(rows)
    assert_answers(detector, rows)
    assert_allclose(detector.score_samples(rows.toarray()), detector.score_samples(rows), rtol=1e-6)


# -- units --------------------------------------------------------------------------------


@in_turns("unit", [2.0**-300, 2.0**40, 2.0**300])
def test_the_unit_of_the_data_changes_nothing(make, unit):
    plain, other = fitted(make), make().fit(X * unit)
    assert_allclose(other.score_samples(NEW * unit), plain.score_samples(NEW), rtol=1e-6)
    assert_allclose(other.p_values(NEW * unit), plain.p_values(NEW), atol=0.01)
    expected = other.explain(NEW[:10] * unit)["expected"] / unit
    assert_allclose(expected, plain.explain(NEW[:10])["expected"], rtol=1e-4, atol=1e-6)


@any_detector
def test_columns_of_different_units(make):
    unit = 10.0 ** np.array([-12, -6, -3, 0, 0, 3, 6, 12])
    plain, other = fitted(make), make().fit(X * unit)
    assert_allclose(other.score_samples(NEW * unit), plain.score_samples(NEW), rtol=1e-3)


@pytest.mark.parametrize(("origin", "dtype"), [(1e6, np.float64), (100.0, np.float32)])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_the_origin_of_the_data_changes_nothing(scoring, origin, dtype):
    plain = make_detector(scoring=scoring).fit(X.astype(dtype))
    other = make_detector(scoring=scoring).fit((X + origin).astype(dtype))
    found = other.score_samples((NEW + origin).astype(dtype))
    assert_allclose(found, plain.score_samples(NEW.astype(dtype)), rtol=0.02, atol=0.01)


@pytest.mark.parametrize("n_samples", [300, 200_000])
def test_times_in_milliseconds_are_no_constant(n_samples):
    """A spread that is small beside the value, but far above its rounding; a constant beside it."""
    rng = np.random.default_rng(0)
    times = 1.7e12 + 100 * rng.normal(size=n_samples)
    scaling = ColumnScaling(np.c_[times, np.full(n_samples, 0.1)], None, changes=True)
    assert_allclose(scaling.scale, [times.std(), 1], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@in_turns("spread", [3e-5, 6e-6])
def test_a_spread_of_a_few_roundings_is_a_spread(make, spread, dtype):
    rng = np.random.default_rng(0)

    def with_column(rows, deviations):
        return np.c_[rows, 52.52 + spread * deviations].astype(dtype)

    detector = make().fit(with_column(X, rng.normal(size=200)))
    assert (detector.predict(with_column(NEW, rng.normal(size=100))) == 1).mean() > 0.8
    if make is not DETECTORS["reconstruction"]:
        # A principal component of its own reconstructs the value.
        assert (detector.predict(with_column(NEW, np.full(100, 33))) == -1).all()
