"""Columns of categories that say the same share the weight of one."""

import numpy as np

from skae.tables._copied_columns import weights_of_columns


def test_copies_share_the_weight_of_one_and_others_keep_theirs():
    rng = np.random.default_rng(0)
    code, other = rng.integers(0, 4, 500), rng.integers(0, 3, 500)
    names = np.array([2, 0, 3, 1])[code]
    X = np.column_stack([code, rng.normal(size=500), names, other, code]).astype(float)
    weights = weights_of_columns(X, [4, 0, 4, 3, 4])
    np.testing.assert_allclose(weights[[0, 2, 4]], 1 / 3)
    assert weights[1] == weights[3] == 1


def test_columns_of_many_categories_and_of_rare_ones_are_no_copies():
    rng = np.random.default_rng(0)
    many = rng.integers(0, 300, (1000, 2))
    rare = (rng.random((1000, 2)) < 0.02).astype(int)
    X = np.column_stack([many, rare]).astype(float)
    assert (weights_of_columns(X, [300, 300, 2, 2]) == 1).all()


def test_gaps_and_unknown_categories_do_not_count():
    code = np.arange(100.0) % 5
    with_gaps = np.where(np.arange(100) % 3 == 0, np.nan, code)
    with_gaps[1] = -1
    np.testing.assert_allclose(weights_of_columns(np.column_stack([code, with_gaps]), [5, 5]), 0.5)


def test_a_column_that_tells_another_but_is_not_told_by_it_keeps_its_weight():
    city = np.random.default_rng(0).integers(0, 12, 600)
    weights = weights_of_columns(np.column_stack([city, city // 6]).astype(float), [12, 2])
    assert (weights == 1).all()
