"""The host reads numbers from the device once an epoch, and no DataLoader cuts batches.

What .item(), float() and bool() of a tensor call is counted: on a GPU each of them waits until
all kernels before it are done.
"""

from functools import partial

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.datasets import load_digits
from skorch import NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn, optim
from torch.utils._python_dispatch import TorchDispatchMode

from skae import AutoencoderTransformer
from skae.estimators.base._lockstep import fit_in_lockstep

DIGITS = load_digits().data[:200].astype(np.float32) / 16
WEIGHT = np.arange(200) % 3 + 1.0
# Whether a fit goes back to its start at PCA, which is one more pass, hangs on the batches.
# Enough to end below the column means: a fit above them also looks at its start again.
PARAMS = {"n_components": 2, "hidden_layer_sizes": (8,), "init": "random", "max_iter": 5}
PARAMS |= {"learning_rate_init": 0.04, "early_stopping": False, "random_state": 0}


class Reads(TorchDispatchMode):
    """Count the numbers that leave tensors."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("call", [torch.Tensor.item, float, bool, lambda t: 1 if t > 0 else 2])
def test_what_is_counted(call):
    tensor = torch.ones(())
    with Reads() as reads:
        tensor.add_(1).mul_(2)
        assert reads.count == 0
        call(tensor)
        assert reads.count == 1


class EachBatch(Callback):
    """Listen to single batches, whose losses must then be read."""

    def on_batch_end(self, net, **kwargs):
        pass


class EachEpoch(Callback):
    """Listen to epochs, whose losses are read anyway."""

    def on_epoch_end(self, net, **kwargs):
        assert np.isfinite(net.history[-1, "train_loss"])


def reads_of_a_fit(X, batch_size, method="fit", **params):
    weight = params.pop("weight", None)
    ae = AutoencoderTransformer(**PARAMS | params, batch_size=batch_size)
    with Reads() as reads:
        getattr(ae, method)(X, sample_weight=weight)
    return reads.count


PATHS = {
    "defaults": {},
    "layer": {"normalization": "layer"},
    "batch": {"normalization": "batch", "dropout": 0.1},
    "held_out": {"early_stopping": True},
    "plateau": {"learning_rate": "plateau"},
    "callback": {"callbacks": [EachEpoch()]},
    "adamw": {"optimizer": "adamw"},
    "sgd": {"optimizer": "sgd", "learning_rate_init": 1e-3},
    "rmsprop": {"optimizer": "rmsprop", "learning_rate_init": 1e-4},
    "poisson": {"loss": "poisson"},
    "log_loss": {"loss": "log_loss"},
    "bfloat16": {"precision": "bfloat16"},
    "tf32": {"precision": "tf32"},
}
EXTRAS = {
    "weights": {"weight": WEIGHT},
    "clipped": {"max_grad_norm": 1.0},
    "penalised": {"alpha": 1e-3, "l1_ratio": 0.5},
}


@pytest.mark.filterwarnings("ignore:max_iter")
@pytest.mark.parametrize(
    "params",
    [*PATHS.values(), *EXTRAS.values(), *(PATHS["layer"] | extra for extra in EXTRAS.values())],
    ids=[*PATHS, *EXTRAS, *(f"layer-{extra}" for extra in EXTRAS)],
)
def test_reads_do_not_grow_with_the_batches(params):
    few, many = (reads_of_a_fit(DIGITS, size, **params) for size in (100, 40))
    assert many == few


@pytest.mark.parametrize("rows", [sparse.csr_array(DIGITS), torch.tensor(DIGITS)], ids=type)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("path", ["defaults", "layer"])
def test_reads_of_other_rows_and_of_partial_fit(path, method, rows):
    with config_context(array_api_dispatch=True):
        few, many = (reads_of_a_fit(rows, size, method, **PATHS[path]) for size in (100, 40))
    assert many == few


def test_reads_of_members_that_are_trained_together():
    def reads(batch_size):
        params = PARAMS | {"batch_size": batch_size}
        members = [AutoencoderTransformer(**params | {"random_state": i}) for i in range(3)]
        with Reads() as found:
            fit_in_lockstep(members, DIGITS, sample_weight=WEIGHT)
        return found.count

    assert reads(40) == reads(100) > 0


def test_reads_grow_with_the_epochs():
    """The count sees what training reads: the loss of each epoch and no more."""
    three, nine = (reads_of_a_fit(DIGITS, 40, max_iter=epochs) for epochs in (3, 9))
    assert nine == three + 6


@pytest.mark.parametrize(
    "params",
    [
        {"callbacks": [EachBatch()]},
        # Torch reads the count of steps of an optimizer that is not fused.
        {"optimizer": partial(optim.Adam, foreach=False), "normalization": "layer"},
    ],
    ids=["callback", "optimizer"],
)
def test_reads_grow_with_the_batches_of_who_listens(params):
    few, many = (reads_of_a_fit(DIGITS, size, **params) for size in (100, 40))
    n_more_batches = PARAMS["max_iter"] * (5 - 2)
    assert many >= few + n_more_batches


# -- no DataLoader ---------------------------------------------------------------------------


@pytest.fixture
def no_loader(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a DataLoader was made")

    monkeypatch.setattr(torch.utils.data.DataLoader, "__init__", refuse)


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
@pytest.mark.parametrize("params", [{}, {"normalization": "layer", "early_stopping": True}])
def test_no_batch_comes_from_a_loader(no_loader, params, extra):
    extra = dict(extra)
    weight = extra.pop("weight", None)
    ae = AutoencoderTransformer(**PARAMS | params | extra, batch_size=50)
    ae.fit(DIGITS, sample_weight=weight).partial_fit(sparse.csr_array(DIGITS))
    ae.partial_fit(iter(np.split(DIGITS, 4)))
    assert ae.inverse_transform(ae.transform(DIGITS)).shape == DIGITS.shape
    assert ae.reconstruct(DIGITS).shape == DIGITS.shape
    assert ae.score(DIGITS, sample_weight=weight) == np.average(
        ae.score_samples(DIGITS), weights=weight
    )


class Line(nn.Module):
    """A network without random weights."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.ones(1))

    def forward(self, X):
        return self.slope * X


def test_skorchs_own_net_needs_a_loader(no_loader):
    net = NeuralNetRegressor(Line, max_epochs=1, train_split=None, verbose=0)
    with pytest.raises(AssertionError, match="a DataLoader was made"):
        net.fit(DIGITS, DIGITS)
