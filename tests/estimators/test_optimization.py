"""Optimizers, schedules, clipping, activations and losses: what one step does, and many."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss, mean_poisson_deviance
from skorch.callbacks import Callback
from torch import nn, optim

from skae import AutoencoderTransformer
from skae.networks import ACTIVATIONS

IRIS = load_iris().data
PLAIN = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 20,
    "early_stopping": False,
    "batch_size": 75,
    "random_state": 0,
}


def fitted(X=IRIS, **params):
    return AutoencoderTransformer(**(PLAIN | params)).fit(X)


# -- activations and optimizers -------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation):
    ae = fitted(activation=activation)
    assert ae.loss_ < 0.9 * ae.loss_curve_[0]
    kinds = {type(module) for module in ae.net_.module_.modules()}
    assert ACTIVATIONS[activation] in kinds


@pytest.mark.parametrize(
    ("optimizer", "kind", "rate"),
    [
        ("adam", optim.Adam, 1e-2),
        ("adamw", optim.AdamW, 1e-2),
        ("sgd", optim.SGD, 0.1),
        ("rmsprop", optim.RMSprop, 1e-2),
        (optim.NAdam, optim.NAdam, 1e-2),
        (optim.LBFGS, optim.LBFGS, 0.5),
        (partial(optim.SGD, momentum=0.5), optim.SGD, 0.1),
    ],
)
def test_every_optimizer_learns(optimizer, kind, rate):
    # LBFGS compares the gradients of its steps, which must be of the same rows.
    params = {"learning_rate_init": rate, "batch_size": 150 if kind is optim.LBFGS else 30}
    ae = fitted(optimizer=optimizer, **params)
    assert type(ae.net_.optimizer_) is kind
    assert ae.loss_ < 0.5 * ae.loss_curve_[0]
    # Training goes on with an optimizer made anew, for a pass over the rows at a time.
    loss = ae.loss_
    for _ in range(5):
        ae.set_params(learning_rate_init=rate / 10).partial_fit(IRIS)
    assert ae.loss_ < loss


def test_parameters_of_an_optimizer_are_kept():
    ae = fitted(optimizer=partial(optim.SGD, momentum=0.5), max_iter=1)
    assert ae.net_.optimizer_.param_groups[0]["momentum"] == 0.5
    assert fitted(optimizer="sgd", max_iter=1).net_.optimizer_.param_groups[0]["momentum"] == 0.9


# -- schedules ------------------------------------------------------------------------------


class Rates(Callback):
    """Records the learning rate of each step."""

    def __init__(self):
        self.of_steps = []

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.of_steps.append(net.optimizer_.param_groups[0]["lr"])


def torch_rates(make_scheduler, n_steps, rate):
    """The rates that torch's own scheduler gives to an optimizer standing alone."""
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler, rates = make_scheduler(optimizer), []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


SCHEDULERS = {
    "constant": lambda n: lambda o: optim.lr_scheduler.ConstantLR(o, factor=1.0),
    "cosine": lambda n: lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=n),
    "one_cycle": lambda n: (
        lambda o: optim.lr_scheduler.OneCycleLR(o, max_lr=0.02, total_steps=n, cycle_momentum=False)
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_rates_of_the_steps_are_those_of_torch(schedule, optimizer):
    rates = Rates()
    ae = fitted(
        learning_rate=schedule,
        learning_rate_init=0.02,
        optimizer=optimizer,
        batch_size=50,
        max_iter=7,
        n_iter_no_change=100,
        callbacks=[rates],
    )
    assert len(rates.of_steps) == 3 * 7
    assert_allclose(rates.of_steps, torch_rates(SCHEDULERS[schedule](21), 21, 0.02))
    assert (min(rates.of_steps) < 0.001) == (schedule != "constant")
    # Whatever the schedule ended at, partial_fit goes on at the full rate.
    rates.of_steps.clear()
    ae.partial_fit(IRIS)
    assert rates.of_steps == [0.02] * 3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_plateau_reduces_the_rate_when_the_loss_stagnates():
    rates = Rates()
    # Already at its optimum, a linear autoencoder can only stagnate.
    params = {"learning_rate": "plateau", "callbacks": [rates], "batch_size": 150, "max_iter": 25}
    ae = fitted(hidden_layer_sizes=(), init="pca", n_iter_no_change=9, tol=1e-6, **params)
    optimizer = optim.SGD([nn.Parameter(torch.zeros(1))], lr=1e-2)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=3)
    expected = []
    for loss in ae.loss_curve_:
        expected.append(optimizer.param_groups[0]["lr"])
        scheduler.step(loss / ae.scale_**2)
    assert_allclose(rates.of_steps, expected)
    assert min(rates.of_steps) < 0.3 * max(rates.of_steps)
    # The control: a loss that falls keeps its rate.
    rates.of_steps.clear()
    fitted(n_iter_no_change=9, **params)
    assert set(rates.of_steps) == {1e-2}


# -- clipping -------------------------------------------------------------------------------


class Steps(Callback):
    """Records the change of all parameters by each batch, and the gradient before it."""

    def __init__(self):
        self.steps, self.gradients = [], []

    @staticmethod
    def flat(net):
        return torch.cat([p.detach().ravel() for p in net.module_.parameters()]).clone()

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.before = self.flat(net)

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.gradients.append(torch.cat([p.grad.ravel() for _, p in named_parameters]).clone())

    def on_batch_end(self, net, training=None, **kwargs):
        if training:
            self.steps.append(self.flat(net) - self.before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("max_grad_norm", [None, 0.05, 100.0])
def test_clipping_bounds_the_norm_of_a_step(max_grad_norm):
    record, rate = Steps(), 0.1
    fitted(
        optimizer=optim.SGD,
        learning_rate_init=rate,
        learning_rate="constant",
        max_grad_norm=max_grad_norm,
        batch_size=50,
        max_iter=2,
        callbacks=[record],
    )
    assert len(record.steps) == len(record.gradients) == 6
    for step, gradient in zip(record.steps, record.gradients, strict=True):
        norm = gradient.norm()
        assert norm > 0.06
        # Clipping takes away from the length and nothing from the direction.
        length = min(norm, max_grad_norm or np.inf)
        assert_allclose(step, -rate * gradient * length / norm, atol=1e-6)


# -- losses ---------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
GROUPS = RNG.integers(0, 4, size=200)
SHARES = RNG.choice([0.05, 0.95], size=(4, 12))
BINARY = (RNG.uniform(size=(200, 12)) < SHARES[GROUPS]).astype(float)
COUNTS = RNG.poisson(RNG.choice([0.5, 8.0], size=(4, 12))[GROUPS]).astype(float)


@pytest.mark.parametrize(
    ("loss", "X"),
    [
        ("squared_error", IRIS),
        ("absolute_error", IRIS),
        ("huber", IRIS),
        ("log_loss", BINARY),
        ("poisson", COUNTS),
    ],
)
@pytest.mark.parametrize("init", ["pca", "random"])
def test_every_loss_learns(loss, X, init):
    ae = fitted(X, loss=loss, init=init)
    start = fitted(X, loss=loss, init=init, learning_rate_init=1e-12, max_iter=1)
    # From PCA there is less to gain on so small a table.
    assert ae.loss_ < (0.99 if init == "pca" else 0.9) * start.loss_
    assert_allclose(ae.loss_, -ae.score(X), rtol=1e-4)


def clipped(low, high=np.inf):
    return lambda X: np.clip(X, low, high).ravel()


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize(
    ("loss", "X", "metric", "into_range"),
    [
        ("log_loss", BINARY, log_loss, clipped(1e-3, 1 - 1e-3)),
        ("poisson", COUNTS, mean_poisson_deviance, clipped(1e-2)),
    ],
)
def test_a_loss_with_a_link_beats_the_squared_error_at_its_own(loss, X, metric, into_range, init):
    params = {"init": init, "hidden_layer_sizes": (), "max_iter": 60, "batch_size": 20}
    own, squared = (fitted(X, loss=name, **params) for name in (loss, "squared_error"))
    values = [metric(X.ravel(), into_range(ae.reconstruct(X))) for ae in (own, squared)]
    assert values[0] < 0.95 * values[1]


# The bend of huber is where the outliers have moved the scale, so it gains less.
@pytest.mark.parametrize(("robust", "ratio"), [("absolute_error", 0.7), ("huber", 0.95)])
def test_robust_losses_fit_ordinary_rows_better_where_there_are_outliers(robust, ratio):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 8)) + 0.05 * rng.normal(size=(200, 8))
    ordinary = np.arange(200) >= 10
    X[~ordinary] = 60 * rng.normal(size=(10, 8))
    params = {"hidden_layer_sizes": (), "max_iter": 150, "init": "pca", "batch_size": 50}
    errors = {
        loss: abs(X - fitted(X, loss=loss, **params).reconstruct(X))[ordinary].mean()
        for loss in (robust, "squared_error")
    }
    assert errors[robust] < ratio * errors["squared_error"]


# -- rates of the averaged schedule ---------------------------------------------------------


class AllRates(Callback):
    """Records the rates of each step: those of the linear paths, then those of the layers."""

    def __init__(self):
        self.of_steps = []

    def on_batch_begin(self, net, training=None, **kwargs):
        if training:
            self.of_steps.append([group["lr"] for group in net.optimizer_.param_groups])


def averaged(**params):
    params = {"learning_rate": "averaged", "learning_rate_init": 0.02} | params
    return fitted(batch_size=50, init="pca", hidden_layer_sizes=(8,), max_iter=7, **params)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_averaged_rises_and_falls_and_linear_paths_take_less():
    rates = AllRates()
    ae = averaged(callbacks=[rates])
    paths, layers = np.transpose(rates.of_steps)
    assert len(layers) == 3 * 7
    peak = 2.1
    expected = [
        0.02 * (0.04 + 0.96 * i / peak if i < peak else (21 - i) / (21 - peak)) for i in range(21)
    ]
    assert_allclose(layers, expected)
    assert_allclose(paths, layers / 3)
    names = {p: name for name, p in ae.net_.module_.named_parameters()}
    of_paths, of_layers = ae.net_.optimizer_.param_groups
    assert all("linear" in names[p] for p in of_paths["params"])
    assert not any("linear" in names[p] for p in of_layers["params"])
    assert len(of_paths["params"]) == 4
    # A pass over a chunk has no schedule: all layers take a third of the highest rate.
    rates.of_steps.clear()
    ae.partial_fit(IRIS)
    assert_allclose(rates.of_steps, 0.02 / 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("optimizer", "n_groups", "betas"),
    [
        ("adam", 2, (0.8, 0.95)),
        ("adamw", 2, (0.8, 0.95)),
        ("sgd", 2, None),
        ("rmsprop", 2, None),
        (optim.Adam, 1, (0.9, 0.999)),
    ],
)
def test_an_optimizer_of_the_users_own_keeps_its_settings(optimizer, n_groups, betas):
    groups = averaged(optimizer=optimizer, learning_rate_init=1e-3).net_.optimizer_.param_groups
    assert len(groups) == n_groups
    assert {group.get("betas") for group in groups} == {betas}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("schedule", ["averaged", "one_cycle"])
def test_the_schedule_may_change_between_passes(schedule):
    ae = averaged(learning_rate="one_cycle" if schedule == "averaged" else "averaged")
    ae.partial_fit(IRIS)
    ae.set_params(learning_rate=schedule).partial_fit(IRIS)
    assert len(ae.net_.optimizer_.param_groups) == (2 if schedule == "averaged" else 1)
