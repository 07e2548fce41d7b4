"""The consistency term: which way rows are moved, and how far."""

import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import huber
from torch import nn

from skae.networks import Autoencoder, Linear, SupervisedAutoencoder
from skae.objectives import LABEL_LOSSES, VirtualAdversary


def linear_model(weight):
    """An autoencoder whose codes are the rows, with a linear head."""
    n_answers, n_inputs = weight.shape
    head = Linear(n_inputs, n_answers, None)
    head.weight = nn.Parameter(weight.clone())
    head.bias = nn.Parameter(torch.zeros(n_answers))
    return SupervisedAutoencoder(Autoencoder(nn.Identity(), nn.Identity(), n_inputs), head)


def penalty(loss, radius, weight, x):
    """The penalty of rows, as it is measured."""
    return VirtualAdversary(LABEL_LOSSES[loss], radius).eval()(linear_model(weight), x)


def test_numbers_move_as_far_as_the_steepest_direction_moves_them():
    weight = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    x = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    # Half the mean over two answers of the square of a step of 0.3 along the first input; one power
    # iteration comes near, random directions do not.
    most = 0.5 * (3 * 0.3) ** 2 / 2
    assert 0.85 * most < penalty("squared_error", 0.3, weight, x).item() < 1.001 * most
    at_random = 0.5 * (9 + 1) / 2 * 0.3**2 / 2
    assert penalty("squared_error", 0.3, weight, x).item() > 1.5 * at_random


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_an_extreme_row_pulls_no_more_than_others(loss):
    reference = torch.zeros(5, 2, dtype=torch.float64)
    answers = torch.tensor([[0.1, 0], [0.9, -0.9], [2, 0], [-50, 0], [1e3, 1e3]]).double()
    found = LABEL_LOSSES[loss].divergences(reference, answers.requires_grad_())
    expected = huber(1.0, answers.detach().numpy()).mean(axis=1)
    assert_allclose(found.detach(), expected, rtol=1e-6)
    (gradient,) = torch.autograd.grad(found.sum(), answers)
    assert_allclose(gradient, answers.detach().clamp(-1, 1) / 2, rtol=1e-6)


@pytest.mark.parametrize("loss", ["log_loss", "brier"])
def test_answers_move_more_the_farther_rows_move(loss):
    weight = torch.tensor([[1.0, -1.0, 0.5], [0.0, 0.5, -1.0]])
    x = torch.randn(100, 3, generator=torch.Generator().manual_seed(0))
    near, far = (penalty(loss, radius, weight, x).item() for radius in (0.1, 0.4))
    assert near > 0
    # A divergence grows with the square of a small step.
    assert near * 10 < far < near * 20


def test_rows_of_which_the_model_is_sure_move_no_farther_than_the_radius():
    # Their gradient is so small that its square is zero.
    weight = torch.tensor([[40.0], [-40.0]])
    sure = torch.tensor([[1.0], [-1.0]])
    moved = []
    model = linear_model(weight)
    model.head.register_forward_pre_hook(lambda _, inputs: moved.append(inputs[0].detach()))
    VirtualAdversary(LABEL_LOSSES["log_loss"], 0.1).eval()(model, sure)
    assert len(moved) == 3
    assert max((one - sure).abs().max().item() for one in moved) < 0.1001


def test_statistics_of_batches_are_those_of_rows_as_they_are():
    model = linear_model(torch.eye(3))
    model.encoder = nn.BatchNorm1d(3)
    model.train()
    before = [buffer.clone() for buffer in model.encoder.buffers()]
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) + 5
    adversary = VirtualAdversary(LABEL_LOSSES["log_loss"], 0.1)
    adversary.random.generator = torch.Generator().manual_seed(0)
    adversary(model, x)
    assert torch.equal(model.encoder.running_mean, before[0])
    assert torch.equal(model.encoder.running_var, before[1])
    model.encoder(x)
    assert not torch.equal(model.encoder.running_mean, before[0])
