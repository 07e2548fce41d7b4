"""The running mean of the weights, and the fit that keeps it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch.callbacks import Callback
from torch import nn

from skae import AutoencoderTransformer
from skae.engine import _weight_average
from skae.engine._weight_average import WeightAverage

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 2)) @ RNG.normal(size=(2, 6)) + 0.3 * RNG.normal(size=(300, 6))


def walked(n_steps):
    """Return an average over weights that walk at random, and the weights of all steps."""
    weight = nn.Parameter(torch.zeros(3, dtype=torch.float64))
    average, path = WeightAverage([weight]), []
    generator = torch.Generator().manual_seed(0)
    for _ in range(n_steps):
        with torch.no_grad():
            weight += torch.randn(3, dtype=torch.float64, generator=generator)
        path.append(weight.detach().clone())
        average.after_step()
    return average, weight, torch.stack(path).numpy()


def test_steps_count_by_a_power_of_their_number():
    # The next steps would no longer all count.
    n_steps = 100
    average, weight, path = walked(n_steps)
    power = _weight_average._POWER + 1
    numbers = np.arange(n_steps + 1.0)
    shares = np.diff((numbers / n_steps) ** power)
    with average.in_place():
        assert_allclose(weight.detach(), shares @ path)
    # The control: the last step, and a mean of all, are something else.
    assert abs(shares @ path - path[-1]).min() > 0.01
    # Half of the mean is of the last twenty-fifth of the steps.
    assert 0.03 < 1 - 0.5 ** (1 / power) < 0.05


def test_of_many_steps_a_few_say_nearly_the_same(monkeypatch):
    some, weight, path = walked(2_000)
    with some.in_place():
        of_some = weight.detach().clone()
    monkeypatch.setattr(_weight_average, "_STRIDE", 0.0)
    every, weight, same = walked(2_000)
    assert_array_equal(path, same)
    with every.in_place():
        difference = (of_some - weight).abs().max().item()
    assert 0 < difference < 0.2 * path[-100:].std(axis=0).max()


def test_the_weights_come_back_after_a_look_at_the_mean():
    average, weight, path = walked(20)
    with average.in_place():
        assert not np.array_equal(weight.detach(), path[-1])
    assert_array_equal(weight.detach(), path[-1])
    average.keep()
    assert not np.array_equal(weight.detach(), path[-1])


def test_what_changes_the_mean_in_place_changes_the_weights():
    average, weight, _ = walked(20)
    with average.in_place(), torch.no_grad():
        weight.fill_(7)
    assert (weight == 7).all()
    average.keep()
    assert (weight == 7).all()


def test_an_average_of_no_steps_leaves_the_weights():
    weight = nn.Parameter(torch.ones(2))
    average = WeightAverage([weight])
    with average.in_place():
        assert (weight == 1).all()
    average.keep()
    assert (weight == 1).all()


# -- in a fit -------------------------------------------------------------------------------


class Weights(Callback):
    """The weights after each step and at the end of each epoch."""

    def __init__(self):
        self.after_steps, self.at_ends = [], []

    def on_batch_end(self, net, training, **kwargs):
        if training:
            self.after_steps.append(flat(net))

    def on_epoch_end(self, net, **kwargs):
        self.at_ends.append(flat(net))


def flat(net):
    return torch.cat([p.detach().flatten() for p in net.module_.parameters()]).numpy().copy()


def fitted(**params):
    params = {"hidden_layer_sizes": (16,), "max_iter": 6, "early_stopping": False} | params
    return AutoencoderTransformer(2, random_state=0, **params).fit(X)


def test_a_fit_keeps_the_mean_of_its_steps():
    seen = Weights()
    ae = fitted(callbacks=[seen])
    path = np.array(seen.after_steps, dtype=np.float64)
    numbers = np.arange(len(path) + 1.0)
    shares = np.diff((numbers / len(path)) ** (_weight_average._POWER + 1))
    assert_allclose(flat(ae.net_), shares @ path, atol=1e-6)
    # Callbacks see the weights that would be kept.
    assert_array_equal(seen.at_ends[-1], flat(ae.net_))
    # The control: another schedule keeps the last step.
    seen = Weights()
    ae = fitted(callbacks=[seen], learning_rate="one_cycle")
    assert_array_equal(seen.after_steps[-1], flat(ae.net_))


def test_held_out_rows_judge_the_weights_that_are_kept():
    ae = fitted(init="random", early_stopping=True, validation_fraction=0.2)
    best = int(np.argmin(ae.validation_loss_curve_))
    valid = ae.net_.valid_objective_
    assert_allclose(ae.net_.history[best, "valid_loss"], valid, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", torch.optim.Adagrad])
def test_a_callback_may_set_weights(optimizer):
    class Zeros(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == net.max_epochs:
                with torch.no_grad():
                    for p in net.module_.parameters():
                        p.zero_()

    ae = fitted(init="random", callbacks=[Zeros()], optimizer=optimizer)
    assert not flat(ae.net_).any()
    assert flat(fitted(init="random", optimizer=optimizer).net_).all()
