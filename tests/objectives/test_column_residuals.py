"""How far cells are from what a decoder answers, by an independent computation."""

import numpy as np
import torch
from numpy.testing import assert_allclose
from scipy.special import softmax
from scipy.stats import entropy

from skae.objectives import LOSSES, ColumnLosses, column_residuals, shares_of

SHARES = np.array([0.5, 0.3, 0.2, 0.9, 0.1])
# A number between two columns of categories.
LOSSES_OF_COLUMNS = ColumnLosses(
    LOSSES["squared_error"], [3, 0, 2], np.array([1.0, 1.0, 0.3]), SHARES, of_unknown=4.0
)
OUTPUT = np.random.default_rng(0).normal(size=(6, 6))
FIRST, SECOND = softmax(OUTPUT[:, 1:4], axis=1), softmax(OUTPUT[:, 4:], axis=1)


def residuals(target):
    return column_residuals(LOSSES_OF_COLUMNS, *map(torch.from_numpy, (OUTPUT, target))).numpy()


def test_numbers_and_categories():
    target = np.c_[[0, 1, 2, 0, 1, 2], np.arange(6) / 2, [0, 1, 0, 1, 0, 1]].astype(float)
    found = residuals(target)
    rows = np.arange(6)
    codes = target.astype(int)
    assert_allclose(found[:, 0] ** 2 / 2, -np.log(FIRST[rows, codes[:, 0]]))
    assert_allclose(found[:, 1], target[:, 1] - OUTPUT[:, 0])
    assert_allclose(found[:, 2] ** 2 / 2, -np.log(SECOND[rows, codes[:, 2]]))


def test_gaps_are_as_expected():
    found = residuals(np.full((6, 3), np.nan))
    assert_allclose(found[:, 0] ** 2 / 2, entropy(FIRST, axis=1))
    assert_allclose(found[:, 1], 0)
    assert_allclose(found[:, 2] ** 2 / 2, entropy(SECOND, axis=1))


def test_an_unknown_category_is_as_unlikely_as_any():
    of_unknown = residuals(np.c_[-np.ones(6), np.zeros(6), np.zeros(6)])[:, 0]
    assert_allclose(of_unknown**2 / 2, np.maximum(4, -np.log(FIRST.min(axis=1))))


def test_answers_are_numbers_and_probabilities():
    answers = shares_of(LOSSES_OF_COLUMNS, torch.from_numpy(OUTPUT)).numpy()
    assert_allclose(answers, np.c_[OUTPUT[:, 0], FIRST, SECOND])
