"""Tests of two samples, their correction and effect sizes, against other computations."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.signal import lfilter
from scipy.stats import binom, chi2, ks_2samp, norm

from skae.detection import _two_sample_tests
from skae.detection._effect_size import superiority
from skae.detection._multiple_tests import adjusted_p_values, permutation_p_values, tail_log_p
from skae.detection._row_splits import block_length, block_splits, independent_splits
from skae.detection._two_sample_tests import gaussian_kernel, ks_statistics, ks_test, squared_mmd


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


def discrepancy(a, b, n_permutations, rng):
    """The discrepancy of two samples, and its p-value."""
    splits = independent_splits(len(a), len(b), n_permutations, rng)
    found = squared_mmd(gaussian_kernel(np.concatenate([a, b])), splits)
    return found[0], permutation_p_values(found[:, np.newaxis])[0]


def test_mmd_is_what_loops_over_pairs_give():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(9, 2)), rng.normal(size=(6, 2)) + 0.5
    assert_allclose(discrepancy(a, b, 1, rng)[0], slow_mmd(a, b), rtol=1e-10)


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
    found = discrepancy(rows[:n], rows[n:], n_permutations, rng)[1]
    assert 0.01 < p_value < 0.5
    assert abs(found - p_value) < 4 * np.sqrt(p_value * (1 - p_value) / n_permutations)


def test_permutations_are_as_many_as_asked_for():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 10
    for n_permutations in (1, 99, 2500):
        assert discrepancy(a, b, n_permutations, rng)[1] == 1 / (n_permutations + 1)


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


@pytest.mark.parametrize("n_values", [None, 2, 9])
def test_ks_of_all_splits_is_that_of_scipy(n_values, monkeypatch):
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(50, 3))
    columns = columns if n_values is None else np.round(columns * n_values / 4)
    splits = independent_splits(30, 20, 40, rng)
    found = ks_statistics(columns, splits)
    expected = [[ks_2samp(c[~s], c[s]).statistic for c in columns.T] for s in splits.T]
    assert_allclose(found, expected)
    # However few splits are walked at once.
    monkeypatch.setattr(_two_sample_tests, "_STEPS", 150)
    assert_array_equal(ks_statistics(columns, splits), found)


@pytest.mark.parametrize("sizes", [(60, 20), (20, 60), (41, 17)])
def test_blocks_keep_neighbours_together(sizes):
    rng = np.random.default_rng(0)
    splits = block_splits(*sizes, 7, 200, rng)
    assert_array_equal(splits.sum(axis=0), sizes[1])
    assert_array_equal(splits[:, 0], np.arange(sum(sizes)) >= sizes[0])
    # The number of times that the circle of rows enters the batch.
    entries = np.sum(splits & ~np.roll(splits, 1, axis=0), axis=0)
    assert entries[0] == 1
    assert entries.max() <= -(-sizes[1] // 7)
    apart = independent_splits(*sizes, 200, rng)
    assert np.sum(apart & ~np.roll(apart, 1, axis=0), axis=0).mean() > 2 * entries.mean()
    # All rows are in the batch equally often.
    share = splits[:, 1:].mean(axis=1)
    assert abs(share - sizes[1] / sum(sizes)).max() < 0.2


def test_blocks_are_as_long_as_leaves_enough_ways():
    assert block_length(20000, 500, 30, 0.05) == 250
    assert block_length(500, 20000, 30, 0.05) == 250
    assert block_length(2000, 500, 30, 0.05) == 166
    assert block_length(2000, 500, 10, 0.05) == 100
    assert block_length(2000, 500, 220, 0.05) == 220
    with pytest.raises(ValueError, match=r"window=400 makes 6 blocks of the 2500 rows.*8 blocks"):
        block_length(2000, 500, 400, 0.05)
    # One block of nine: each ninth batch is as extreme as any.
    with pytest.raises(ValueError, match=r"window=50 makes 9 blocks.*40 ways to choose"):
        block_length(400, 50, 50, 0.05)


# -- many tests ---------------------------------------------------------------------------


def test_the_smallest_p_value_is_exact_for_tests_that_depend_on_each_other():
    rng = np.random.default_rng(0)
    smallest = []
    for _ in range(400):
        # Forty tests of one kind are nearly one; each other kind is a test.
        common = rng.normal(size=(100, 3))
        many = common[:, :1] + 0.1 * rng.normal(size=(100, 40))
        adjusted = adjusted_p_values([many**2, common[:, 1:2] ** 2, common[:, 2:] ** 2])
        smallest.append(min(map(np.min, adjusted)))
    for alpha in (0.05, 0.3):
        low, high = binom.ppf([1e-4, 1 - 1e-4], 400, alpha)
        assert low <= np.sum(np.array(smallest) <= alpha) <= high


def test_many_tests_of_one_kind_do_not_weaken_the_others():
    rng = np.random.default_rng(0)
    one = rng.normal(size=(1000, 1)) ** 2
    one[0] = 12
    alone = adjusted_p_values([one, rng.normal(size=(1000, 1)) ** 2])[0]
    beside = adjusted_p_values([one, rng.normal(size=(1000, 200)) ** 2])[0]
    together = adjusted_p_values([np.c_[one, rng.normal(size=(1000, 200)) ** 2]])[0]
    assert max(alone[0], beside[0]) < 0.01
    assert together[0] > 0.05


def test_a_tail_tells_apart_what_permutations_cannot():
    rng = np.random.default_rng(0)
    null = rng.normal(size=1000) ** 2
    found = np.exp(tail_log_p(null, np.array([1.0, 4.0, 12.0, 16.0])))
    assert_allclose(found[:2], chi2.sf([1.0, 4.0], 1), rtol=0.3)
    assert 1e-5 < found[3] < found[2] < 0.005
    assert_array_equal(tail_log_p(np.zeros(50), np.zeros(1)), 0)


# -- effect sizes -------------------------------------------------------------------------


def test_superiority_is_the_share_of_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.integers(5, size=40), rng.integers(6, size=30)
    pairs = np.mean((b[:, np.newaxis] > a) + 0.5 * (b[:, np.newaxis] == a))
    effect, low, high = superiority(a, b, 0.95, None)
    assert_allclose(effect, pairs)
    assert low < effect < high
    # Exchanging the samples mirrors it.
    assert_allclose(superiority(b, a, 0.95, None), [1 - effect, 1 - high, 1 - low])
    effect, low, high = superiority(a, b + 9, 0.95, None)
    assert effect == high == 1 > low > 0.8


@pytest.mark.parametrize(("coefficient", "window"), [(0, None), (0.5, 10), (0.9, 50)])
@pytest.mark.parametrize("shift", [0, 1.2])
def test_intervals_cover_the_effect_at_their_level(coefficient, window, shift):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(300, 1700)) * np.sqrt(1 - coefficient**2)
    rows = lfilter([1], [1, -coefficient], noise)[:, 200:]
    true = norm.cdf(shift / np.sqrt(2))
    intervals = [superiority(r[:1000], r[1000:] + shift, 0.9, window)[1:] for r in rows]
    covered = np.mean([low <= true <= high for low, high in intervals])
    assert 0.83 < covered < 0.96
    if window is not None:
        plain = [superiority(r[:1000], r[1000:] + shift, 0.9, None)[1:] for r in rows]
        assert np.mean([low <= true <= high for low, high in plain]) < 0.8
