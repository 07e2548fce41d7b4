"""The tests of two samples and Holm's correction, against other computations of the same."""

from itertools import chain, combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import ks_2samp

from skae.detection import _two_sample_tests
from skae.detection._two_sample_tests import holm, ks_test, mmd_test


def kernel_sum(a, b, squared_width, distinct):
    return sum(
        np.exp(-np.sum((x - y) ** 2) / (2 * squared_width))
        for i, x in enumerate(a)
        for j, y in enumerate(b)
        if not (distinct and i == j)
    )


def slow_mmd(a, b):
    rows = [*a, *b]
    distances = [np.linalg.norm(x - y) for x, y in combinations(rows, 2)]
    squared_width = (np.median(distances) / 2) ** 2
    n, m = len(a), len(b)
    return (
        kernel_sum(a, a, squared_width, True) / (n * (n - 1))
        + kernel_sum(b, b, squared_width, True) / (m * (m - 1))
        - 2 * kernel_sum(a, b, squared_width, False) / (n * m)
    )


def test_mmd_is_what_loops_over_pairs_give():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 2)), rng.normal(size=(6, 2)) + 0.5
    statistic, _ = mmd_test(a, b, 1, rng)
    assert_allclose(statistic, slow_mmd(a, b), rtol=1e-10)


@pytest.mark.parametrize("n", [3, 4])
def test_the_p_value_of_mmd_is_that_of_all_permutations(n):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(8, 2))
    rows[:n] += 0.5
    of_all = []
    for first in combinations(range(8), n):
        second = [i for i in range(8) if i not in first]
        of_all.append(slow_mmd(rows[list(first)], rows[second]))
    # The first combination is the observed one.
    p_value = np.mean(np.array(of_all) >= of_all[0] - 1e-12)
    n_permutations = 4000
    found = mmd_test(rows[:n], rows[n:], n_permutations, rng)[1]
    assert 0.01 < p_value < 0.5
    assert abs(found - p_value) < 4 * np.sqrt(p_value * (1 - p_value) / n_permutations)


def test_permutations_are_as_many_as_asked_for():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 10
    for n_permutations in (1, 99, 2500):
        assert mmd_test(a, b, n_permutations, rng)[1] == 1 / (n_permutations + 1)


@pytest.mark.parametrize("shift", [0, 0.3])
def test_ks_is_that_of_scipy(shift, monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=800), rng.normal(size=300) + shift
    exact = ks_2samp(a, b, method="exact")
    assert_allclose(ks_test(a, b), exact[:2])
    monkeypatch.setattr(_two_sample_tests, "_PAIRS_FOR_EXACT", 1000)
    statistic, p_value = ks_test(a, b)
    assert_allclose(statistic, exact.statistic)
    assert 1e-4 < abs(p_value / exact.pvalue - 1) < 0.05


def test_holm_by_hand():
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    assert_allclose(holm(p_values, np.ones(4)), [0.03, 0.06, 0.06, 0.02])
    assert_allclose(holm(np.array([0.4, 0.9]), np.ones(2)), [0.8, 0.9])
    assert_allclose(holm(np.array([0.9, 0.8]), np.ones(2)), [1, 1])


def closed(p_values, weights):
    """Reject a hypothesis if each set of hypotheses that holds it is, by Bonferroni's test."""
    many = range(len(p_values))
    sets = [list(s) for s in chain.from_iterable(combinations(many, size + 1) for size in many)]
    of_set = {tuple(s): min(1, np.min(p_values[s] * weights[s].sum() / weights[s])) for s in sets}
    return [max(p for s, p in of_set.items() if i in s) for i in many]


def test_holm_is_the_closed_test_of_weighted_bonferroni():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p_values, weights = rng.uniform(size=5) ** 3, rng.integers(1, 4, size=5)
        assert_allclose(holm(p_values, weights), closed(p_values, weights))
    # Weights matter.
    assert not np.allclose(holm(p_values, weights), holm(p_values, np.ones(5)))
