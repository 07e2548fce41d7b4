"""The step that a GPU plays as a graph, beside the one that it is launched as."""

import numpy as np
import pytest
import torch
from captured_cases import ALL, DIGITS, PARAMS, WEIGHT, dense
from sklearn import clone

from skae import DenoisingAutoencoder, VariationalAutoencoder
from skae.engine import _capturable
from skae.estimators.base._lockstep import fit_in_lockstep

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("ignore:max_iter"),
]


@pytest.fixture
def replays(monkeypatch):
    """The graphs that were played, one entry each time."""
    played, replay = [], torch.cuda.CUDAGraph.replay

    def counted(graph):
        played.append(graph)
        return replay(graph)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", counted)
    return played


def losses(ae):
    return ae.loss_curve_ if hasattr(ae, "loss_curve_") else ae.autoencoder_.loss_curve_


STEPS = ALL | {
    "rmsprop": (dense(optimizer="rmsprop", learning_rate="one_cycle"), {}),
    "sgd_plain": (dense(optimizer="sgd"), {}),
    "tf32": (dense(precision="tf32"), {}),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_recorded_step_does_what_the_step_does(monkeypatch, replays, name):
    ae, how = STEPS[name]
    how = {"X": DIGITS} | how
    if name.startswith("supervised"):
        ae = clone(ae).set_params(autoencoder__device="cuda")
    else:
        ae = clone(ae).set_params(device="cuda")
    recorded = clone(ae).fit(**how)
    n_replays = len(replays)
    # Two graphs, as the last batches of an epoch have one row less.
    assert n_replays >= 10
    assert len(set(replays)) >= 2
    monkeypatch.setattr(_capturable, "graphs_on", lambda device: None)
    launched = clone(ae).fit(**how)
    assert len(replays) == n_replays
    # Sums of a GPU may come in another order, and training blows rounding up.
    np.testing.assert_allclose(losses(recorded), losses(launched), rtol=1e-3)


def test_each_play_draws_anew_and_a_seed_draws_the_same(replays):
    ae = VariationalAutoencoder(4, device="cuda", **PARAMS | {"learning_rate_init": 1e-12})
    one, other = (clone(ae).fit(DIGITS) for _ in range(2))
    assert replays
    # Weights rest: only the noise tells one epoch from the next.
    assert len(set(one.loss_curve_)) == len(one.loss_curve_)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-6)
    state = one.net_.noise_generator_.get_state()
    assert torch.equal(state, other.net_.noise_generator_.get_state())


def test_members_that_are_trained_together_are_recorded(monkeypatch, replays):
    def fitted():
        members = [DenoisingAutoencoder(4, **PARAMS | {"random_state": i}) for i in range(3)]
        members = [ae.set_params(init="random", device="cuda") for ae in members]
        fit_in_lockstep(members, DIGITS, sample_weight=WEIGHT)
        return members

    recorded = fitted()
    assert replays
    monkeypatch.setattr(_capturable, "graphs_on", lambda device: None)
    for one, other in zip(recorded, fitted(), strict=True):
        np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-3)
