"""Training from one call to the next: stopping, continuing, weights, and what is reported."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from skae import AutoencoderTransformer
from skae.estimators.base._fit_decisions import MIN_VALIDATION_ROWS
from skae.objectives import LOSSES

IRIS = load_iris().data
DIGITS = load_digits().data[:300]
PLAIN = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 15,
    "early_stopping": False,
    "batch_size": 75,
    "n_iter_no_change": 100,
    "random_state": 0,
}
STILL = {"learning_rate_init": 1e-12, "max_iter": 1}


def make(**params):
    return AutoencoderTransformer(**(PLAIN | params))


def error(ae, X):
    return ((X - ae.reconstruct(X)) ** 2).mean()


# -- early stopping -------------------------------------------------------------------------


class Watch(Callback):
    """Keeps the weights after each epoch, and the rows that were held out."""

    def __init__(self):
        self.weights = []

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        self.weights.append([p.detach().clone() for p in net.module_.parameters()])
        self.held_out = dataset_valid and dataset_valid[torch.arange(len(dataset_valid))][0]


# Few rows of noise and many weights: the loss of held-out rows soon rises.
NOISE = np.random.default_rng(0).normal(size=(60, 20))
OVERFIT = {
    "n_components": 10,
    "hidden_layer_sizes": (64,),
    "learning_rate": "constant",
    "learning_rate_init": 5e-3,
    "validation_fraction": 0.3,
    "n_iter_no_change": 6,
    "max_iter": 150,
    "batch_size": 20,
}


def same_weights(net, weights):
    return all(map(torch.equal, net.module_.parameters(), weights))


@pytest.mark.parametrize("init", ["pca", "random"])
def test_early_stopping_stops_and_restores_the_best_weights(init):
    watch = Watch()
    ae = make(**OVERFIT, init=init, early_stopping=True, callbacks=[watch]).fit(NOISE)
    curve = np.array(ae.validation_loss_curve_)
    start = make(**(OVERFIT | STILL), init=init, early_stopping=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = start.fit(NOISE).validation_loss_curve_[0]

    assert ae.n_iter_ == len(curve) < OVERFIT["max_iter"]
    # It ran until the best was six epochs ago, and no longer.
    assert ae.n_iter_ - 1 - curve.argmin() == 6 or start < curve.min()
    assert_allclose(ae.best_validation_loss_, min(start, curve.min()), rtol=1e-5)
    if init == "random":
        assert same_weights(ae.net_, watch.weights[curve.argmin()])
        assert not same_weights(ae.net_, watch.weights[-1])
    held_out = watch.held_out.numpy() * ae.scale_ + NOISE.mean(axis=0)
    assert len(held_out) == 18
    assert_allclose(-ae.score(held_out), ae.best_validation_loss_, rtol=1e-4)


def test_without_early_stopping_the_last_weights_stay():
    watch = Watch()
    params = OVERFIT | {"learning_rate": "cosine", "max_iter": 30}
    ae = make(**params, early_stopping=False, callbacks=[watch]).fit(NOISE)
    assert ae.n_iter_ == 30
    assert watch.held_out is None
    assert same_weights(ae.net_, watch.weights[-1])
    assert ae.validation_loss_curve_ is None
    assert ae.best_validation_loss_ is None


def test_patience_and_tolerance_decide_when_to_stop():
    def n_iter(**params):
        return make(**(OVERFIT | params), early_stopping=True).fit(NOISE).n_iter_

    assert n_iter(n_iter_no_change=3) < n_iter(n_iter_no_change=15)
    # No epoch improves by as much as the whole variance: only the first one counts.
    assert n_iter(tol=1.0, n_iter_no_change=4) in (4, 5)


@pytest.mark.parametrize("fraction", [0.125, 0.25])
@pytest.mark.parametrize("enough", [True, False])
def test_auto_holds_rows_out_where_there_are_enough(enough, fraction):
    n_valid = MIN_VALIDATION_ROWS - (not enough)
    X = np.random.default_rng(0).normal(size=(int(n_valid / fraction), 5))
    watch = Watch()
    ae = make(early_stopping="auto", validation_fraction=fraction, callbacks=[watch]).fit(X)
    if enough:
        assert len(watch.held_out) == n_valid
        assert len(ae.validation_loss_curve_) == ae.n_iter_
    else:
        assert watch.held_out is None
        assert ae.validation_loss_curve_ is None


# -- weights of rows ------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("loss", LOSSES)
def test_integer_weights_equal_repeated_rows(loss, init):
    # At one batch an epoch and with no rows held out, nothing else tells them apart.
    rng = np.random.default_rng(0)
    X, repeats = rng.integers(0, 2, size=(40, 6)).astype(float), rng.integers(0, 4, size=40)
    ae = make(loss=loss, init=init, batch_size=1000, early_stopping="auto")
    weighted = ae.fit(X, sample_weight=repeats).reconstruct(X)
    repeated = ae.fit(np.repeat(X, repeats, axis=0)).reconstruct(X)
    assert_allclose(weighted, repeated, rtol=1e-6, atol=1e-8)
    assert abs(ae.fit(X).reconstruct(X) - weighted).max() > 1e-3


@pytest.mark.parametrize("early_stopping", [True, False])
def test_rows_of_weight_zero_are_left_out(early_stopping):
    weight = np.ones(150)
    weight[::3] = 0
    ae = make(early_stopping=early_stopping, validation_fraction=0.2)
    weighted = ae.fit(IRIS, sample_weight=weight).transform(IRIS)
    assert_array_equal(ae.fit(IRIS[weight > 0]).transform(IRIS), weighted)
    assert abs(ae.fit(IRIS).transform(IRIS) - weighted).max() > 1e-3


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_heavy_group_is_reconstructed_better(init):
    # Two groups that vary along different axes, and a code with room for one of them.
    rng = np.random.default_rng(0)
    X = np.zeros((200, 4))
    X[:100, :2], X[100:, 2:] = rng.normal(size=(2, 100, 1)) * [1.0, 1.0]
    group = np.arange(200) >= 100
    ae = make(
        n_components=1, hidden_layer_sizes=(), init=init, max_iter=100, learning_rate_init=0.05
    )
    errors = [
        error(ae.fit(X, sample_weight=np.where(group, weight, 1.0)), X[group])
        for weight in (0.1, 1, 10)
    ]
    assert errors[0] > 1.5 * errors[2]
    assert errors[1] > errors[2]
    assert errors[2] < 0.1 * X[group].var()


@pytest.mark.parametrize("early_stopping", [True, False])
def test_the_unit_of_the_weights_does_not_matter(early_stopping):
    weight = np.random.default_rng(0).uniform(size=150)
    ae = make(early_stopping=early_stopping)
    light = ae.fit(IRIS, sample_weight=weight).reconstruct(IRIS)
    heavy = ae.fit(IRIS, sample_weight=1024 * weight).reconstruct(IRIS)
    assert_allclose(light, heavy, rtol=1e-5)


# -- what is reported -----------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_curves_and_counts_agree(init, early_stopping):
    ae = make(init=init, early_stopping=early_stopping).fit(DIGITS)
    assert ae.n_iter_ == len(ae.loss_curve_) == len(ae.net_.history) == 15
    unit = ae.scale_**2
    assert_allclose(ae.loss_curve_, unit * np.array(ae.net_.history[:, "train_loss"]))
    assert_allclose(ae.loss_, error(ae, DIGITS), rtol=1e-4)
    if early_stopping:
        valid = unit * np.array(ae.net_.history[:, "valid_loss"])
        assert_allclose(ae.validation_loss_curve_, valid)
        assert ae.best_validation_loss_ <= min(ae.validation_loss_curve_)
    if init == "random":
        assert ae.loss_curve_[-1] < 0.9 * ae.loss_curve_[0]


@pytest.mark.parametrize("factor", [0.1, 10.0, 1e4])
@pytest.mark.parametrize(
    ("loss", "power"), [("squared_error", 2), ("absolute_error", 1), ("huber", 2), ("poisson", 1)]
)
def test_the_unit_of_the_data_scales_the_losses_and_nothing_else(loss, power, factor):
    # In double precision, at one batch an epoch, for which no rounding stands in between.
    def fit(X, **params):
        return make(loss=loss, init="pca", batch_size=1000, **params).fit(X)

    for early_stopping in (True, False):
        ae = fit(IRIS, early_stopping=early_stopping)
        scaled = fit(factor * IRIS, early_stopping=early_stopping)
        unit = factor**power
        assert_allclose(scaled.loss_curve_, unit * np.array(ae.loss_curve_), rtol=1e-4)
        assert_allclose(scaled.loss_, unit * ae.loss_, rtol=1e-4)
        assert_allclose(scaled.score(factor * IRIS), unit * ae.score(IRIS), rtol=1e-4)
        if early_stopping:
            expected = unit * np.array(ae.validation_loss_curve_)
            assert_allclose(scaled.validation_loss_curve_, expected, rtol=1e-4)
            assert_allclose(
                scaled.best_validation_loss_, unit * ae.best_validation_loss_, rtol=1e-4
            )
        assert_allclose(scaled.transform(factor * IRIS), ae.transform(IRIS), atol=1e-3)
        assert_allclose(scaled.reconstruct(factor * IRIS), factor * ae.reconstruct(IRIS), rtol=1e-3)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_a_warning_if_training_was_cut_short(early_stopping):
    params = {"early_stopping": early_stopping, "max_iter": 3}
    for schedule in ("constant", "plateau"):
        with pytest.warns(ConvergenceWarning, match="max_iter=3 epochs"):
            make(learning_rate=schedule, **params).fit(IRIS)
    # Schedules that are planned to their end have come to it. Warnings are errors.
    for schedule in ("one_cycle", "cosine"):
        make(learning_rate=schedule, **params).fit(IRIS)
    # And training that stopped by itself has converged.
    ae = make(learning_rate="constant", early_stopping=early_stopping, max_iter=500, tol=0.05)
    assert ae.set_params(n_iter_no_change=3).fit(IRIS).n_iter_ < 500


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_last_step_into_infinity_is_seen(init):
    # The loss of a step is measured before it, so that of the last one has to be looked for.
    params = {"learning_rate_init": 1e30, "max_iter": 1, "batch_size": 1000}
    ae = make(init=init, optimizer=torch.optim.SGD, **params)
    with pytest.raises(ValueError, match="learning_rate_init"):
        ae.fit(IRIS.astype(np.float32))


@pytest.mark.parametrize("params", [{"activation": "logistic"}, {"optimizer": "sgd"}], ids=str)
def test_patience_waits_until_the_learning_rate_has_risen(params):
    # Both improve too slowly in the small first steps for a patience of three epochs.
    X = load_digits().data
    params |= {"n_iter_no_change": 3, "tol": 1e-2, "max_iter": 30, "random_state": 0}
    params |= {"learning_rate": "one_cycle", "learning_rate_init": 2e-3}
    ae = AutoencoderTransformer(4, hidden_layer_sizes=(32,), **params).fit(X)
    assert ae.n_iter_ >= 0.3 * 30
    # The control: a rate that never rises is judged from the start.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ae.set_params(learning_rate="constant", learning_rate_init=1e-5).fit(X)
    assert ae.n_iter_ == 3


def test_the_loss_of_held_out_rows_is_their_own_weighted_mean():
    X = load_digits().data[:600]
    weight = np.where(np.arange(600) < 20, 1e3, 1.0)
    seen = {}

    class Keep(Callback):
        def on_train_begin(self, net, X=None, **kwargs):
            seen["valid"] = net.train_split(X)[1]._indices.numpy()

    ae = AutoencoderTransformer(
        4, hidden_layer_sizes=(8,), early_stopping=True, max_iter=4, random_state=0
    )
    ae.set_params(callbacks=[Keep()]).fit(X, sample_weight=weight)
    valid = seen["valid"]
    assert len(valid) == 60
    expected = -ae.score(X[valid], sample_weight=weight[valid])
    np.testing.assert_allclose(ae.best_validation_loss_, expected, rtol=1e-4)


@pytest.mark.parametrize("factor", [1e-50, 1e40, 1e300])
def test_only_the_ratios_of_the_weights_count(factor):
    X = load_digits().data[:300].astype(np.float32)
    weight = np.arange(300) % 4 + 0.5
    params = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    plain, scaled = (
        AutoencoderTransformer(4, **params).fit(X, sample_weight=w)
        for w in (weight, factor * weight)
    )
    np.testing.assert_allclose(plain.transform(X), scaled.transform(X), atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_constant_column_changes_nothing(dtype):
    X = (load_digits().data[:300] / 160).astype(dtype)
    constant = np.full((300, 1), 2e6, dtype)
    params = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0}
    alone = AutoencoderTransformer(4, **params).fit(X)
    beside = AutoencoderTransformer(4, **params).fit(np.hstack([X, constant]))
    np.testing.assert_allclose(beside.scale_, alone.scale_ * np.sqrt(64 / 65), rtol=1e-5)
    np.testing.assert_array_equal(beside.reconstruct(np.hstack([X, constant]))[:, -1], 2e6)


def test_numbers_of_numpy_are_numbers():
    X = load_digits().data[:250]
    plain = {"n_components": 3, "hidden_layer_sizes": (8, 6), "batch_size": 64, "max_iter": 3}
    plain |= {"n_iter_no_change": 2, "learning_rate_init": 0.01, "alpha": 1e-4, "l1_ratio": 0.5}
    plain |= {"dropout": 0.25, "max_grad_norm": 1.0, "tol": 0.0, "validation_fraction": 0.25}
    of_numpy = {
        name: np.array(value) if isinstance(value, tuple) else np.asarray(value)[()]
        for name, value in plain.items()
    }
    one = AutoencoderTransformer(**plain, random_state=0).fit(X)
    other = AutoencoderTransformer(**of_numpy, random_state=0).fit(X)
    np.testing.assert_array_equal(one.transform(X), other.transform(X))
