"""Which nets take the fused step, and when it is made anew."""

import pytest
import torch
from dense_cases import N_COMPONENTS, N_FEATURES, make_module, make_objective
from fused_cases import AdamByAutograd, fused_step, is_fused
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, Freezer, LRScheduler, Unfreezer
from torch import nn, optim

from skae import AutoencoderTransformer
from skae._batch import Batch
from skae.engine import fused
from skae.objectives import LOSSES, Head, ReconstructionObjective, WeightPenalty

DIGITS = load_digits().data[:400]


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


class OtherSum(ReconstructionObjective):
    def forward(self, autoencoder, batch):
        parts = super().forward(autoencoder, batch)
        return {name: 2 * value for name, value in parts.items()}


class OtherLoss(ReconstructionObjective):
    def reconstruction(self, output, batch):
        return (output - batch.x).abs().pow(3).mean()


class OtherRowLosses(ReconstructionObjective):
    def row_losses(self, output, target):
        return (output - target).abs().pow(3).mean(dim=1)


class OtherLossWithItsGradient(OtherLoss):
    def reconstruction_and_gradient(self, output, batch):
        residual = output - batch.x
        value = residual.abs().pow(3).mean()
        return value, output.copy_(3 * residual * residual.abs() / residual.numel())


class SquaredErrorBelow(OtherLossWithItsGradient):
    def reconstruction(self, output, batch):
        return (output - batch.x).square().mean()


@pytest.mark.parametrize(
    ("kind", "fused"),
    [
        (OtherSum, False),
        (OtherLoss, False),
        (OtherRowLosses, False),
        (OtherLossWithItsGradient, True),
        (SquaredErrorBelow, False),
        (ReconstructionObjective, True),
    ],
)
def test_an_objective_without_the_gradient_of_its_loss_is_left_to_autograd(kind, fused):
    module = make_module()
    objective = kind([Head(LOSSES["squared_error"])], WeightPenalty(0.0, 0.0))
    step = fused_step(module, objective, optim.Adam(module.parameters()), None)
    assert (step is not None) is fused


def test_losses_of_rows_are_those_of_a_batch():
    rows = [Batch(torch.ones(3, 2) * x) for x in (1.0, 2.0)]
    for kind in (OtherRowLosses, ReconstructionObjective):
        objective = kind([Head(LOSSES["squared_error"])], WeightPenalty(0.0, 0.0))
        for batch in rows:
            found = objective.reconstruction(torch.zeros(3, 2), batch)
            assert found == objective.row_losses(torch.zeros(3, 2), batch.x).mean()


@pytest.mark.parametrize(("fields", "fused"), [({"x", "target"}, True), ({"x", "observed"}, False)])
def test_fields_that_the_step_cannot_take_are_left_to_autograd(fields, fused):
    module, objective = make_module(), make_objective()
    optimizer = optim.Adam(module.parameters())
    step = fused_step(module, objective, optimizer, fields=frozenset(fields))
    assert (step is not None) is fused


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

    def count(nets, ranks):
        made.append(fused.FusedStep(nets, ranks))
        return made[-1]

    monkeypatch.setattr("skae.engine._net.FusedStep", count)
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
