"""p-values of detectors: uniform on ordinary rows, and ranks among rows that were held out."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from outlier_cases import (
    draw,
    draw_outliers,
    isolation_of,
    make_detector,
    scores_by,
    with_isolation,
)
from scipy import stats

from skae import AutoencoderTransformer

RNG = np.random.default_rng(1)
X, NEW, OUTLIERS = draw(RNG, 400), draw(RNG, 1000), draw_outliers(RNG, 100)


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(make_detector().fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted detector of the test's own."""
    return pickle.loads(fitted_blob)


def test_p_values_are_uniform_on_ordinary_rows():
    """One row from each of many detectors; the control ranks it among the training rows."""
    n_repeats, n_rows, n_new = 60, 60, 40
    autoencoder = AutoencoderTransformer(3, hidden_layer_sizes=(), max_iter=1)
    params = {"autoencoder": autoencoder, "scoring": "mahalanobis", "n_estimators": 2, "cv": 2}
    rng = np.random.default_rng(0)
    honest, naive = np.empty((2, n_repeats, n_new))
    for repeat in range(n_repeats):
        rows, new = draw(rng, n_rows), draw(rng, n_new)
        detector = make_detector(random_state=repeat, **params).fit(rows)
        honest[repeat] = detector.p_values(new)
        known, found = detector.score_samples(rows), detector.score_samples(new)
        naive[repeat] = (1 + (known <= found[:, None]).sum(axis=1)) / (1 + n_rows)
    assert stats.kstest(honest[:, 0], "uniform").pvalue > 0.01
    shares = (honest <= 0.1).mean(axis=1)
    error = shares.std() / n_repeats**0.5
    # Cross-conformal p-values are a little careful: means of ranks are not as extreme.
    assert 0.07 - 3 * error < shares.mean() < 0.1 + 3 * error
    assert (naive <= 0.1).mean() > 0.1 + 3 * error


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("params", [{}, {"n_estimators": 1}, {"n_estimators": 7, "cv": 3}], ids=str)
def test_p_values_are_ranks_among_rows_that_were_held_out(params, weighted):
    """Each new row is compared with each held-out row by the members that left this one out."""
    weight = np.random.default_rng(0).uniform(0.5, 2, size=len(X)) if weighted else None
    detector = make_detector(scoring="mahalanobis", **params).fit(X, sample_weight=weight)
    reference = detector._reference
    Z, kept_weight, fold = reference.rows, reference.weight, reference.fold
    assert_allclose(kept_weight.mean(), 1)
    new = np.r_[NEW[:20], OUTLIERS[:20]]

    def scores(rows, members):
        scores = []
        for i in members:
            plain = scores_by(detector.estimators_[i], detector._scores[i], rows)
            scores.append(with_isolation(plain, isolation_of(detector, rows, i)))
        return np.mean(scores, axis=0)

    left_out = detector._folds.left_out
    members_of = {one: np.flatnonzero(left_out == one) for one in set(left_out)}
    of_fold = {one: scores(Z[fold == one], members) for one, members in members_of.items()}
    assert detector.contamination_ == 0
    at_least, total, n_held_out = np.zeros(len(new)), 0.0, 0
    for one, members in members_of.items():
        known, mine = of_fold[one], kept_weight[fold == one]
        for i, value in enumerate(scores(new / detector.scale_, members)):
            for other, weight_of_other in zip(known, mine, strict=True):
                at_least[i] += weight_of_other * (other >= value)
        total += mine.sum()
        n_held_out += len(mine)
    # The new row weighs as much as a held-out row on average.
    p_values = (at_least * n_held_out / total + 1) / (n_held_out + 1)
    assert detector.n_calibration_ == n_held_out
    # Where float32 cannot tell two scores apart, their ranks may differ.
    assert_allclose(detector.p_values(new), p_values, atol=3 / n_held_out)
    assert np.mean(np.isclose(detector.p_values(new), p_values, rtol=1e-9)) > 0.9
    assert detector.p_values(new).dtype == np.float64


@pytest.mark.parametrize(
    ("params", "n_expected"),
    [
        ({"n_estimators": 1}, 80),
        ({"n_estimators": 1, "cv": 2}, 200),
        ({"n_estimators": 5}, 400),
        ({"n_estimators": 7, "max_samples": 50}, 400),
    ],
    ids=str,
)
def test_with_as_many_members_as_folds_all_rows_are_held_out_by_one(params, n_expected):
    detector = make_detector(scoring="mahalanobis", **params).fit(X)
    assert detector.n_calibration_ == n_expected
    p_values = detector.p_values(OUTLIERS * 100)
    assert_allclose(p_values.min(), 1 / (n_expected + 1))
    assert detector.p_values(np.r_[NEW, OUTLIERS]).max() <= 1


def test_outliers_have_low_p_values(fitted):
    assert np.median(fitted.p_values(OUTLIERS)) < 0.02
    assert abs(np.median(fitted.p_values(NEW)) - 0.5) < 0.1


def test_p_values_of_rows_fall_as_the_rows_get_more_unusual(fitted):
    fitted.recalibrate(NEW)
    rows = np.r_[NEW, OUTLIERS]
    order = np.argsort(fitted.score_samples(rows))
    assert (np.diff(fitted.p_values(rows)[order]) >= 0).all()
