"""Scores of rows that have a label, whatever holds the labels."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, r2_score

from skae import AutoencoderClassifier, AutoencoderRegressor, AutoencoderTransformer
from skae.supervised import score_labelled

SMALL = AutoencoderTransformer(2, hidden_layer_sizes=(8,), max_iter=2, random_state=0)
X, Y = (values[::3] for values in load_iris(return_X_y=True))
KNOWN = np.arange(50) % 3 == 0
SOME = np.where(KNOWN, Y, -1)
NUMBERS = np.where(KNOWN, X[:, 0], np.nan)
PARAMS = {"max_iter": 1, "n_propagations": 1, "random_state": 0}


@cache
def classifier():
    return AutoencoderClassifier(SMALL, **PARAMS).fit(X, SOME)


@cache
def regressor():
    return AutoencoderRegressor(SMALL, **PARAMS).fit(X, NUMBERS)


def by_method(estimator, *args, **kwargs):
    return estimator.score(*args, **kwargs)


def by_scorer(estimator, *args, **kwargs):
    name = "accuracy" if isinstance(estimator, AutoencoderClassifier) else "r2"
    return score_labelled(name)(estimator, *args, **kwargs)


@pytest.mark.parametrize("score", [by_method, by_scorer])
@pytest.mark.parametrize(
    "y",
    [
        SOME[:, None],
        pd.DataFrame({"y": SOME}),
        pd.Series(SOME, dtype="Int64"),
        pd.Series(SOME, dtype="category"),
        SOME.astype(float),
        SOME.tolist(),
    ],
    ids=["column", "frame", "Int64", "category", "float", "list"],
)
def test_a_mark_is_no_class_in_any_container(score, y):
    expected = accuracy_score(Y[KNOWN], classifier().predict(X[KNOWN]))
    assert score(classifier(), X, y) == expected


@pytest.mark.parametrize("score", [by_method, by_scorer])
@pytest.mark.parametrize(
    "y",
    [
        NUMBERS[:, None],
        pd.DataFrame({"y": NUMBERS}),
        pd.Series(X[:, 0], dtype="Float64").where(KNOWN),
        np.where(KNOWN, X[:, 0], None),
    ],
    ids=["column", "frame", "Float64", "None"],
)
def test_rows_without_a_number_are_left_out_in_any_container(score, y):
    expected = r2_score(X[KNOWN, 0], regressor().predict(X[KNOWN]))
    assert score(regressor(), X, y) == pytest.approx(expected)


@pytest.mark.parametrize("score", [by_method, by_scorer])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.r_[SOME, SOME], "inconsistent numbers of samples"),
        (SOME[:20], "inconsistent numbers of samples"),
        (SOME.astype(str), "y holds the text '-1'"),
        (np.where(KNOWN, SOME, np.nan), "Input y contains NaN, first in row 1, .* by -1"),
        (np.where(KNOWN, SOME, None), "Input y contains NaN, first in row 1, .* by -1"),
        (pd.Series(SOME, dtype="Int64").where(KNOWN), "Input y contains NaN, first in row 1"),
        (None, "y is None"),
    ],
)
def test_labels_that_cannot_be_scored(score, y, message):
    with pytest.raises(ValueError, match=message):
        score(classifier(), X, y)


@pytest.mark.parametrize("score", [by_method, by_scorer])
def test_numbers_and_weights_that_cannot_be_scored(score):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(regressor(), X, NUMBERS[:20])
    with pytest.raises(ValueError, match="y lacks some of the numbers of row 1"):
        score(regressor(), X, np.column_stack([NUMBERS, X[:, 0]]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        score(classifier(), X, SOME, sample_weight=np.ones(20))


def test_a_scorer_needs_a_score():
    with pytest.raises(TypeError, match="scoring is None"):
        score_labelled(None)
