"""The training step with a hand-derived backward, against plain autograd."""

import copy
from functools import partial
from itertools import cycle

import numpy as np
import pytest
import torch
from fused_cases import AdamByAutograd, fused_step, is_fused, pairwise
from numpy.testing import assert_allclose
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, Freezer, LRScheduler, Unfreezer
from torch import nn, optim

from skae import AutoencoderTransformer
from skae._batch import Batch
from skae.engine import fused
from skae.networks import (
    ACTIVATIONS,
    Autoencoder,
    DenseNetwork,
    add_linear_path,
    start_linear_path,
)
from skae.objectives import LOSSES, Head, ReconstructionObjective, WeightPenalty

N_FEATURES, N_COMPONENTS = 7, 3
PENALTIES = {"none": (0.0, 0.0), "l2": (0.1, 0.0), "l1": (0.1, 1.0), "elastic": (0.1, 0.4)}
DIGITS = load_digits().data[:400]


def halves(network, n_features, n_components, generator):
    """Both halves of an autoencoder as a network describes them."""
    encoder = network.build_encoder(n_features, n_components, generator)
    return encoder, network.build_decoder(n_components, n_features, generator)


def make_module(activation="silu", linear_path=False, hidden=(6, 5), **params):
    generator = torch.Generator().manual_seed(0)
    network = DenseNetwork(hidden, activation=activation, **params)
    encoder, decoder = halves(network, N_FEATURES, N_COMPONENTS, generator)
    if linear_path:
        rng = np.random.default_rng(0)
        encoder = add_linear_path(encoder, N_FEATURES, N_COMPONENTS)
        decoder = add_linear_path(decoder, N_COMPONENTS, N_FEATURES)
        for half, n_in, n_out in (
            (encoder, N_FEATURES, N_COMPONENTS),
            (decoder, N_COMPONENTS, N_FEATURES),
        ):
            start_linear_path(half, rng.normal(size=(n_out, n_in)), rng.normal(size=n_out))
    module = Autoencoder(encoder, decoder, N_COMPONENTS).double()
    with torch.no_grad():
        # The zero layers of a PCA start would hide the gradient of what is before them.
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise)
    return module


def make_rows(n_rows=20):
    generator = torch.Generator().manual_seed(1)
    # In the range of every loss, with some targets at the ends of it.
    rows = torch.rand(n_rows, N_FEATURES, generator=generator, dtype=torch.float64)
    return rows.mul_(1.4).sub_(0.2).clamp_(0, 1)


def make_objective(loss="squared_error", penalty="none"):
    return ReconstructionObjective([Head(LOSSES[loss])], WeightPenalty(*PENALTIES[penalty]))


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
        results.append(compute(module, objective, x, weight))
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
            value, gradient = LOSSES[loss].value_and_gradient(output.clone(), target)
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
    step = fused_step(module, make_objective(loss), optimizer, None)

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
    objective, batches = make_objective(loss, penalty), list(make_rows(23).split(12))
    curves = []
    for by_hand in (False, True):
        module = make_module(activation, linear_path=True)
        optimizer = optim.AdamW(module.parameters(), lr=0.01, eps=1e-6)

        def by_autograd(batch, module=module, optimizer=optimizer):
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


def test_the_defaults_are_fused():
    assert is_fused(AutoencoderTransformer(2, max_iter=1, random_state=0).fit(DIGITS))


@pytest.mark.parametrize(
    ("params", "fused"),
    [
        ({"init": "random"}, True),
        ({"optimizer": "adamw"}, True),
        ({"optimizer": "sgd"}, True),
        ({"optimizer": "rmsprop"}, False),
        ({"optimizer": AdamByAutograd}, False),
        ({"optimizer": optim.LBFGS}, False),
        ({"dropout": 0.5}, False),
        ({"normalization": "batch"}, False),
        ({"normalization": "layer"}, False),
    ],
    ids=str,
)
def test_what_the_step_cannot_do_is_left_to_autograd(params, fused):
    base = {"hidden_layer_sizes": (6,), "max_iter": 1, "learning_rate_init": 1e-3}
    ae = AutoencoderTransformer(2, random_state=0, **base | params).fit(DIGITS)
    assert is_fused(ae) is fused


def test_another_objective_is_left_to_autograd():
    class Doubled(ReconstructionObjective):
        def forward(self, autoencoder, batch):
            parts = super().forward(autoencoder, batch)
            return {name: 2 * value for name, value in parts.items()}

    module = make_module()
    optimizer = optim.Adam(module.parameters())
    objective = Doubled([Head(LOSSES["squared_error"])], WeightPenalty(0.0, 0.0))
    assert fused_step(module, objective, optimizer, None) is None
    assert fused_step(module, make_objective(), optimizer, None) is not None


@pytest.mark.parametrize(("fields", "fused"), [({"x"}, True), ({"x", "target"}, False)])
def test_fields_that_the_step_cannot_take_are_left_to_autograd(fields, fused):
    module, objective = make_module(), make_objective()
    optimizer = optim.Adam(module.parameters())
    step = fused_step(module, objective, optimizer, fields=frozenset(fields))
    assert (step is not None) is fused


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


def test_frozen_or_shared_parameters_are_left_to_autograd():
    objective = make_objective()
    frozen = make_module()
    frozen.encoder[0].weight.requires_grad_(False)
    assert fused_step(frozen, objective, optim.Adam(frozen.parameters()), None) is None
    shared = make_module(hidden=(N_COMPONENTS,))
    shared.decoder[0].weight = shared.encoder[2].weight
    assert fused_step(shared, objective, optim.Adam(shared.parameters()), None) is None
    part = make_module()
    assert fused_step(part, objective, optim.Adam(part.encoder.parameters()), None) is None


class Times3(nn.Linear):
    """A linear layer by its class, and not by what it computes."""

    def forward(self, x):
        return 3 * super().forward(x)


class Backwards(nn.Sequential):
    """A sequence by its class that runs another way."""

    def forward(self, x):
        return -super().forward(x)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.encoder.__setitem__(1, nn.LeakyReLU(0.5)),
        lambda m: m.encoder.__setitem__(1, nn.ELU(0.3)),
        lambda m: m.encoder.__setitem__(1, nn.GELU("tanh")),
        lambda m: m.encoder.__setitem__(0, Times3(N_FEATURES, 6)),
        lambda m: setattr(m, "encoder", Backwards(*m.encoder)),
        lambda m: m.encoder[0].register_forward_hook(lambda *args: None),
        lambda m: m.encoder.insert(2, m.encoder[0]),
    ],
    ids=["slope", "alpha", "approximate", "linear", "sequence", "hook", "twice"],
)
def test_modules_that_compute_something_else_are_left_to_autograd(change):
    module = make_module()
    assert fused_step(module, make_objective(), optim.Adam(module.parameters()), None) is not None
    with torch.random.fork_rng(devices=[]):
        change(module)
    assert fused_step(module, make_objective(), optim.Adam(module.parameters()), None) is None


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


def test_a_layer_that_a_callback_freezes_is_not_trained():
    def first_layer(**params):
        callbacks = [Freezer("encoder.0.*"), *params.pop("callbacks", [])]
        ae = AutoencoderTransformer(
            4, hidden_layer_sizes=(8,), init="random", random_state=0, callbacks=callbacks, **params
        )
        return ae.fit(DIGITS).net_.module_.encoder[0].weight.detach()

    assert torch.equal(first_layer(max_iter=1), first_layer(max_iter=4))
    thawed = first_layer(max_iter=4, callbacks=[Unfreezer("encoder.0.*", at=3)])
    assert not torch.equal(first_layer(max_iter=1), thawed)


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


class Count(Callback):
    """Do nothing at the end of an epoch, or something that the step must notice."""

    def __init__(self, change=None):
        self.change = change

    def on_epoch_end(self, net, **kwargs):
        if self.change is not None:
            self.change(net)


def replace_weights(net):
    for parameter in net.module_.parameters():
        parameter.data = parameter.data.clone()


CHANGES = {
    "nothing": (None, 1),
    "the learning rate": (lambda net: net.optimizer_.param_groups[0].update(lr=1e-4), 1),
    "weight decay": (lambda net: net.optimizer_.param_groups[0].update(weight_decay=0.1), 2),
    "new tensors": (replace_weights, 5),
}


@pytest.mark.parametrize(("change", "n_steps"), CHANGES.values(), ids=CHANGES)
def test_the_step_is_made_anew_only_if_something_changed(monkeypatch, change, n_steps):
    made = []

    def count(net):
        made.append(fused.fused_step(net))
        return made[-1]

    monkeypatch.setattr("skae.engine._net.fused_step", count)
    params = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
    AutoencoderTransformer(2, callbacks=[Count(change)], **params).fit(DIGITS)
    assert len(made) == n_steps


@pytest.mark.parametrize(("step_every", "fused"), [("epoch", True), ("batch", False)])
def test_a_schedule_of_skorch_costs_the_step_only_if_it_moves_with_batches(step_every, fused):
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net._fused is not None)

    schedule = LRScheduler("StepLR", step_size=2, gamma=0.5, step_every=step_every)
    params = {"hidden_layer_sizes": (6,), "max_iter": 3, "random_state": 0}
    params |= {"learning_rate": "constant", "callbacks": [schedule, Watch()]}
    with pytest.warns(ConvergenceWarning):
        AutoencoderTransformer(2, **params).fit(DIGITS)
    assert seen == [fused] * 3
