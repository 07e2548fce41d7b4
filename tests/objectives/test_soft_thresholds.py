"""The step that makes weights zero, against independent formulas and the minimum."""

from functools import partial

import numpy as np
import pytest
import torch
from loss_cases import normal
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn, optim

from skae.engine import OPTIMIZERS
from skae.objectives._weight_penalty import shrink


def soft_threshold(weight, threshold):
    return np.sign(weight) * np.maximum(abs(weight) - threshold, 0)


@pytest.mark.parametrize("strength", [0.0, 0.3, 3.0])
def test_shrinking_after_sgd_is_a_soft_threshold(strength):
    weight, free = nn.Parameter(normal(6, 4)), nn.Parameter(normal(5))
    before = weight.detach().numpy().copy(), free.detach().numpy().copy()
    optimizer = optim.SGD([weight, free], lr=0.5)
    optimizer.zero_grad()
    (weight.sum() * 0 + free.sum() * 0).backward()
    optimizer.step()
    shrink(optimizer, [weight], strength)
    assert_allclose(weight.detach(), soft_threshold(before[0], 0.5 * strength))
    assert_array_equal(free.detach(), before[1])
    assert (weight == 0).any().item() == (strength > 0)


@pytest.mark.parametrize(
    ("optimizer", "n_steps"),
    [(optim.Adam, 1), (optim.Adam, 3), (OPTIMIZERS["adam"], 3), (OPTIMIZERS["adamw"], 2)],
)
def test_shrinking_after_adam_follows_the_size_of_its_gradients(optimizer, n_steps):
    gradient = normal(6, 4, seed=1).abs() + 0.1
    weight = nn.Parameter(normal(6, 4))
    optimizer = optimizer([weight], lr=0.1)
    for _ in range(n_steps):
        weight.grad = gradient.clone()
        optimizer.step()
    before = weight.detach().numpy().copy()
    shrink(optimizer, [weight], 0.5)
    # Under a constant gradient the root of Adam's second moment is that gradient.
    expected = soft_threshold(before, 0.1 * 0.5 / gradient.numpy())
    assert_allclose(weight.detach(), expected, atol=1e-5)
    assert 0 < (expected == 0).mean() < 1


def test_shrinking_after_rmsprop_follows_the_size_of_its_gradients():
    gradient = normal(6, 4, seed=1).abs() + 0.1
    weight = nn.Parameter(normal(6, 4))
    optimizer = optim.RMSprop([weight], lr=0.01, alpha=0.5)
    weight.grad = gradient.clone()
    optimizer.step()
    before = weight.detach().numpy().copy()
    shrink(optimizer, [weight], 5)
    metric = np.sqrt(0.5) * gradient.numpy()
    assert_allclose(weight.detach(), soft_threshold(before, 0.01 * 5 / metric), atol=1e-6)


@pytest.mark.parametrize(
    "optimizer",
    [
        partial(optim.SGD, lr=0.1),
        partial(OPTIMIZERS["sgd"], lr=0.01),
        partial(optim.SGD, lr=0.01, momentum=0.5),
        partial(OPTIMIZERS["adam"], lr=0.01),
        partial(OPTIMIZERS["adamw"], lr=0.01, weight_decay=0),
        partial(optim.NAdam, lr=0.01),
        partial(OPTIMIZERS["rmsprop"], lr=0.01),
        partial(optim.RMSprop, lr=0.001, momentum=0.9),
    ],
    ids=["sgd", "nesterov", "heavy ball", "adam", "adamw", "nadam", "rmsprop", "rmsprop heavy"],
)
def test_proximal_steps_end_at_the_minimum(optimizer):
    # The minimum of (w - a)^2 / 2 + strength |w| is the soft threshold of a.
    target, strength = normal(20), 0.5
    weight = nn.Parameter(torch.ones(20, dtype=torch.float64))
    optimizer = optimizer([weight])
    for step in range(1500):
        weight.grad = weight.detach() - target
        optimizer.step()
        shrink(optimizer, [weight], strength)
        if step == 1000:
            optimizer.param_groups[0]["lr"] /= 10
    expected = soft_threshold(target.numpy(), strength)
    assert_allclose(weight.detach(), expected, atol=0.02)
    assert_array_equal(weight.detach() == 0, expected == 0)
    assert 0 < (expected == 0).sum() < 20


def test_shrinking_refuses_an_optimizer_whose_steps_it_does_not_know():
    weight = nn.Parameter(normal(6, 4))
    optimizer = optim.Adagrad([weight], lr=0.1)
    weight.grad = normal(6, 4, seed=1)
    optimizer.step()
    with pytest.raises(ValueError, match=r"L1 penalty.*'adam'.*not with optimizer=Adagrad"):
        shrink(optimizer, [weight], 0.5)
