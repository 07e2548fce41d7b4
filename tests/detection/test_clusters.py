"""Clusters of outliers among whitened rows, and rows that are none."""

import numpy as np
import pytest

from skae.detection._clusters import Clusters


def ordinary(n_rows=1000, n_columns=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_columns))


def with_cluster(share, spread, away, *, n_rows=1000, n_columns=3):
    rng = np.random.default_rng(1)
    cluster = away + spread * rng.normal(size=(int(share * n_rows), n_columns))
    return np.r_[cluster, ordinary(n_rows - len(cluster), n_columns)], len(cluster)


@pytest.mark.parametrize(
    ("share", "spread", "away", "n_columns"),
    [
        (0.02, 0.01, 2, 3),
        (0.1, 0.01, 8, 2),
        (0.1, 0.3, 3, 3),
        (0.05, 0.5, 3, 20),
    ],
)
def test_exactly_the_cluster_is_found(share, spread, away, n_columns):
    rows, n_outliers = with_cluster(share, spread, away, n_columns=n_columns)
    found = Clusters(rows).contain(rows)
    assert found[:n_outliers].mean() > 0.95
    assert found[n_outliers:].mean() < 0.005


def test_new_rows_are_of_the_cluster_beside_which_they_lie():
    rows, _ = with_cluster(0.05, 0.1, 4)
    clusters = Clusters(rows)
    assert clusters.contain(4 + 0.1 * ordinary(50, seed=2)).all()
    assert not clusters.contain(-4 + 0.1 * ordinary(50, seed=2)).any()
    assert clusters.contain(ordinary(500, seed=3)).mean() < 0.005


def test_two_clusters_of_more_than_an_eighth_together():
    rows, n_outliers = with_cluster(0.08, 0.1, 4)
    rows[n_outliers : 2 * n_outliers] = -rows[:n_outliers]
    found = Clusters(rows).contain(rows)
    assert found[: 2 * n_outliers].all()
    assert found[2 * n_outliers :].mean() < 0.005


def test_rows_of_a_cluster_that_are_no_neighbours_of_others():
    """The last row of the table is the most remote one of its cluster."""
    rows, n_outliers = with_cluster(0.05, 0.1, 4)
    rows[0] = 4.6
    found = Clusters(rows[::-1].copy()).contain(rows)
    assert found[:n_outliers].mean() > 0.95


CLEAN = {
    "normal": ordinary(),
    "many columns": ordinary(n_columns=30),
    "heavy tails": np.random.default_rng(0).standard_t(3, size=(1000, 3)),
    "skewed": np.random.default_rng(0).exponential(size=(1000, 3)),
    "few distinct values": np.random.default_rng(0).poisson(1, size=(1000, 3)) - 1.0,
    "one of five": np.random.default_rng(0).normal(size=(5, 3))[
        np.random.default_rng(1).choice(5, 1000, p=[0.5, 0.3, 0.1, 0.06, 0.04])
    ],
    "zeros and ones": (ordinary(n_columns=8) > 1).astype(float),
    "with a column of two values": np.c_[ordinary(), ordinary(seed=1)[:, 0] > 1.7] - 0.05,
    "constant": np.zeros((1000, 3)),
    "as dense as the rows beside": with_cluster(0.05, 1.0, 6)[0],
    "scattered outliers": with_cluster(0.1, 4.0, 0)[0],
    "more than an eighth": with_cluster(0.15, 0.1, 4)[0],
    "few rows": with_cluster(0.1, 0.1, 4, n_rows=100)[0],
}


@pytest.mark.parametrize("rows", CLEAN.values(), ids=CLEAN)
def test_rows_that_are_no_cluster(rows):
    assert not Clusters(rows).contain(rows).any()
