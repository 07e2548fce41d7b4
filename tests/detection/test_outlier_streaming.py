"""partial_fit of the outlier detector: chunks, held-out rows, thresholds that go with it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import (
    SCORINGS,
    answers,
    assert_same,
    draw,
    draw_outliers,
    make_detector,
    weights_of,
)
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from skae import AutoencoderTransformer, load, save

RNG = np.random.default_rng(1)
X, NEW, OUTLIERS = draw(RNG, 400), draw(RNG, 500), draw_outliers(RNG, 500)


def auroc(detector):
    scores = -detector.score_samples(np.r_[NEW, OUTLIERS])
    return roc_auc_score(np.repeat([0, 1], 500), scores)


@pytest.mark.parametrize("scoring", SCORINGS)
def test_the_first_call_makes_a_detector(scoring):
    detector = make_detector(scoring=scoring)
    assert detector.partial_fit(X) is detector
    assert detector.n_samples_seen_ == 400
    assert_allclose(detector.scale_, X.std(axis=0))
    assert auroc(detector) > 0.8
    again = make_detector(scoring=scoring).partial_fit(X)
    assert_same(answers(detector, NEW[:10]), answers(again, NEW[:10]))


def test_chunks_improve_the_detector():
    autoencoder = AutoencoderTransformer(3, hidden_layer_sizes=(16,), init="random", batch_size=32)
    detector = make_detector(autoencoder, scoring="reconstruction", n_estimators=1)
    early = auroc(detector.partial_fit(X[:100]))
    for _ in range(5):
        for chunk in np.split(X, 4):
            detector.partial_fit(chunk)
    assert detector.n_samples_seen_ == 2100
    assert auroc(detector) > early + 0.1


def test_it_goes_on_from_fit():
    detector = make_detector().fit(X)
    before, scale = weights_of(detector), detector.scale_
    detector.partial_fit(NEW)
    moved = np.abs(weights_of(detector) - before)
    start = np.abs(weights_of(make_detector().fit(NEW)) - before)
    assert 0 < moved.mean() < start.mean()
    assert detector.n_samples_seen_ == 900
    # The unit of the first rows stays.
    assert_array_equal(detector.scale_, scale)


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("params", [{}, {"n_estimators": 6, "cv": 4, "max_samples": 60}], ids=str)
def test_held_out_rows_are_never_trained_on(trained_on, first, params):
    detector = make_detector(scoring="reconstruction", **params)
    getattr(detector, first)(X[:200])
    for chunk in (X[200:207], X[207:300], X[300:]):
        detector.partial_fit(chunk)
    reference = detector._reference
    # The rows that were kept are all rows, once each.
    index = cdist(reference.rows, X / detector.scale_).argmin(axis=1)
    assert_array_equal(np.sort(index), np.arange(400))
    assert_allclose(reference.rows * detector.scale_, X[index], atol=1e-5)
    kept, fold = detector._scaling(X)[index], reference.fold
    held_out_by_any = np.zeros(400, dtype=bool)
    for i, member in enumerate(detector.estimators_):
        seen = {row.tobytes() for rows in trained_on[member.random_state] for row in rows}
        was_seen = np.array([row.tobytes() in seen for row in kept])
        held_out = fold == detector._folds.left_out[i]
        assert not (was_seen & held_out).any()
        if "max_samples" not in params or first == "partial_fit":
            # All but a few that are far from the others.
            assert (was_seen | held_out).mean() > 0.98
        assert 60 < held_out.sum() < 120
        held_out_by_any |= held_out
    share = 1 - detector.n_calibration_ / held_out_by_any.sum()
    assert detector.contamination_ == pytest.approx(share, abs=1e-9)
    assert share < 0.01
    assert len(trained_on) == len(detector.estimators_)


@pytest.mark.parametrize("n_estimators", [1, 3])
def test_p_values_are_uniform_again_after_a_shift(n_estimators):
    rng = np.random.default_rng(0)

    def shifted(n_samples):
        return draw(rng, n_samples, noise=0.45) + 0.5

    detector = make_detector(n_estimators=n_estimators, scoring="mahalanobis").fit(X)
    batch = shifted(1000)
    assert (detector.p_values(batch) <= 0.1).mean() > 0.2
    for _ in range(4):
        # Few of the rows that are kept are from before, then.
        detector.partial_fit(shifted(1500))
    share = (detector.p_values(batch) <= 0.1).mean()
    assert 0.06 < share < 0.14
    assert abs((detector.predict(batch) == -1).mean() - 0.05) < 0.03


def test_the_level_of_the_threshold_stays():
    detector = make_detector(scoring="mahalanobis").fit(X).set_contamination(0.2)
    before = detector.offset_
    detector.partial_fit(NEW)
    assert detector.offset_ != before
    assert abs((detector.predict(draw(np.random.default_rng(5), 1000)) == -1).mean() - 0.2) < 0.06
    # And so does the one that was asked for at first.
    detector = make_detector(scoring="mahalanobis", contamination=0.3)
    detector.partial_fit(X).partial_fit(NEW)
    assert abs((detector.predict(NEW) == -1).mean() - 0.3) < 0.08


def test_recalibrated_after_new_data():
    detector = make_detector().fit(X).partial_fit(X).recalibrate(NEW[:250])
    share = (detector.p_values(NEW[250:]) <= 0.1).mean()
    assert 0.04 < share < 0.16
    assert detector.n_calibration_ == 250


@pytest.mark.parametrize("contain", [np.asarray, sparse.csr_array])
def test_kept_rows_are_drawn_from_old_and_new_ones_alike(contain, monkeypatch):
    monkeypatch.setattr("skae.detection._reference_rows._MOST_ROWS", 500)
    detector = make_detector(scoring="reconstruction", n_estimators=1).fit(contain(X))
    n_old = []
    for _ in range(5):
        detector.partial_fit(contain(NEW))
        reference, kept = detector._reference, detector._reference.rows
        assert kept.shape == (500, 8)
        assert reference.weight.shape == reference.fold.shape == (500,)
        kept = kept.toarray() if sparse.issparse(kept) else kept
        distance = cdist(kept, np.r_[X, NEW] / detector.scale_)
        assert distance.min(axis=1).max() < 1e-5
        n_old.append((distance.argmin(axis=1) < 400).sum())
    # At first 400 of 900, then half of them in each call.
    assert_allclose(n_old, 500 * 4 / 9 * 0.5 ** np.arange(5), atol=25)
    assert detector.n_samples_seen_ == 2900


def test_weights_count_in_chunks():
    weight = np.where(np.arange(400) < 200, 10.0, 0.1)
    plain = make_detector(n_estimators=1).partial_fit(X).partial_fit(X)
    weighted = make_detector(n_estimators=1).partial_fit(X, sample_weight=weight)
    weighted.partial_fit(X, sample_weight=weight)
    assert not np.array_equal(weights_of(plain), weights_of(weighted))
    assert not np.array_equal(plain.p_values(NEW), weighted.p_values(NEW))


def test_rows_one_at_a_time_fall_into_all_folds():
    detector = make_detector(scoring="reconstruction", n_estimators=1, cv=4).fit(X[:50])
    for chunk in np.split(NEW[:40], 40):
        detector.partial_fit(chunk)
    assert detector.n_samples_seen_ == 90
    # Of the rows of fit there are twelve or thirteen in each.
    assert detector._reference.fold.shape == (90,)
    assert np.bincount(detector._reference.fold, minlength=4).min() >= 16
    assert np.isfinite(detector.score_samples(NEW)).all()


def test_float32_after_float64():
    # Not by kinds, which rounding may change.
    scores = [
        make_detector(scoring="mahalanobis").fit(X).partial_fit(NEW.astype(dtype)).score_samples(X)
        for dtype in (np.float32, np.float64)
    ]
    # The nearest reference rows are others where distances are nearly equal.
    assert_allclose(*scores, rtol=0.1)
    assert np.corrcoef(*scores)[0, 1] > 0.999


# -- columns that are constant at first ------------------------------------------------------------


def late(rows, unit, origin, varies=True):
    """The first two columns in another unit, about another origin, or constant."""
    rows = rows.copy()
    rows[:, :2] = origin + unit * rows[:, :2] * varies
    return rows


@pytest.mark.parametrize(
    ("contain", "unit", "origin"),
    [
        (np.asarray, 1e6, 0.0),
        (sparse.csr_array, 1e-6, 0.0),
        (sparse.csr_array, 1e6, 3e6),
        (np.asarray, 1e-6, 1.0),
    ],
)
def test_columns_that_are_constant_in_the_first_rows(contain, unit, origin, tmp_path):
    detector = make_detector().partial_fit(contain(late(X, unit, origin, varies=False)))
    before = detector.scale_.copy()
    detector.partial_fit(contain(late(X, unit, origin)))
    assert_allclose(detector.scale_[:2], unit * X[:, :2].std(axis=0), rtol=1e-6)
    assert_array_equal(detector.scale_[2:], before[2:])
    scale = detector.scale_
    for _ in range(2):
        detector.partial_fit(contain(late(X, unit, origin)))
    assert_array_equal(detector.scale_, scale)
    # As the same rows in a plain unit, the wrong unit is an outlier, and answers are in the unit.
    new = late(NEW, unit, origin)
    scores = detector.score_samples(contain(new))
    swapped = contain(late(NEW, 30 * unit, origin))
    assert np.median(detector.score_samples(swapped)) < np.quantile(scores, 0.02)
    decoded = detector.inverse_transform(detector.transform(new)) - origin * (np.arange(8) < 2)
    assert (np.abs(decoded).max(axis=0) < 10 * unit ** (np.arange(8) < 2)).all()
    expected = detector.explain(new[:5])["expected"].to_numpy()[:, :2] - origin
    assert (np.abs(expected) < 10 * unit).all()
    save(detector, tmp_path / "detector.skae")
    assert_array_equal(load(tmp_path / "detector.skae").score_samples(contain(new)), scores)


def test_a_first_chunk_of_equal_rows_is_no_start():
    """Members start with the first rows that differ, so nothing is left of the chunk before."""
    plain = make_detector(scoring="reconstruction").partial_fit(1e6 * X)
    detector = make_detector(scoring="reconstruction").partial_fit(np.full((20, 8), 3.0))
    detector.partial_fit(1e6 * X)
    assert_allclose(detector.scale_, plain.scale_, rtol=1e-9)
    # The control: half of the variance is lost by members that start anywhere.
    lost = [
        ((one.inverse_transform(one.transform(1e6 * NEW)) / 1e6 - NEW) ** 2).mean()
        for one in (detector, plain)
    ]
    assert lost[0] < 1.2 * lost[1]
    assert lost[1] < 0.2 * NEW.var()


def test_the_first_rows_are_kept_at_random_up_to_the_limit():
    rows = np.c_[np.arange(9000.0), draw(np.random.default_rng(0), 9000)]
    detector = make_detector(n_estimators=1).partial_fit(rows)
    kept = detector._reference.rows[:, 0] * detector.scale_[0]
    assert len(kept) == 8192
    # Parts of a fold are not the rows of some time.
    assert abs(np.corrcoef(np.arange(100), kept[:100])[0, 1]) < 0.5
