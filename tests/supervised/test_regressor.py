"""The regressor: numbers, units, and rows without a label."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderRegressor, AutoencoderTransformer
from skae.supervised import score_labelled

SMALL = AutoencoderTransformer(3, hidden_layer_sizes=(16,), max_iter=5, random_state=0)


def curve():
    """Rows on a noisy spiral, how far along it each lies, and which of them are labelled."""
    rng = np.random.default_rng(0)
    along = rng.uniform(0, 1, 500)
    angle = 2.2 * np.pi * along
    X = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1)
    X += rng.normal(scale=0.1, size=X.shape)
    return X, along, np.where(np.arange(500) < 25, along, np.nan)


def flowers():
    """Three measures of iris in random order, and the fourth."""
    X = load_iris().data
    X = X[np.random.default_rng(0).permutation(150)]
    return X[:, :3], X[:, 3]


def test_guesses_of_neighbours_help():
    X, along, some = curve()
    autoencoder = AutoencoderTransformer(2, hidden_layer_sizes=(64, 64), random_state=0)
    guessed, neither = (
        AutoencoderRegressor(
            autoencoder, n_propagations=n, consistency=0.0, max_iter=60, random_state=0
        ).fit(X, some)
        for n in (1, 0)
    )
    left = [1 - model.score(X[25:], along[25:]) for model in (guessed, neither)]
    assert left[0] < 0.7 * left[1]
    known = ~np.isnan(some)
    np.testing.assert_allclose(guessed.transduction_[known], some[known])
    np.testing.assert_array_equal(guessed.transduction_[~known], guessed.predict(X[~known]))


def test_linear_numbers_are_learned_nearly_as_by_a_linear_model():
    X = StandardScaler().fit_transform(load_breast_cancer().data)
    X, y = np.delete(X, 9, axis=1), X[:, 9]
    given = np.arange(len(y)) < 40
    model = AutoencoderRegressor(random_state=0).fit(X, np.where(given, y, np.nan))
    alone = AutoencoderRegressor(random_state=0).fit(X[given], y[given])
    linear = Ridge().fit(X[given], y[given])
    left = [1 - estimator.score(X[~given], y[~given]) for estimator in (model, alone, linear)]
    assert left[0] < 0.75 * left[1]
    assert left[0] < 1.5 * left[2]


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_the_losses(loss):
    X, y = flowers()
    model = AutoencoderRegressor(SMALL, loss=loss, random_state=0).fit(X[:100], y[:100])
    assert model.score(X[100:], y[100:]) > 0.8


def test_absolute_errors_do_not_follow_outliers():
    X, y = flowers()
    wrong = np.where(np.arange(100) % 10 == 0, y[:100] + 100, y[:100])
    squared, absolute = (
        AutoencoderRegressor(SMALL, loss=loss, random_state=0).fit(X[:100], wrong)
        for loss in ("squared_error", "absolute_error")
    )
    bias = [(model.predict(X[100:]) - y[100:]).mean() for model in (squared, absolute)]
    assert bias[0] > 5
    assert abs(bias[1]) < 2


def test_the_unit_of_the_target_does_not_matter():
    X, y = flowers()
    model = AutoencoderRegressor(SMALL, max_iter=3, random_state=0)
    plain = clone(model).fit(X, y).predict(X)
    scaled = clone(model).fit(X, 1e6 * y - 5e5).predict(X)
    np.testing.assert_allclose(scaled, 1e6 * plain - 5e5, rtol=1e-4)


def test_several_numbers():
    X, y = flowers()
    both = np.stack([y, 1000 * X[:, 0]], axis=1)
    both[120:] = np.nan
    model = AutoencoderRegressor(SMALL, random_state=0).fit(X, both)
    predicted = model.predict(X)
    assert predicted.shape == model.transduction_.shape == (150, 2)
    assert r2_score(y, predicted[:, 0]) > 0.8
    assert r2_score(1000 * X[:, 0], predicted[:, 1]) > 0.8
    assert model.score(X, both) == r2_score(both[:120], predicted[:120])


def test_scores_are_of_rows_with_a_label():
    X, y = flowers()
    some = np.where(np.arange(150) < 100, y, np.nan)
    model = AutoencoderRegressor(SMALL, max_iter=3, random_state=0).fit(X, some)
    assert model.score(X, some) == r2_score(y[:100], model.predict(X[:100]))
    error = score_labelled("neg_mean_absolute_error")
    assert error(model, X, some) == -np.abs(model.predict(X[:100]) - y[:100]).mean()


def test_whole_numbers_with_minus_one_are_numbers():
    X, _ = flowers()
    y = np.arange(150) % 3 - 1
    model = AutoencoderRegressor(SMALL, max_iter=2, random_state=0).fit(X, y)
    assert model.score(X, y) == r2_score(y, model.predict(X))
    np.testing.assert_array_equal(model.transduction_, y)


def test_given_numbers_are_kept_as_they_are():
    X, _ = flowers()
    # Most of such numbers change if they are scaled and scaled back.
    y = np.where(np.arange(150) < 100, np.random.default_rng(0).normal(size=150), np.nan)
    before = y.copy()
    model = AutoencoderRegressor(SMALL, max_iter=1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.transduction_[:100], y[:100])
    np.testing.assert_array_equal(model.transduction_[100:], model.predict(X[100:]))
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize("unit", [1e250, 1e-250])
def test_the_unit_of_the_numbers_may_be_any(unit):
    X, y = flowers()
    model = AutoencoderRegressor(SMALL, max_iter=1, random_state=0)
    expected = clone(model).fit(X, y).predict(X)
    np.testing.assert_allclose(clone(model).fit(X, y * unit).predict(X), expected * unit, rtol=1e-3)


def test_a_row_of_weight_two_is_two_rows():
    X, y = flowers()
    X, y, weight = X[:20], y[:20], np.arange(20) % 3
    model = AutoencoderRegressor(SMALL, consistency=0.0, max_iter=5, random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=weight)
    repeated = clone(model).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(150, np.nan), "all rows are NaN"),
        (np.where(np.arange(150) == 3, np.inf, 1.0), "Input y contains infinity"),
        (
            np.where(np.arange(300).reshape(150, 2) == 6, np.nan, 1.0),
            "some of the numbers of row 3",
        ),
        (
            np.ma.array(np.ones(150), mask=np.arange(150) > 3),
            r"masked array, of which 146 .*filled\(numpy.nan\)",
        ),
        (np.full(150, "low"), "y holds something that is no number: .*'low'"),
        (np.full(150, {}), "y holds something that is no number: .*'dict'"),
        (np.ones(100), "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
)
def test_labels_that_are_none(y, message):
    X, _ = flowers()
    model = AutoencoderRegressor(SMALL)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "autoencoder_")
