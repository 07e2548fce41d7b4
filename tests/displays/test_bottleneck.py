"""The error by the number of components, PCA's beside, and the elbow."""

from functools import cache

import numpy as np
import pytest
from display_cases import DIGITS, WINE, of_digits
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer, NestedAutoencoder
from skae.displays import BottleneckDisplay

X_TRAIN, X = DIGITS[:200], DIGITS[200:]
draw = BottleneckDisplay.from_estimator


@cache
def nested():
    params = {"hidden_layer_sizes": (16,), "max_iter": 2, "random_state": 0}
    return NestedAutoencoder(5, **params).fit(X_TRAIN)


@cache
def searched(scaled=False):
    model = AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1, random_state=0)
    grid = {"n_components": [4, 1, 2, 3]}
    if scaled:
        model = make_pipeline(StandardScaler(), model)
        grid = {f"autoencodertransformer__{name}": values for name, values in grid.items()}
    return GridSearchCV(model, grid, cv=3).fit(WINE.to_numpy())


def pca_error(k, X_train, X):
    pca = PCA(k).fit(X_train)
    return np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)


def test_errors_are_those_of_the_truncated_autoencoders():
    display = draw(nested(), X, X_train=X_TRAIN)
    for k, error in enumerate(display.errors, start=1):
        back = nested().truncate(k).reconstruct(X)
        assert error == pytest.approx(np.mean((back - X) ** 2), rel=1e-6)
    assert_allclose(display.line_.get_data(), [[1, 2, 3, 4, 5], display.errors])
    expected = [pca_error(k, X_TRAIN, X) for k in range(1, 6)]
    assert_allclose(display.pca_line_.get_ydata(), expected)


def test_a_pipeline_is_judged_in_the_unit_of_its_last_step():
    pipe = make_pipeline(StandardScaler(), clone(nested())).fit(10 * X_TRAIN)
    display = draw(pipe, 10 * X, X_train=10 * X_TRAIN)
    scaler = pipe[0]
    assert display.errors[-1] == pytest.approx(-pipe.score(10 * X))
    expected = pca_error(2, scaler.transform(10 * X_TRAIN), scaler.transform(10 * X))
    assert display.pca_errors[1] == pytest.approx(expected)


def test_a_search_shows_its_best_estimator():
    pipe = make_pipeline(StandardScaler(), clone(nested()))
    search = GridSearchCV(pipe, {"nestedautoencoder__alpha": [1e-4]}, cv=2).fit(10 * X_TRAIN)
    display = draw(search, 10 * X, X_train=10 * X_TRAIN)
    alone = draw(search.best_estimator_, 10 * X, X_train=10 * X_TRAIN)
    assert_allclose(display.errors, alone.errors)
    assert_allclose(display.pca_errors, alone.pca_errors)


def test_a_search_is_drawn_with_its_deviations():
    search = searched()
    display = BottleneckDisplay.from_search(search, WINE.to_numpy())
    assert display.n_components.tolist() == [1, 2, 3, 4]
    order = [1, 2, 3, 0]
    assert_allclose(display.line_.get_ydata(), -search.cv_results_["mean_test_score"][order])
    assert_allclose(display.deviations, search.cv_results_["std_test_score"][order])
    rows = WINE.to_numpy()
    expected = [pca_error(3, rows[a], rows[b]) for a, b in KFold(3).split(rows)]
    assert display.pca_errors[2] == pytest.approx(np.mean(expected))


def test_a_search_over_a_pipeline_scales_pca_in_each_fold():
    display = BottleneckDisplay.from_search(searched(scaled=True), WINE.to_numpy())

    def score(pipe, X):
        scaled = pipe[0].transform(X)
        back = pipe[1].inverse_transform(pipe[1].transform(scaled))
        return np.mean((back - scaled) ** 2)

    pca = make_pipeline(StandardScaler(), PCA(2))
    expected = cross_val_score(
        pca, WINE.to_numpy(), scoring=lambda pipe, X, y=None: score(pipe, X), cv=3
    )
    assert display.pca_errors[1] == pytest.approx(expected.mean())


def test_the_best_of_other_parameters_is_drawn():
    model = AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1, random_state=0)
    grid = {"n_components": [1, 2], "init": ["random", "pca"]}
    search = GridSearchCV(model, grid, cv=2)
    search.fit(WINE.to_numpy())
    display = BottleneckDisplay.from_search(search)
    scores = search.cv_results_["mean_test_score"].reshape(2, 2)
    assert_allclose(display.errors, -scores.max(axis=0))


@pytest.mark.parametrize(
    ("errors", "elbow"),
    [
        # By hand: the distances below the chord are 0, 0.5, 0.45, 0.2, 0.
        ([1.0, 0.25, 0.05, 0.05, 0.0], 2),
        ([1.0, 0.75, 0.5, 0.25, 0.0], None),
        ([1.0, 0.9, 0.8, 0.4, 0.0], None),
        ([1.0, 1.0, 1.0, 1.0, 1.0], None),
        ([0.0, 1.0, 2.0, 3.0, 4.0], None),
        ([-1.0, -9.0, -9.5, -9.8, -10.0], 2),
    ],
)
def test_the_elbow_is_furthest_below_the_chord(errors, elbow):
    display = BottleneckDisplay(n_components=np.arange(1, 6), errors=np.array(errors)).plot()
    assert display.elbow == elbow
    if elbow is None:
        assert display.elbow_ is None
    else:
        assert display.elbow_.get_xdata() == [elbow, elbow]
        assert display.elbow_.get_label() == f"elbow: {elbow} components"


@pytest.mark.parametrize("rank", [2, 4, 6])
@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_the_elbow_of_directions_that_matter_alike(rank, noise):
    rng = np.random.default_rng(rank)
    directions = np.linalg.qr(rng.normal(size=(12, rank)))[0].T
    signal = rng.normal(size=(300, rank)) @ directions
    rows = signal + rng.normal(scale=noise * signal.std(), size=signal.shape)
    model = NestedAutoencoder(9, hidden_layer_sizes=(), max_iter=2, random_state=0).fit(rows[:200])
    display = draw(model, rows[200:])
    assert display.elbow == rank
    small = model.truncate(display.elbow)
    assert_allclose(-small.score(rows[200:]), display.errors[rank - 1], rtol=1e-5)


def test_two_widths_have_no_elbow_and_few_rows_no_more_pca():
    two = BottleneckDisplay(n_components=np.array([1, 2]), errors=np.array([1.0, 0.1]))
    assert two.elbow is None
    display = draw(nested(), X, X_train=X_TRAIN[:3])
    # Three rows have three components at most.
    assert np.isnan(display.pca_errors).tolist() == [False, False, False, True, True]


def test_a_sample_is_judged_and_says_so():
    display = draw(nested(), X, max_samples=20, random_state=0)
    assert display.ax_.get_title() == "error of 20 of 100 rows"


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(NotFittedError):
        draw(NestedAutoencoder(), X)
    with pytest.raises(TypeError, match="got AutoencoderTransformer, whose components are not"):
        draw(of_digits(), X)
    with pytest.raises(ValueError, match="X has 63 features"):
        draw(nested(), X[:, 1:])
    huber = NestedAutoencoder(2, loss="huber", max_iter=1).fit(X_TRAIN)
    with pytest.raises(
        ValueError, match="PCA has a squared error, and the autoencoder loss='huber'"
    ):
        draw(huber, X, X_train=X_TRAIN)
    assert draw(huber, X).ax_.get_ylabel() == "loss (huber)"
    from_search = BottleneckDisplay.from_search
    with pytest.raises(NotFittedError):
        from_search(GridSearchCV(AutoencoderTransformer(), {"n_components": [1]}))
    with pytest.raises(
        TypeError, match="BottleneckDisplay needs a fitted estimator with cv_results_"
    ):
        from_search(of_digits())
    model = AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1, random_state=0)
    other = GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2).fit(WINE.to_numpy())
    with pytest.raises(
        ValueError, match=r"one parameter n_components, found none among \['alpha'\]"
    ):
        from_search(other)
    shares = GridSearchCV(model, {"n_components": [0.5, 2]}, cv=2).fit(WINE.to_numpy())
    with pytest.raises(ValueError, match=r"must be whole numbers .* got \[0.5, 2\]"):
        from_search(shares)
    scored = GridSearchCV(model, {"n_components": [1, 2]}, cv=2, scoring=lambda e, X: e.score(X))
    scored.fit(WINE.to_numpy())
    assert from_search(scored).ax_.get_ylabel() == "score, times -1"
    with pytest.raises(ValueError, match="the error of PCA cannot be compared"):
        from_search(scored, WINE.to_numpy())
