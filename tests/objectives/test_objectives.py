"""Losses and penalties against independent formulas, and the step that makes weights zero."""

import numpy as np
import pytest
import torch
from loss_cases import loss_of, normal
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.metrics import log_loss, mean_poisson_deviance
from torch import nn

from skae._batch import Batch
from skae.objectives import LOSSES, Head, Loss, ReconstructionObjective, WeightPenalty


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


OUTPUT = 1.5 * normal(8, 5)
TARGETS = {
    "squared_error": normal(8, 5, seed=1),
    "absolute_error": normal(8, 5, seed=1),
    "huber": normal(8, 5, seed=1),
    "log_loss": (normal(8, 5, seed=1) > 0).double(),
    "poisson": (3 * normal(8, 5, seed=1)).abs().floor(),
    "negative_binomial": (3 * normal(8, 5, seed=1)).abs().floor(),
    "multinomial": (3 * normal(8, 5, seed=1)).abs().floor(),
}


def xlogy(x, y):
    return np.where(x > 0, x * np.log(np.where(x > 0, y, 1)), 0)


def expected_counts(z, x):
    shares = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return shares, x.sum(axis=1, keepdims=True) * shares


def negative_binomial(z, x):
    # With a dispersion of one, the start of training.
    shares, mean = expected_counts(z, x)
    by_log_mean = (mean - x) / (1 + mean)
    gradient = by_log_mean - shares * by_log_mean.sum(axis=1, keepdims=True)
    return -stats.nbinom.logpmf(x, 1.0, 1 / (1 + mean)), gradient


def multinomial(z, x):
    _, mean = expected_counts(z, x)
    depth = x.sum(axis=1, keepdims=True)
    of_total = stats.poisson.logpmf(depth, depth) / x.shape[1]
    return of_total - stats.poisson.logpmf(x, mean), mean - x


# (value, gradient by the decoder's output) of each element, z the output and x the target.
FORMULAS = {
    "squared_error": lambda z, x: ((z - x) ** 2, 2 * (z - x)),
    "absolute_error": lambda z, x: (abs(z - x), np.sign(z - x)),
    "huber": lambda z, x: (
        np.where(abs(z - x) < 1, (z - x) ** 2 / 2, abs(z - x) - 0.5),
        np.clip(z - x, -1, 1),
    ),
    "log_loss": lambda z, x: (
        -x * np.log(sigmoid(z)) - (1 - x) * np.log(1 - sigmoid(z)),
        sigmoid(z) - x,
    ),
    "poisson": lambda z, x: (
        2 * (xlogy(x, x) - x * z - x + np.exp(z)),
        2 * (np.exp(z) - x),
    ),
    "negative_binomial": negative_binomial,
    "multinomial": multinomial,
}


# -- losses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients(name):
    output, target = OUTPUT.clone().requires_grad_(), TARGETS[name]
    value, gradient = FORMULAS[name](OUTPUT.numpy(), target.numpy())
    assert_allclose(
        loss_of(name, 5).function(output, target, reduction="none").detach(), value, atol=1e-12
    )
    mean = loss_of(name, 5).function(output, target)
    mean.backward()
    assert_allclose(mean.item(), value.mean())
    assert_allclose(output.grad, gradient / OUTPUT.numel(), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("log_loss", lambda x, r: log_loss(x.ravel(), r.ravel())),
        ("poisson", lambda x, r: mean_poisson_deviance(x.ravel(), r.ravel())),
    ],
)
def test_losses_with_a_link_equal_the_metrics_of_scikit_learn(name, metric):
    loss, target = LOSSES[name], TARGETS[name]
    reconstruction = loss.to_data(OUTPUT).numpy()
    assert_allclose(loss.function(OUTPUT, target).item(), metric(target.numpy(), reconstruction))


@pytest.mark.parametrize("name", [n for n, loss in LOSSES.items() if isinstance(loss, Loss)])
def test_a_perfect_reconstruction_is_the_minimum(name):
    loss = LOSSES[name]
    x = torch.full((1, 1), 0.7, dtype=torch.float64)
    output = x if loss.link is None else loss.link(x)
    assert_allclose(loss.to_data(output), x)
    at_best = loss.function(output, x)
    if name != "log_loss":  # whose minimum is the entropy of the target
        assert_allclose(at_best.item(), 0, atol=1e-12)
    for step in (-0.1, 0.1):
        assert loss.function(output + step, x) > at_best


@pytest.mark.parametrize("name", [name for name in LOSSES if LOSSES[name].scaled])
def test_losses_scale_with_the_unit_of_the_data(name):
    # In units of s the target is x / s, and so is the reconstruction; exp(z - log s) for poisson.
    loss, s = LOSSES[name], 7.0
    output, target = OUTPUT, TARGETS[name]
    in_unit = output / s if loss.link is None else output - np.log(s)
    if name == "huber":  # whose bend moves with the unit: small errors show the power
        in_unit, target = (target + 1e-2 * output) / s, TARGETS[name]
        output = target + 1e-2 * output
    value = loss.function(in_unit, target / s) * s**loss.scale_power
    assert_allclose(value.item(), loss.function(output, target).item(), rtol=1e-10)


def test_losses_that_need_their_own_unit_are_not_scaled():
    assert not LOSSES["log_loss"].scaled
    not_centered = ["log_loss", "poisson", "negative_binomial", "multinomial"]
    assert [name for name in LOSSES if not LOSSES[name].centered] == not_centered


@pytest.mark.parametrize("name", ["log_loss", "poisson"])
def test_the_slope_of_a_link_is_its_derivative(name):
    loss = LOSSES[name]
    mean = torch.tensor([0.1, 0.3, 0.5, 0.9], dtype=torch.float64, requires_grad=True)
    loss.link(mean).sum().backward()
    assert_allclose(loss.link_slope(mean).detach(), mean.grad)
    # At the edges both stay finite, where the link itself is not.
    edges = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert torch.isfinite(loss.link(edges)).all()
    assert torch.isfinite(loss.link_slope(edges)).all()


# -- the objective --------------------------------------------------------------------------

NO_PENALTY = WeightPenalty(0.0, 0.0)


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_rows_count_in_the_objective(name):
    target = TARGETS[name]
    objective = ReconstructionObjective([Head(loss_of(name, 5))], NO_PENALTY).eval()

    def network(x):
        return OUTPUT

    rows = FORMULAS[name](OUTPUT.numpy(), target.numpy())[0].mean(axis=1)
    assert_allclose(objective.row_losses(OUTPUT, target), rows, atol=1e-12)
    unweighted = objective(network, Batch(target))
    equal = objective(network, Batch(target, torch.ones(8)))
    assert list(unweighted) == ["reconstruction"]
    assert_allclose(unweighted["reconstruction"].item(), rows.mean())
    assert_allclose(equal["reconstruction"].item(), rows.mean())
    weight = torch.arange(8.0, dtype=torch.float64) / 3.5
    weighted = objective(network, Batch(target, weight))["reconstruction"].item()
    assert_allclose(weighted, np.average(rows, weights=weight))
    assert abs(weighted - rows.mean()) > 1e-3


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        ("squared_error", "log_loss"),
        ("poisson", "huber"),
        ("absolute_error", "squared_error"),
        ("log_loss", "poisson"),
    ],
)
def test_each_head_judges_its_columns(names, weighted):
    columns = slice(0, 2), slice(2, None)
    heads = [Head(LOSSES[name], part) for name, part in zip(names, columns, strict=True)]
    objective = ReconstructionObjective(heads, NO_PENALTY)
    pairs = [*zip(names, columns, strict=True)]
    target = torch.cat([TARGETS[name][:, part] for name, part in pairs], dim=1)
    z, x = OUTPUT.numpy(), target.numpy()
    cells = [FORMULAS[name](z[:, part], x[:, part]) for name, part in pairs]
    losses, slopes = (np.concatenate(both, axis=1) for both in zip(*cells, strict=True))
    weight = torch.arange(8.0, dtype=torch.float64) / 3.5 if weighted else None
    of_rows = np.ones(8) if weight is None else weight.numpy()
    value, gradient = (losses * of_rows[:, None]).mean(), slopes * of_rows[:, None] / losses.size

    assert_allclose(objective.row_losses(OUTPUT, target), losses.mean(axis=1), atol=1e-12)
    output, batch = OUTPUT.clone().requires_grad_(), Batch(target, weight)
    parts = objective(lambda x: output, batch)
    parts["reconstruction"].backward()
    assert_allclose(parts["reconstruction"].item(), value)
    assert_allclose(output.grad, gradient, atol=1e-12)
    output = OUTPUT.clone()
    found, in_place = objective.reconstruction_and_gradient(output, batch)
    assert in_place is output
    assert_allclose(found.item(), value)
    assert_allclose(output, gradient, atol=1e-12)
    in_data = [LOSSES[name].to_data(OUTPUT[:, part]) for name, part in pairs]
    assert_array_equal(objective.to_data(OUTPUT), torch.cat(in_data, dim=1))


def test_heads_judge_several_networks_at_once():
    heads = [Head(LOSSES["squared_error"], slice(0, 2)), Head(LOSSES["huber"], slice(2, None))]
    objective = ReconstructionObjective(heads, NO_PENALTY)
    output, target = torch.stack([OUTPUT, 2 * OUTPUT]), torch.stack([normal(8, 5), normal(8, 5)])
    for weight in (None, normal(2, 8).abs()):
        found = objective.reconstruction_and_gradient(output.clone(), Batch(target, weight))
        for i in range(2):
            batch = Batch(target[i], None if weight is None else weight[i])
            alone = objective.reconstruction_and_gradient(output[i].clone(), batch)
            assert_allclose(found[0][i], alone[0])
            assert_allclose(found[1][i], alone[1])


def test_heads_of_one_loss_are_one_head():
    whole = ReconstructionObjective([Head(LOSSES["huber"])], NO_PENALTY)
    parts = [Head(LOSSES["huber"], slice(i, i + 1)) for i in range(5)]
    split, batch = ReconstructionObjective(parts, NO_PENALTY), Batch(TARGETS["huber"])
    assert_allclose(split.reconstruction(OUTPUT, batch), whole.reconstruction(OUTPUT, batch))
    for one, other in zip(
        split.reconstruction_and_gradient(OUTPUT.clone(), batch),
        whole.reconstruction_and_gradient(OUTPUT.clone(), batch),
        strict=True,
    ):
        assert_allclose(one, other)


def test_a_target_takes_the_place_of_the_rows():
    objective = ReconstructionObjective([Head(LOSSES["squared_error"])], NO_PENALTY)
    batch, target = Batch(normal(8, 3), target=normal(8, 5, seed=1)), normal(8, 5, seed=1)
    expected = (OUTPUT - target).square().mean()
    assert_allclose(objective(lambda x: OUTPUT, batch)["reconstruction"], expected)
    found, gradient = objective.reconstruction_and_gradient(OUTPUT.clone(), batch)
    assert_allclose(found, expected)
    assert_allclose(gradient, 2 * (OUTPUT - target) / target.numel())


def test_a_mask_of_observed_cells_is_refused():
    objective = ReconstructionObjective([Head(LOSSES["squared_error"])], NO_PENALTY)
    batch = Batch(OUTPUT, observed=torch.ones(8, 5, dtype=torch.bool))
    for function in (objective.reconstruction, objective.reconstruction_and_gradient):
        with pytest.raises(TypeError, match="mask of observed"):
            function(OUTPUT, batch)
    with pytest.raises(TypeError, match="mask of observed"):
        objective(nn.Identity(), batch)


def small_network():
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Conv1d(3, 2, 1)).double()
    for i, parameter in enumerate(module.parameters()):
        parameter.data = normal(*parameter.shape, seed=i)
    return module


@pytest.fixture
def module():
    # torch's own layers draw their first weights from the global generator.
    with torch.random.fork_rng():
        return small_network()


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0, 0), (0.3, 0), (0.3, 1), (0.3, 0.25)])
def test_weight_penalty_against_numpy(module, alpha, l1_ratio):
    penalty = WeightPenalty(alpha, l1_ratio)
    weights = [module[0].weight, module[2].weight]  # neither biases nor the normalisation
    assert [id(w) for w in penalty.weights(module)] == [id(w) for w in weights]
    flat = np.concatenate([w.detach().numpy().ravel() for w in weights])
    expected = {"l1": alpha * l1_ratio * abs(flat).sum()}
    expected["l2"] = alpha * (1 - l1_ratio) / 2 * (flat**2).sum()
    expected = {name: value for name, value in expected.items() if value}
    parts = penalty(module)
    assert {name: value.item() for name, value in parts.items()} == pytest.approx(expected)
    if "l2" in parts:
        sum(parts.values()).backward()
        # The gradient is that of the L2 part alone; the L1 part is a proximal step.
        for weight in weights:
            assert_allclose(weight.grad, alpha * (1 - l1_ratio) * weight.detach())
        assert module[0].bias.grad is None


def test_the_parts_of_the_objective_have_names(module):
    objective = ReconstructionObjective([Head(LOSSES["squared_error"])], WeightPenalty(0.1, 0.5))
    square = module[0]
    square.weight.data = normal(4, 4)
    square.bias.data = normal(4)
    x = normal(3, 4)
    parts = objective(square, Batch(x))
    assert set(parts) == {"reconstruction", "l1", "l2"}
    assert_allclose(parts["reconstruction"].item(), (square(x) - x).square().mean().item())
