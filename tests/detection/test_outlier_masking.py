"""Outliers among the training rows that are alike, and legitimate kinds of rows beside them."""

import numpy as np
import pytest
from outlier_cases import SCORINGS, draw, make_detector, scores_by
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.detection import ReconstructionScore


def table_with_cluster(n_rows=600, n_columns=6, share=0.08, spread=0.05, away=4, seed=0):
    """Return normal rows of which the first are a cluster, and where they are."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_columns))
    n_outliers = int(share * n_rows)
    X[:n_outliers] = away + spread * rng.normal(size=(n_outliers, n_columns))
    return X, np.arange(n_rows) < n_outliers


def detector(scoring="mixture", **params):
    """Return a detector of few members; the likelihood's default takes many epochs."""
    if scoring == "likelihood":
        from skae import VariationalAutoencoder

        params["autoencoder"] = VariationalAutoencoder(2, hidden_layer_sizes=(16,), max_iter=20)
    return AutoencoderOutlierDetector(scoring=scoring, n_estimators=2, random_state=0, **params)


def auroc(fitted, X, is_outlier):
    """Return how well the scores tell outliers from ordinary rows."""
    return roc_auc_score(is_outlier, -fitted.score_samples(X))


@pytest.mark.parametrize("scoring", SCORINGS)
def test_a_tight_cluster_is_found_by_every_scoring(scoring):
    X, is_outlier = table_with_cluster()
    fitted = detector(scoring).fit(X)
    assert auroc(fitted, X, is_outlier) >= 0.95
    assert fitted.p_values(X[is_outlier]).max() < np.median(fitted.p_values(X[~is_outlier]))


@pytest.mark.parametrize(
    "cluster",
    [
        {"spread": 0.01, "away": 8, "share": 0.02},
        {"spread": 0.5, "away": 3, "share": 0.1},
        {"n_columns": 20, "share": 0.1},
        {"n_columns": 3, "away": 5, "n_rows": 2000},
    ],
    ids=["far_and_tight", "wide", "many_columns", "few_columns"],
)
def test_other_clusters(cluster):
    X, is_outlier = table_with_cluster(**cluster)
    assert auroc(detector().fit(X), X, is_outlier) >= 0.95


def test_a_cluster_that_is_away_in_one_of_many_columns(monkeypatch):
    """It stretches the standard deviation of its column until it is near, in units of it."""
    X, is_outlier = table_with_cluster(600, 12, share=0.05, spread=0.1, away=0)
    X[is_outlier, 0] += 6
    fitted = detector().fit(X)
    assert auroc(fitted, X, is_outlier) > 0.95
    assert fitted.contamination_ == pytest.approx(0.05, abs=0.01)
    # Covariances that are shrunk to a common variance keep it.
    monkeypatch.setattr("skae.detection._ordinary_rows._LEAST_SHARE", 0.0)
    assert auroc(detector().fit(X), X, is_outlier) < 0.5


@pytest.mark.parametrize("outlier", [(0, 50, 0, 0), (-999, None, None, None)], ids=str)
@pytest.mark.parametrize("share", [0.05, 0.1])
def test_outliers_that_are_equal_in_a_column(outlier, share):
    X, is_outlier = table_with_cluster(600, 4, share=share, away=0, spread=1)
    for column, value in enumerate(outlier):
        if value is not None:
            X[is_outlier, column] = value
    fitted = detector()
    found = fitted.fit_predict(X) == -1
    assert fitted.contamination_ == pytest.approx(share, abs=0.01)
    assert auroc(fitted, X, is_outlier) > 0.95
    assert found[is_outlier].mean() > 0.6
    assert found[~is_outlier].mean() < 0.07


def test_clusters_that_are_kinds_would_be_ordinary(monkeypatch):
    X, is_outlier = table_with_cluster(n_rows=1200, n_columns=3, share=0.1)
    found = auroc(detector().fit(X), X, is_outlier)
    monkeypatch.setattr("skae.detection._clusters._MOST", 0.0)
    monkeypatch.setattr("skae.detection._gaussian_distances._WEIGHT_OF_CENTER", 0.0)
    assert found >= 0.95
    assert auroc(detector().fit(X), X, is_outlier) < 0.5


@pytest.mark.parametrize(
    ("share", "away", "spread"),
    [(0.1, 5, 0.5), (0.3, 8, 0.1), (0.5, 5, 1.0), (0.15, 4, 0.2)],
    ids=["small", "remote", "half", "small_and_tight"],
)
def test_legitimate_kinds_are_no_outliers(share, away, spread):
    X, _ = table_with_cluster(1500, 6, share, spread, away)
    rng = np.random.default_rng(1)
    low, high = X.min(axis=0), X.max(axis=0)
    X = np.r_[X, rng.uniform(low, high, size=(75, 6))]
    is_outlier = np.arange(len(X)) >= 1500
    forest = roc_auc_score(is_outlier, -IsolationForest(random_state=0).fit(X).score_samples(X))
    assert auroc(detector().fit(X), X, is_outlier) >= forest


def test_a_row_between_two_kinds_is_isolated():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(-6, 1, size=(300, 4)), rng.normal(6, 1, size=(300, 4))]
    fitted = detector().fit(X)
    assert fitted.score_samples(np.zeros((1, 4)))[0] < np.percentile(fitted.score_samples(X), 1)
    assert factor_of(fitted, np.zeros((1, 4)))[0] > 2


def factor_of(fitted, Z):
    """Return by how much isolation multiplies the scores of scaled rows by the first member."""
    plain = scores_by(fitted.estimators_[0], fitted._scores[0], Z)
    return fitted._ensemble.outlier_scores(Z)[:, 0] / np.sqrt(2 * plain)


def test_factors_are_one_where_a_row_is_as_near_to_others_as_is_typical():
    X = np.random.default_rng(0).normal(size=(2000, 3))
    fitted = detector().fit(X)
    factors = factor_of(fitted, fitted._scaling(X))
    assert factors.min() == pytest.approx(1)
    assert np.mean(factors < 1.001) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("n_rows", [1999, 2001, 4051])
def test_isolation_is_learned_whatever_the_number_of_kept_rows(n_rows):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    fitted = detector().fit(X)
    assert len(fitted._reference.fold) == n_rows
    assert np.mean(factor_of(fitted, fitted._scaling(X)) < 1.001) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("scoring", ["mixture", "reconstruction"])
def test_a_burst_does_not_become_the_new_normal_at_once(scoring):
    rng = np.random.default_rng(0)

    def ordinary(n_rows):
        return rng.normal(size=(n_rows, 4))

    fitted = detector(scoring)
    fitted.partial_fit(ordinary(1500))
    fitted.partial_fit(16 + rng.normal(size=(200, 4)))
    new, burst = ordinary(200), 16 + rng.normal(size=(200, 4))
    assert fitted.score_samples(burst).max() < fitted.score_samples(new).min()
    # Later it does; the faster, the larger the parameter.
    fitted.set_params(forgetting=0.3)
    for _ in range(8):
        fitted.partial_fit(16 + rng.normal(size=(400, 4)))
    assert np.median(fitted.p_values(burst)) > 0.05


def n_learned_of(fitted):
    """Return how many of the rows that are kept are of a burst."""
    return np.sum(fitted._reference.rows[:, 0] * fitted.scale_[0] > 8)


def test_how_fast_the_normal_moves_is_a_parameter():
    rng = np.random.default_rng(0)
    burst = 16 + rng.normal(size=(600, 4))
    learned = []
    for forgetting in (0.01, 0.2, 1.0):
        fitted = detector(forgetting=forgetting).partial_fit(rng.normal(size=(600, 4)))
        learned.append(n_learned_of(fitted.partial_fit(burst)))
    # Three in a hundred of the kept rows, and a share of the others.
    assert learned == pytest.approx([18 + 6, 18 + 116, 600], abs=30)


def test_how_a_burst_is_cut_into_calls_hardly_matters():
    rng = np.random.default_rng(0)
    ordinary, burst = rng.normal(size=(600, 4)), 16 + rng.normal(size=(120, 4))
    learned = []
    for n_calls in (1, 40):
        fitted = detector().partial_fit(ordinary)
        for rows in np.split(burst, n_calls):
            fitted.partial_fit(rows)
        learned.append(n_learned_of(fitted))
        assert fitted.p_values(burst).max() <= 0.02
    assert learned == pytest.approx([18 + 5, 18 + 5], abs=10)


def test_rows_that_are_not_learned_change_nothing():
    rng = np.random.default_rng(0)
    fitted = detector(forgetting=1e-9).partial_fit(rng.normal(size=(600, 4)))
    fitted.partial_fit(16 + rng.normal(size=(100, 4)))
    new = rng.normal(size=(50, 4))
    before = fitted.score_samples(new)
    # Three in a hundred of them are none.
    fitted.partial_fit(16 + rng.normal(size=(30, 4)))
    assert np.array_equal(fitted.score_samples(new), before)
    assert fitted.n_samples_seen_ == 730


@pytest.mark.parametrize("bursts", [False, True])
def test_a_long_stream_keeps_its_level(bursts, monkeypatch):
    monkeypatch.setattr("skae.detection._reference_rows._MOST_ROWS", 1000)
    rng = np.random.default_rng(0)
    fitted = detector("mahalanobis")
    for _ in range(15):
        burst = 16 + rng.normal(size=(30 * bursts, 4))
        fitted.partial_fit(np.r_[rng.normal(size=(300, 4)), burst])
    p_values = fitted.p_values(rng.normal(size=(4000, 4)))
    assert np.mean(p_values <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(p_values <= 0.01) == pytest.approx(0.01, abs=0.015)
    if bursts:
        assert fitted.p_values(burst).max() <= 0.05


def test_the_default_beats_the_plain_bottleneck_where_outliers_are_trained_on(monkeypatch):
    """A tenth of the rows obeys another law, which a network that sees it learns as well."""
    rng = np.random.default_rng(0)
    other_law = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 8))
    outliers = other_law + 0.3 * rng.normal(size=(40, 8))
    rows, is_outlier = np.r_[draw(rng, 360), outliers], np.repeat([0, 1], [360, 40])
    bottleneck = AutoencoderTransformer(
        6, hidden_layer_sizes=(64,), init="random", max_iter=200, learning_rate_init=5e-3
    )
    plain = make_detector(bottleneck, scoring="reconstruction", n_estimators=2)
    default = AutoencoderOutlierDetector(n_estimators=2, random_state=0).fit(rows)
    ours, of_ordinary_rows = (auroc(d, rows, is_outlier) for d in (default, plain.fit(rows)))
    monkeypatch.setattr(ReconstructionScore, "needs_ordinary_rows", False)
    theirs = auroc(plain.fit(rows), rows, is_outlier)
    assert min(ours, of_ordinary_rows) > 0.9
    assert min(ours, of_ordinary_rows) > theirs + 0.1


@pytest.mark.parametrize("scoring", ["mixture", "reconstruction"])
def test_two_clusters(scoring):
    X, first = table_with_cluster(1000, 4, share=0.08)
    second = np.roll(first, first.sum())
    X[second] = -X[first]
    assert auroc(detector(scoring).fit(X), X, first | second) >= 0.95


def test_a_member_keeps_its_rows_if_nearly_all_of_them_are_outliers():
    X, _ = table_with_cluster(600, 4, share=0.1)
    fitted = detector("mahalanobis", max_samples=2).fit(X)
    assert np.isfinite(fitted.score_samples(X)).all()


@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
def test_one_row_of_nearly_all_the_weight(fit):
    X = np.random.default_rng(0).normal(size=(60, 4))
    weight = np.r_[1000.0, np.ones(59)]
    fitted = getattr(detector("reconstruction"), fit)(X, sample_weight=weight)
    assert np.isfinite(fitted.score_samples(X)).all()


def test_a_kind_that_looks_like_a_cluster_is_less_unusual_than_scattered_outliers():
    X, of_kind = table_with_cluster(1500, 6, share=0.06, spread=0.3, away=5)
    fitted = detector().fit(X)
    ordinary, kind = fitted.score_samples(X[~of_kind]), fitted.score_samples(X[of_kind])
    scattered = fitted.score_samples(np.random.default_rng(1).uniform(-6, 6, size=(100, 6)))
    assert np.quantile(kind, 0.95) < np.quantile(ordinary, 0.05)
    assert np.quantile(scattered, 0.8) < np.quantile(kind, 0.2)
