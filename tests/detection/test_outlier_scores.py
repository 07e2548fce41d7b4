"""What the detector's scores are: each beside an independent computation, and how robust."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import (
    LINEAR,
    SCORINGS,
    draw,
    isolation_of,
    make_detector,
    scores_by,
    with_isolation,
)
from sklearn.base import clone
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from skae.detection import _default_autoencoder
from skae.detection._default_autoencoder import autoencoder_for_detection
from skae.detection._ordinary_rows import OrdinaryRows
from skae.detection._outlier_scores import SCORES
from skae.detection._robust_gaussians import RobustGaussians

RNG = np.random.default_rng(1)
X, NEW, WEIGHT = draw(RNG, 200), draw(RNG, 50), RNG.integers(1, 4, size=200).astype(float)


def fit_score(scoring, weight=None):
    """An autoencoder, and its score that knows what training rows look like."""
    model = clone(LINEAR).set_params(random_state=0).fit(X)
    weight = np.ones(len(X)) if weight is None else weight
    return model, SCORES[scoring]().fit(model, X, weight, np.random.RandomState(0))


def residual_of(model, rows):
    return rows - model.inverse_transform(model.transform(rows))


# -- beside independent computations ------------------------------------------------------


def test_reconstruction():
    model, score = fit_score("reconstruction")
    scale = residual_of(model, X).std(axis=0)
    expected = np.mean((residual_of(model, NEW) / scale) ** 2, axis=1)
    assert_allclose(scores_by(model, score, NEW), expected, rtol=1e-6)


def test_reconstruction_with_weights_is_that_of_repeated_rows():
    model, score = fit_score("reconstruction", WEIGHT)
    scale = residual_of(model, X.repeat(WEIGHT.astype(int), axis=0)).std(axis=0)
    expected = np.mean((residual_of(model, NEW) / scale) ** 2, axis=1)
    assert_allclose(scores_by(model, score, NEW), expected, rtol=1e-6)
    plain = fit_score("reconstruction")[1]
    assert not np.allclose(scores_by(model, plain, NEW), expected, rtol=1e-3)


def test_mahalanobis():
    """scikit-learn's shrunk covariance of the nearest rows, from a half to nine tenths of them."""
    model, score = fit_score("mahalanobis")

    def values_of(rows):
        codes = model.transform(rows)
        return np.hstack([rows - model.inverse_transform(codes), codes, rows])

    center, unit = values_of(X).mean(axis=0), values_of(X).std(axis=0)
    known, new = ((values_of(rows) - center) / unit for rows in (X, NEW))
    distance = start_of(known)
    for share in (0.5, 0.5, 0.5, 0.75, 0.9):
        nearest = known[np.argsort(distance)[: int(share * len(known))]]
        gaussian = LedoitWolf().fit(nearest)
        distance = gaussian.mahalanobis(known)
    assert_allclose(scores_by(model, score, NEW), gaussian.mahalanobis(new) / 2, rtol=1e-3)


def start_of(known):
    """Squared distances from the spatial median, along the axes of the signs from there."""
    median = np.median(known, axis=0)
    for _ in range(10):
        nearness = 1 / np.linalg.norm(known - median, axis=1)
        median = np.average(known, axis=0, weights=nearness)
    signs = (known - median) / np.linalg.norm(known - median, axis=1)[:, None]
    along = (known - median) @ np.linalg.svd(signs, full_matrices=False)[2].T
    low, high = np.quantile(along, [0.25, 0.75], axis=0)
    # Codes follow from rows: some axes have no spread.
    return ((along / np.maximum((high - low) / 1.349, 0.01)) ** 2).sum(axis=1)


def test_one_kind_of_rows_has_one_distance():
    """So few rows are not of several kinds."""
    rows = draw(np.random.default_rng(0), 40)
    scores = [
        make_detector(scoring=scoring).fit(rows).score_samples(NEW)
        for scoring in ("mixture", "mahalanobis")
    ]
    assert_array_equal(*scores)


# Not "mixture": its k-means starts elsewhere.
@pytest.mark.parametrize("scoring", SCORINGS[1:])
def test_the_detector_asks_each_member_about_columns_of_unit_variance(scoring):
    unit = np.logspace(-3, 3, 8)
    rows, new = X * unit + 5, NEW * unit + 5
    detector = make_detector(scoring=scoring, n_estimators=2, cv=2).fit(rows)
    assert_allclose(detector.scale_, rows.std(axis=0), rtol=1e-9)
    unusual, score_class, weight = [], SCORES[scoring], np.ones(len(rows))
    for i, member in enumerate(detector.estimators_):
        seen = detector._reference.fold != detector._folds.left_out[i]
        Z = detector._reference.rows[seen]
        if score_class.needs_ordinary_rows:
            ordinary = OrdinaryRows(
                detector._reference.rows, weight, scoring, np.random.RandomState(0)
            )
            Z = Z[ordinary.choose([np.arange(len(Z))], Z)[0]]
        score = score_class().fit(member, Z, np.ones(len(Z)), np.random.RandomState(0))
        unusual.append(scores_by(member, score, new / detector.scale_))
        if score_class.times_isolation:
            factors = isolation_of(detector, new / detector.scale_, i)
            unusual[-1] = with_isolation(unusual[-1], factors)
    assert_allclose(-detector.score_samples(new), np.mean(unusual, axis=0), rtol=1e-3)


# -- masked cells -------------------------------------------------------------------------


def test_masked_cells_withstand_outliers_that_are_trained_on(monkeypatch):
    """The control is the same network without masks: it learns to copy every row."""
    monkeypatch.setattr(SCORES["reconstruction"], "needs_ordinary_rows", False)
    monkeypatch.setattr(_default_autoencoder, "_STEPS", 1000)
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 30))
    rows = rng.normal(size=(400, 4)) @ mixing + 0.3 * rng.normal(size=(400, 30))
    rows[360:] = rng.permuted(rows[360:], axis=0)
    is_outlier = np.arange(400) >= 360

    def auroc(**params):
        model = autoencoder_for_detection(None, "mixture", 30, 320, False, "cpu").set_params(
            **params
        )
        detector = make_detector(model, scoring="reconstruction", n_estimators=2)
        return roc_auc_score(is_outlier, -detector.fit(rows).score_samples(rows))

    masked = auroc()
    assert masked > 0.9
    assert masked > auroc(noise_level=0) + 0.15


# -- robust Gaussians ---------------------------------------------------------------------


def fit_gaussians(rows, most_kinds=0, weight=None, seed=0):
    weight = np.ones(len(rows)) if weight is None else weight
    gaussians = RobustGaussians(most_kinds, 1e-2)
    return gaussians.fit(rows, weight, np.random.RandomState(seed))


def test_the_centre_and_the_spread_withstand_outliers():
    rng = np.random.default_rng(0)
    ordinary, outliers = rng.normal(size=(460, 4)), rng.normal(20, 1, size=(40, 4))
    rows = np.r_[ordinary, outliers]
    gaussians = fit_gaussians(rows)
    coordinates = gaussians.coordinates_
    assert np.abs(coordinates.center_ + gaussians.center_ * coordinates.unit_).max() < 0.2
    # The control: what all rows have for a centre and a covariance.
    assert np.abs(rows.mean(axis=0)).min() > 1
    plain = LedoitWolf().fit(rows)
    new = np.array([[5.0, -5, 0, 0], [0.5, -0.5, 0, 0]])
    ours, theirs = gaussians.distances(new), plain.mahalanobis(new)
    limit = np.quantile(gaussians.distances(ordinary), 0.99)
    assert ours[0] > limit > ours[1]
    assert gaussians.distances(outliers).min() > 10 * limit
    assert plain.mahalanobis(outliers).max() < 3 * np.quantile(plain.mahalanobis(ordinary), 0.99)
    assert np.isfinite(theirs).all()


def test_a_row_between_two_kinds_is_unusual_to_the_mixture_only():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 3)) + np.repeat([[-5.0, 0, 0], [5.0, 0, 0]], 1000, axis=0)
    between = np.zeros((1, 3))
    mixture, one = fit_gaussians(rows, most_kinds=10), fit_gaussians(rows)
    assert mixture.distances(between) > np.quantile(mixture.distances(rows), 0.99)
    assert one.distances(between) < np.quantile(one.distances(rows), 0.1)
    assert len(one.centers_) == 0
    assert 2 <= len(mixture.centers_) <= 10


def test_a_rare_kind_is_farther_than_a_frequent_one():
    rng = np.random.default_rng(0)
    centers = np.array([[-10.0, 0, 0], [10.0, 0, 0]])
    rows = rng.normal(size=(400, 3)) + np.repeat(centers, [340, 60], axis=0)
    frequent, rare = sorted(fit_gaussians(rows, most_kinds=2).penalties_)
    assert frequent == 0
    assert 1 < rare < 4


def test_distances_do_not_depend_on_the_unit_of_a_value():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 4)) @ rng.normal(size=(4, 4))
    unit = np.array([1.0, 1e3, 1e6, 1e9])
    for most_kinds in (0, 5):
        small, large = (fit_gaussians(x, most_kinds) for x in (rows, rows * unit))
        assert_allclose(large.distances(rows * unit), small.distances(rows), rtol=1e-6)


def test_a_value_that_never_varied_may_move_by_a_hairs_breadth():
    rng = np.random.default_rng(0)
    rows = np.c_[rng.normal(size=(300, 2)), np.zeros(300)]
    gaussians = fit_gaussians(rows)
    at = gaussians.distances(np.array([[0.0, 0, 0], [0, 0, 1e-3], [0, 0, 1]]))
    assert at[1] < at[0] + 0.01
    assert at[2] > at[0] + 1000


def test_weights_move_the_centre():
    rows = np.random.default_rng(0).normal(size=(300, 3))
    weight = np.where(rows[:, 0] > 0, 9.0, 1.0)
    plain, weighted = fit_gaussians(rows), fit_gaussians(rows, weight=weight)
    centers = [one.coordinates_.center_ + one.center_ for one in (plain, weighted)]
    assert abs(centers[0][0]) < 0.2
    assert centers[1][0] > 0.4


@pytest.mark.parametrize("n_distinct", [1, 2, 5, 30])
def test_equal_rows_make_no_kinds_of_their_own(n_distinct):
    distinct = np.random.default_rng(0).normal(size=(n_distinct, 3))
    rows = np.tile(distinct, (300 // n_distinct, 1))
    gaussians = fit_gaussians(rows, most_kinds=10)
    assert len(gaussians.centers_) <= n_distinct
    distances = gaussians.distances(np.r_[distinct, distinct + 100])
    assert np.isfinite(distances).all()
    assert distances[:n_distinct].max() < distances[n_distinct:].min()


def test_a_kind_of_one_row_is_none():
    """A far row among few others, kept as it is no farther than five in a hundred."""
    rng = np.random.default_rng(0)
    for seed in range(20):
        rows = rng.standard_cauchy(size=(60, 2))
        gaussians = fit_gaussians(rows, most_kinds=3, seed=seed)
        assert np.isfinite(gaussians.distances(rows)).all()
