"""The normal distribution of rows with gaps."""

import numpy as np
import torch

from skae.tables import GaussianRows


def ridge_of(values, column_of):
    X = torch.from_numpy(values - values.mean(axis=0))
    none = torch.zeros(X.shape, dtype=torch.bool)
    rng = np.random.RandomState(0)
    return GaussianRows.learn(X, none, rng, torch.from_numpy(column_of)).ridge


def test_values_of_one_category_are_hidden_together():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, size=(200, 2))
    values = np.hstack([2.0 * np.eye(4)[one] for one in codes.T])
    # Neither column tells of the other, but the rest of a category tells each of its ones.
    assert ridge_of(values, np.arange(8) // 4) > 100 * ridge_of(values, np.arange(8))


def test_a_column_that_tells_another_is_believed():
    numbers = np.random.default_rng(0).normal(size=(200, 2))
    told = np.c_[numbers, numbers @ [0.6, 0.8]]
    assert ridge_of(told, np.arange(3)) < 0.01 * ridge_of(
        np.c_[numbers, numbers[::-1]], np.arange(4)
    )
