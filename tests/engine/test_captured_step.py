"""Any step as one graph: the recipe on the CPU, with a stand-in for the graphs of a GPU.

The stand-in plays a recorded step by calling it again on the batch and the tensors that it was
recorded on, and checks that nothing else that a graph holds has changed or moved since. So the
same bits as without it prove that a step reads from the host only what the recipe puts into
tensors.
"""

from contextlib import nullcontext

import pytest
import torch
from captured_cases import ALL, CASES, DIGITS, PARAMS, WEIGHT, dense
from sklearn import clone
from skorch.callbacks import Callback
from torch import nn, optim
from torch.utils._python_dispatch import TorchDispatchMode

from skae import DenoisingAutoencoder, VariationalAutoencoder
from skae.engine import _capturable, _lockstep, _net
from skae.estimators.base._lockstep import fit_in_lockstep


class Reads(TorchDispatchMode):
    """Count the numbers that leave tensors, for each of which a GPU waits."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


def tensors_of(value):
    """All tensors in lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        return [value]
    values = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, list | tuple | dict)
    return [tensor for one in values for tensor in tensors_of(one)] if nested else []


def held_by(net):
    """What a graph of the net holds: numbers of the host, and the places of tensors."""
    modules = [*net.module_.modules(), *net.criterion_.modules()]
    names = "_parameters", "_buffers"
    attributes = [
        value
        for module in modules
        for name, value in vars(module).items()
        if name not in ("progress", *names)
    ]
    attributes += [vars(module)[name] for module in modules for name in names]
    state = [one for o in net.optimizers() for one in o.state.values()]
    places = [tensor.data_ptr() for tensor in tensors_of([attributes, state])]
    return _capturable.host_state(net), places


class Played:
    """Graphs that are played by the host."""

    rate_dtype, capturable = torch.float64, False

    def __init__(self, device):
        self.device = device
        self.nets, self.n_recorded, self.n_played, self.waits = [], 0, 0, None

    def warming_up(self):
        return nullcontext()

    def watched(self, call):
        with Reads() as reads:
            answer = call()
        self.waits = reads.count > 0
        return answer, self.waits

    def record(self, call, generators):
        # As on a GPU, nothing is computed now.
        parts, before = {}, [held_by(net) for net in self.nets]
        self.n_recorded += 1

        def play():
            assert [held_by(net) for net in self.nets] == before
            parts.update(call())
            self.n_played += 1

        return play, parts


@pytest.fixture
def graphs(monkeypatch):
    """The stand-ins that nets were given while it is switched on; a list."""
    made = []
    real = _capturable.captured

    def captured(nets, step):
        step = real(nets, step)
        if step is not None:
            made[-1].nets = nets
        return step

    def switch(on=True):
        def graphs_on(device):
            made.append(Played(device))
            return made[-1]

        monkeypatch.setattr(_capturable, "graphs_on", graphs_on if on else lambda device: None)
        for module in (_net, _lockstep):
            monkeypatch.setattr(module, "captured", captured)
        return made

    return switch


def state_of(ae):
    net = getattr(ae, "autoencoder_", ae).net_
    return net.module_.state_dict() | net.criterion_.state_dict()


def assert_same_bits(one, other):
    found, expected = state_of(one), state_of(other)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def fit_both_ways(graphs, ae, X=DIGITS, **how):
    graphs(False)
    launched = clone(ae).fit(X, **how)
    made = graphs(True)
    return launched, clone(ae).fit(X, **how), made


@pytest.mark.filterwarnings("ignore:max_iter")
@pytest.mark.parametrize("name", ALL)
def test_a_recorded_step_is_the_step_to_the_bit(graphs, name):
    ae, how = ALL[name]
    launched, played, made = fit_both_ways(graphs, ae, **how)
    assert_same_bits(launched, played)
    is_supervised = name.startswith("supervised")
    if not is_supervised:
        assert played.loss_curve_ == launched.loss_curve_
    for one in made:
        assert not one.waits
        # The last batches of an epoch have one row less.
        assert one.n_recorded == 2 or is_supervised
        assert one.n_played >= 10
    assert made


def test_a_schedule_of_rmsprop(graphs):
    """On the CPU it reads the rate, as only a GPU's has a kernel for a tensor."""
    ae = dense(optimizer="rmsprop", learning_rate="one_cycle", alpha=1e-3, l1_ratio=0.5)
    graphs(False)
    launched = clone(ae).fit(DIGITS)
    made = graphs(True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Played, "watched", lambda self, call: (call(), False))
        played = clone(ae).fit(DIGITS)
    assert_same_bits(launched, played)
    assert made[0].n_played >= 10


def test_members_that_are_trained_together(graphs):
    def fitted():
        members = [DenoisingAutoencoder(4, **PARAMS | {"random_state": i}) for i in range(3)]
        members = [ae.set_params(init="random", alpha=1e-3, l1_ratio=0.5) for ae in members]
        fit_in_lockstep(members, DIGITS, sample_weight=WEIGHT)
        return members

    graphs(False)
    launched = fitted()
    made = graphs(True)
    for one, other in zip(launched, fitted(), strict=True):
        assert_same_bits(one, other)
    assert sum(len(one.nets) == 3 and one.n_played >= 10 for one in made) == 1


def test_training_goes_on_and_starts_anew(graphs):
    graphs(False)
    launched = dense(normalization="layer").fit(DIGITS).partial_fit(DIGITS[:90])
    made = graphs(True)
    played = dense(normalization="layer").fit(DIGITS).partial_fit(DIGITS[:90])
    assert_same_bits(launched, played)
    assert len(made) == 2
    assert played.net_._captured is None


@pytest.mark.parametrize(
    "change",
    [
        lambda objective: setattr(objective, "count", getattr(objective, "count", 0) + 1),
        lambda objective: setattr(objective, "kept", torch.zeros(1).add(1)),
    ],
    ids=["number", "tensor"],
)
def test_the_stand_in_finds_what_a_graph_would_miss(graphs, monkeypatch, change):
    """The control: a number or a tensor that each step replaces is found."""
    graphs(True)
    kind = type(CASES["plain"].fit(DIGITS).net_.criterion_)
    kept = []

    def after_step(self, autoencoder, optimizer):
        change(self)
        kept.append(getattr(self, "kept", None))

    monkeypatch.setattr(kind, "after_step", after_step)
    with pytest.raises(AssertionError):
        clone(CASES["plain"]).fit(DIGITS)


# -- what is launched -------------------------------------------------------------------------


class EachBatch(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


class Doubled(nn.Module):
    """A module of the user's, which may do anything."""

    def forward(self, x):
        return x + x


class Halved(optim.Adam):
    """An optimizer that nobody knows."""


def noise(x, generator):
    return x + torch.randn(x.shape, generator=generator, dtype=x.dtype)


def hook(module, inputs, output):
    pass


class Hooks(Callback):
    def on_train_begin(self, net, **kwargs):
        net.module_.register_forward_hook(hook)


LAUNCHED = {
    "callback": dense(callbacks=[EachBatch()]),
    "optimizer": dense(optimizer=Halved),
    "noise": DenoisingAutoencoder(4, noise=noise, **PARAMS),
    "hooks": dense(callbacks=[Hooks()]),
}


@pytest.mark.parametrize("name", LAUNCHED)
def test_what_may_do_anything_is_launched(graphs, name):
    launched, played, made = fit_both_ways(graphs, LAUNCHED[name])
    assert_same_bits(launched, played)
    assert sum(one.n_recorded for one in made) == 0


def test_a_module_that_is_not_known_is_launched(graphs):
    made = graphs(True)
    net = dense().fit(DIGITS).net_
    assert _capturable.is_capturable(net)
    assert made
    net.module_.decoder.deep.append(Doubled())
    assert not _capturable.is_capturable(net)


def test_a_step_that_waits_for_the_device_is_launched(graphs):
    """Batch normalisation without a momentum reads how many batches it has seen."""

    class Cumulative(Callback):
        def on_train_begin(self, net, **kwargs):
            for module in net.module_.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.momentum = None

    ae = dense(normalization="batch", callbacks=[Cumulative()])
    launched, played, made = fit_both_ways(graphs, ae)
    assert_same_bits(launched, played)
    assert made[0].waits
    assert made[0].n_recorded == 0


def test_a_recording_that_fails_is_launched(graphs, monkeypatch):
    def fail(self, call, generators):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(Played, "record", fail)
    launched, played, made = fit_both_ways(graphs, CASES["variational_layer"])
    assert_same_bits(launched, played)
    assert made[0].n_played == 0


# -- what callbacks change --------------------------------------------------------------------

CHANGES = {
    "rate": (lambda net: net.optimizer_.param_groups[0].update(lr=1e-4), 1),
    "weight decay": (lambda net: net.optimizer_.param_groups[0].update(weight_decay=0.1), 2),
    "frozen": (lambda net: net.module_.encoder.requires_grad_(False), 2),
    "beta": (lambda net: setattr(net.criterion_.code_term, "beta", 3.0), 2),
    "clipping": (lambda net: setattr(net, "max_grad_norm", 0.01), 2),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_callback_changes_is_trained_with(graphs, name):
    change, n_made = CHANGES[name]

    class Change(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 2:
                change(net)

    ae = VariationalAutoencoder(4, normalization="layer", callbacks=[Change()], **PARAMS)
    launched, played, made = fit_both_ways(graphs, ae)
    assert_same_bits(launched, played)
    assert len(made) == n_made
