"""Gradients of weights beside the rest of the backward, with a stand-in for a second stream.

The stand-in runs what is on the second stream as late as it may run, when both are joined. So the
same bits as in the usual order prove that nothing before it needs or overwrites its operands.
"""

import pytest
import torch
from sklearn.datasets import load_digits

from skae import (
    AutoencoderTransformer,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.engine.fused import _step
from skae.estimators.base._lockstep import fit_in_lockstep

DIGITS = load_digits().data[:200]
PARAMS = {"hidden_layer_sizes": (8, 6), "max_iter": 2, "batch_size": 64, "random_state": 0}


class Late:
    """A second stream that begins when it is waited for."""

    def __init__(self, device):
        self.n_late, self._calls = 0, []

    def run(self, *calls):
        self._calls += calls

    def join(self):
        self.n_late += len(self._calls)
        for call in self._calls:
            call()
        self._calls.clear()


CASES = {
    "plain": AutoencoderTransformer(4, **PARAMS),
    "linear": AutoencoderTransformer(4, **PARAMS | {"hidden_layer_sizes": ()}),
    "gelu": AutoencoderTransformer(4, activation="gelu", init="random", **PARAMS),
    "penalised": AutoencoderTransformer(4, alpha=1e-3, max_grad_norm=0.1, **PARAMS),
    "bfloat16": AutoencoderTransformer(4, precision="bfloat16", **PARAMS),
    "variational": VariationalAutoencoder(4, **PARAMS),
    "l1": SparseAutoencoder(8, penalty="l1", **PARAMS),
    "top_k": SparseAutoencoder(8, **PARAMS),
    "nested": NestedAutoencoder(4, **PARAMS),
}


@pytest.fixture
def branches(monkeypatch):
    """The stand-ins that steps were given."""
    made = []

    def branch_on(device):
        made.append(Late(device))
        return made[-1]

    return made, lambda: monkeypatch.setattr(_step, "branch_on", branch_on)


def weights(ae):
    return [p.detach().clone() for p in ae.net_.module_.parameters()]


@pytest.mark.filterwarnings("ignore:max_iter")
@pytest.mark.parametrize("name", CASES)
def test_late_gradients_of_weights_are_the_same_to_the_bit(branches, name):
    made, switch_on = branches
    in_order = weights(CASES[name].fit(DIGITS))
    switch_on()
    late = weights(CASES[name].fit(DIGITS))
    assert all(map(torch.equal, in_order, late))
    # Two calls for each weight of each step.
    assert sum(one.n_late for one in made) >= 2 * 2 * 2


def test_members_that_are_trained_together(branches):
    made, switch_on = branches

    def fitted():
        members = [AutoencoderTransformer(4, **PARAMS | {"random_state": i}) for i in range(3)]
        fit_in_lockstep([ae.set_params(init="random") for ae in members], DIGITS)
        return [weights(ae) for ae in members]

    in_order = fitted()
    switch_on()
    for one, other in zip(in_order, fitted(), strict=True):
        assert all(map(torch.equal, one, other))
    assert sum(one.n_late for one in made) > 0
