"""Which scores are beyond the tail of the ordinary ones."""

import numpy as np
import pytest

from skae.detection._ordinary_scores import n_ordinary_scores

RNG = np.random.default_rng(0)
CLEAN = {
    "normal": lambda n: RNG.normal(size=n),
    "chi-square": lambda n: RNG.chisquare(8, n),
    "lognormal": lambda n: RNG.lognormal(size=n),
}


def n_left_out(scores):
    return len(scores) - n_ordinary_scores(np.sort(scores))


@pytest.mark.parametrize("draw", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("n", [10, 20, 40, 100, 1000])
def test_of_clean_scores_nearly_none_is_left_out(draw, n):
    left_out = [n_left_out(draw(n)) for _ in range(200)]
    assert np.mean(left_out) < 0.04 * n
    if n >= 40:
        assert np.mean(left_out) < 0.01 * n
    if n >= 100:
        assert np.mean(np.array(left_out) > 0) < 0.05


@pytest.mark.parametrize("draw", CLEAN.values(), ids=CLEAN)
@pytest.mark.parametrize("n", [50, 200, 2000])
def test_scores_far_above_are_left_out_and_no_others(draw, n):
    ordinary = np.sort(draw(n - n // 10))
    high = ordinary[-1] + 1e6 + RNG.uniform(size=n // 10)
    assert n_left_out(np.r_[ordinary, high]) == n // 10
    # Outliers may be alike.
    assert n_left_out(np.r_[ordinary, np.full(n // 10, high[0])]) == n // 10


def test_a_group_of_at_most_a_fifth_is_left_out():
    ordinary = RNG.normal(size=160)
    assert n_left_out(np.r_[ordinary, 1e6 + RNG.uniform(size=40)]) == 40
    # More may be ordinary, too.
    assert n_left_out(np.r_[ordinary[:140], 1e6 + RNG.uniform(size=60)]) == 0


def test_the_end_of_a_heavy_tail_is_no_group():
    """Beyond the limit there are many, but ever fewer of them."""
    bulk = np.random.default_rng(0).uniform(1, 2, size=800)
    tail = 3 * np.random.default_rng(1).pareto(1, size=200) + 3
    assert n_left_out(np.r_[bulk, tail]) == 0
    assert n_left_out(np.r_[bulk, 1000 + tail[:100]]) == 100


def test_the_unit_and_the_origin_change_nothing():
    scores = np.r_[RNG.chisquare(4, 180), RNG.uniform(500, 600, 20)]
    assert n_left_out(scores) == 20
    assert n_left_out(1e6 * scores) == n_left_out(scores / 1e6) == n_left_out(scores - 1e3) == 20


@pytest.mark.parametrize("n", range(1, 20))
def test_few_scores_tell_nothing(n):
    assert n_left_out(np.r_[RNG.normal(size=n - 1), 1e9]) == 0


@pytest.mark.parametrize("n", [1, 5, 20, 500])
def test_equal_scores_have_no_tail(n):
    assert n_left_out(np.full(n, 3.0)) == 0
    assert n_left_out(np.r_[np.full(n, 3.0), 1e9]) == 0


def test_ties():
    assert n_left_out(np.repeat([1.0, 2.0, 3.0, 4.0], 50)) == 0
    assert n_left_out(np.r_[np.repeat([1.0, 2.0, 3.0, 4.0], 50), np.full(10, 1e6)]) == 10
