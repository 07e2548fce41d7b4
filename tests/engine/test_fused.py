"""The training step with a hand-derived backward, against plain autograd."""

import copy
from functools import partial
from itertools import cycle

import numpy as np
import pytest
import torch
from dense_cases import PENALTIES, make_module, make_objective, make_rows
from fused_cases import AdamByAutograd, fused_step, pairwise
from loss_cases import loss_of
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from skorch.callbacks import Callback
from torch import optim

from skae import AutoencoderTransformer
from skae._batch import Batch
from skae.networks import (
    ACTIVATIONS,
)
from skae.objectives import LOSSES

DIGITS = load_digits().data[:400]


def gradients(module):
    return {name: p.grad.clone() for name, p in module.named_parameters()}


def by_autograd(module, objective, x, weight):
    parts = objective(module, Batch(x, weight))
    sum(parts.values()).backward()
    return parts, gradients(module)


def by_hand(module, objective, x, weight):
    step = fused_step(module, objective, optim.Adam(module.parameters()), None)
    return step(Batch(x, weight)), gradients(module)


@pytest.mark.parametrize(
    ("activation", "loss", "penalty", "linear_path", "weighted"),
    pairwise(ACTIVATIONS, LOSSES, PENALTIES, [False, True], [False, True]),
)
def test_gradients_equal_those_of_autograd(activation, loss, penalty, linear_path, weighted):
    x, objective = make_rows(), make_objective(loss, penalty)
    weight = torch.linspace(0.1, 1.9, len(x), dtype=torch.float64) if weighted else None
    results = []
    for compute in (by_autograd, by_hand):
        module = make_module(activation, linear_path)
        results.append(compute(module, copy.deepcopy(objective), x, weight))
    (parts, expected), (hand_parts, found) = results
    assert parts.keys() == hand_parts.keys()
    for name in parts:
        assert_allclose(hand_parts[name].detach(), parts[name].detach(), rtol=1e-12)
    assert found.keys() == expected.keys()
    for name in expected:
        assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-14, err_msg=name)
        assert expected[name].any()


@pytest.mark.parametrize("linear_path", [False, True])
@pytest.mark.parametrize("hidden", [(), (4,), (8, 6, 4)])
def test_gradients_for_other_depths(hidden, linear_path):
    x, objective = make_rows(), make_objective("huber")
    one, other = (make_module("tanh", linear_path, hidden) for _ in range(2))
    expected = by_autograd(one, objective, x, None)[1]
    found = by_hand(other, objective, x, None)[1]
    for name in expected:
        assert_allclose(found[name], expected[name], rtol=1e-9, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_the_losses_pass_gradcheck(loss):
    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, output, target):
            value, gradient = loss_of(loss, 7).value_and_gradient(output.clone(), target)
            ctx.save_for_backward(gradient)
            return value

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.saved_tensors[0], None

    target = make_rows(5)
    output = 3 * torch.linspace(-1, 1.1, target.numel(), dtype=torch.float64).view_as(target)
    assert torch.autograd.gradcheck(Mean.apply, (output.requires_grad_(), target))


# Each activation once and each loss at least once, with and without the linear path.
@pytest.mark.parametrize(
    ("activation", "loss", "linear_path"),
    [*zip(ACTIVATIONS, cycle(LOSSES), cycle([False, True]), strict=False)],
)
def test_the_whole_step_passes_gradcheck(activation, loss, linear_path):
    x, module = make_rows(6), make_module(activation, linear_path, hidden=(4,))
    optimizer = optim.SGD(module.parameters(), lr=0.0, momentum=0.9)
    step = fused_step(module, make_objective(loss).eval(), optimizer, None)

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, parameters):
            step.flat.copy_(parameters)
            value = step(Batch(x))["reconstruction"].clone()
            ctx.save_for_backward(step.gradient.clone())
            return value

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.saved_tensors[0]

    parameters = step.flat.clone().requires_grad_()
    assert torch.autograd.gradcheck(Step.apply, (parameters,))


def loss_curve(step, module, objective, optimizer, batches):
    curve = []
    for x in 10 * batches:
        curve.append(float(sum(step(Batch(x)).values())))
        objective.after_step(module, optimizer)
    return curve


@pytest.mark.parametrize(
    ("activation", "loss", "penalty"),
    [*zip(ACTIVATIONS, cycle(LOSSES), cycle(PENALTIES), strict=False)],
)
def test_loss_curves_equal_those_of_autograd(activation, loss, penalty):
    batches = list(make_rows(23).split(12))
    curves = []
    for by_hand in (False, True):
        module, objective = make_module(activation, linear_path=True), make_objective(loss, penalty)
        optimizer = optim.AdamW(module.parameters(), lr=0.01, eps=1e-6)

        def by_autograd(batch, module=module, objective=objective, optimizer=optimizer):
            optimizer.zero_grad()
            parts = objective(module, batch)
            sum(parts.values()).backward()
            optimizer.step()
            return {name: value.detach() for name, value in parts.items()}

        step = by_autograd
        if by_hand:
            step = fused_step(module, objective, optimizer)
        curves.append(loss_curve(step, module, objective, optimizer, batches))
    assert curves[0][-1] < 0.99 * curves[0][0]
    assert_allclose(curves[1], curves[0], rtol=1e-7)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.Adam(p, lr=0.01),
        lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, betas=(0.8, 0.9)),
        lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    ],
)
@pytest.mark.parametrize("max_grad_norm", [None, 0.05])
def test_steps_and_their_state_equal_those_of_the_optimizer(make, max_grad_norm):
    x, objective = make_rows(), make_objective()
    one, other = make_module(linear_path=True), make_module(linear_path=True)
    plain, fused = make(one.parameters()), make(other.parameters())
    # Halfway the fused step is made anew, as at the next call of partial_fit.
    for _ in range(2):
        step = fused_step(other, objective, fused, max_grad_norm)
        for _ in range(5):
            plain.zero_grad()
            sum(objective(one, Batch(x)).values()).backward()
            if max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(one.parameters(), max_grad_norm)
            plain.step()
            step(Batch(x))
        step.release()
    for (name, p), q in zip(one.named_parameters(), other.parameters(), strict=True):
        assert_allclose(q.detach(), p.detach(), rtol=1e-7, atol=1e-12, err_msg=name)
    expected, found = plain.state_dict()["state"], fused.state_dict()["state"]
    assert expected.keys() == found.keys()
    for key, state in expected.items():
        for name, value in state.items():
            assert_allclose(found[key][name], value, rtol=1e-6, atol=1e-14)


@pytest.mark.parametrize(
    ("params", "weighted"),
    [
        ({}, False),
        ({}, True),
        ({"init": "random"}, True),
        ({"loss": "absolute_error", "alpha": 1e-3, "l1_ratio": 0.5}, True),
        ({"early_stopping": True, "max_grad_norm": 0.1}, False),
        ({"batch_size": 37, "max_iter": 3, "learning_rate": "constant"}, True),
        ({"hidden_layer_sizes": ()}, False),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:max_iter")
def test_a_fit_is_the_same_with_and_without(params, weighted):
    weight = np.arange(len(DIGITS)) % 3 + 0.5 if weighted else None
    # One batch an epoch is computed in double precision, where rounding stays rounding.
    base = {"hidden_layer_sizes": (16, 8), "batch_size": 400, "max_iter": 15, "random_state": 0}
    base |= params
    fits = {}
    for name, optimizer in (("fused", optim.Adam), ("autograd", AdamByAutograd)):
        # With torch's eps, Adam would turn the rounding of vanishing gradients into steps.
        ae = AutoencoderTransformer(4, optimizer=partial(optimizer, eps=1e-6), **base)
        fits[name] = ae.fit(DIGITS, sample_weight=weight)
    fused, plain = fits["fused"], fits["autograd"]
    tolerance = 0.01 if "batch_size" in params else 1e-6
    assert_allclose(fused.loss_curve_, plain.loss_curve_, rtol=tolerance)
    for ae in (fused, plain):
        ae.partial_fit(DIGITS[:100])
    assert_allclose(fused.loss_curve_, plain.loss_curve_, rtol=tolerance)
    assert_allclose(fused.score_samples(DIGITS), plain.score_samples(DIGITS), rtol=10 * tolerance)


def test_a_copy_of_the_module_is_a_module_of_its_own():
    # Parameters are views of one buffer, which a copy must not share.
    ae = AutoencoderTransformer(2, hidden_layer_sizes=(6,), max_iter=1, random_state=0)
    before = ae.fit(DIGITS).transform(DIGITS)
    copied = copy.deepcopy(ae)
    with torch.no_grad():
        for parameter in copied.net_.module_.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(ae.transform(DIGITS), before)
    assert all(p.grad is None for p in ae.net_.module_.parameters())


@pytest.mark.parametrize(
    "settings",
    [{"weight_decay": 0.5, "decoupled_weight_decay": True}, {"amsgrad": True}, {"maximize": True}],
    ids=str,
)
def test_unusual_settings_of_adam_mean_the_same(settings):
    params = {"hidden_layer_sizes": (8,), "batch_size": 400, "max_iter": 5, "random_state": 0}
    if "maximize" in settings:
        params["learning_rate_init"] = 1e-5
    losses = []
    for optimizer in (optim.Adam, AdamByAutograd):
        ae = AutoencoderTransformer(
            4, init="random", optimizer=partial(optimizer, eps=1e-6, **settings), **params
        )
        losses.append(ae.fit(DIGITS).loss_curve_)
    assert_allclose(*losses, rtol=1e-6)


def test_an_ordinary_step_of_the_optimizer_follows_a_fused_one():
    ae = AutoencoderTransformer(4, hidden_layer_sizes=(8,), random_state=0).partial_fit(DIGITS)
    net = ae.net_
    steps = [state["step"].item() for state in net.optimizer_.state.values()]
    for p in net.module_.parameters():
        p.grad = torch.zeros_like(p)
    net.optimizer_.step()
    assert [s["step"].item() for s in net.optimizer_.state.values()] == [n + 1 for n in steps]


def test_a_callback_may_keep_a_batch():
    class Keep(Callback):
        def __init__(self):
            self.kept = []

        def on_batch_end(self, net, batch=None, **kwargs):
            self.kept.append((batch[0], batch[0].clone()))

    keep = Keep()
    AutoencoderTransformer(
        4, hidden_layer_sizes=(8,), batch_size=50, max_iter=1, random_state=0, callbacks=[keep]
    ).fit(DIGITS)
    assert len(keep.kept) > 1
    assert all(torch.equal(batch, copied) for batch, copied in keep.kept)


def grouped(kind, module, ratio):
    """Return an optimizer whose linear paths have a rate of their own, and another for a bias."""
    named = dict(module.named_parameters())
    of_paths = [named[name] for name in named if "linear" in name]
    alone = named["encoder.deep.0.bias"]
    others = [p for p in named.values() if all(p is not one for one in (*of_paths, alone))]
    groups = [
        {"params": of_paths, "lr": 0.01 * ratio},
        {"params": [alone], "lr": 0.02 * ratio, "weight_decay": 0.1},
        {"params": others},
    ]
    return kind(groups, lr=0.01)


@pytest.mark.parametrize(
    ("fused", "alone"),
    [
        (optim.AdamW, type("AdamWByAutograd", (optim.AdamW,), {})),
        (optim.Adam, AdamByAutograd),
        (partial(optim.SGD, momentum=0.9), partial(type("SGD", (optim.SGD,), {}), momentum=0.9)),
    ],
)
def test_groups_of_an_optimizer_have_rates_of_their_own(fused, alone):
    trained = {}
    for kind, ratio in ((fused, 0.1), (alone, 0.1), (alone, 1.0)):
        module, objective = make_module("tanh", linear_path=True), make_objective(penalty="elastic")
        optimizer = grouped(kind, module, ratio)
        step = fused_step(module, objective, optimizer, max_grad_norm=0.5)
        assert (step is not None) is (kind is fused)

        def by_autograd(batch, module=module, objective=objective, optimizer=optimizer):
            optimizer.zero_grad()
            parts = objective(module, batch)
            sum(parts.values()).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 0.5)
            optimizer.step()
            return {name: value.detach() for name, value in parts.items()}

        loss_curve(step or by_autograd, module, objective, optimizer, [make_rows(12)])
        trained[kind is fused, ratio] = torch.cat(
            [p.detach().flatten() for p in module.parameters()]
        )
    assert_allclose(trained[True, 0.1], trained[False, 0.1], rtol=1e-9, atol=1e-12)
    # The control: at one rate the weights are others.
    assert (trained[True, 0.1] - trained[False, 1.0]).abs().max() > 0.01
