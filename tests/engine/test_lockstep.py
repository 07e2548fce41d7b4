"""Several estimators trained side by side, against the same ones trained apart."""

from itertools import cycle

import numpy as np
import pytest
import torch
from lockstep_cases import (
    DIGITS,
    N_ROWS,
    SMALL,
    WEIGHT,
    assert_same,
    both_ways,
    members_of,
    rows_of,
)
from loss_cases import OF_COUNTS
from scipy import sparse
from sklearn.base import clone
from skorch.callbacks import Callback

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.engine import _lockstep, _training_rows
from skae.estimators.base._lockstep import fit_in_lockstep
from skae.networks import ACTIVATIONS, ConvolutionalNetwork
from skae.objectives import LOSSES, NOISES


class Double(DenoisingAutoencoder):
    """Trains in double precision, where rounding has no time to grow."""

    def _make_net(self, module, *args):
        return super()._make_net(module.double(), *args)


def has_learned(ae):
    return ae.loss_curve_[-1] < 0.99 * ae.loss_curve_[0]


STACKED = {
    "PCA's start": {"init": "pca"},
    "random start": {},
    "linear": {"hidden_layer_sizes": ()},
    "linear from PCA": {"hidden_layer_sizes": (), "init": "pca"},
    "deep": {"hidden_layer_sizes": (20, 10)},
    # 200 rows make seven batches, of which none is smaller by more than one row.
    "uneven batches": {"batch_size": 30},
    "one batch": {"batch_size": N_ROWS, "max_iter": 30},
    "clipped": {"max_grad_norm": 0.05, "learning_rate_init": 0.01},
    "penalised": {"alpha": 1e-3, "l1_ratio": 0.5},
    "held out": {"early_stopping": True, "validation_fraction": 0.2},
    "constant rate": {"learning_rate": "constant", "max_iter": 5},
    "adamw": {"optimizer": "adamw"},
    "sgd": {"optimizer": "sgd", "learning_rate_init": 0.1},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("params", "weight"),
    [*zip(STACKED.values(), cycle([None, WEIGHT]), strict=False), ({}, WEIGHT)],
    ids=[*STACKED, "weighted"],
)
def test_together_is_as_apart(stacks, params, weight):
    together, apart = both_ways(Double, weight=weight, n=2, **{"init": "random"} | params)
    assert stacks == [2]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other, rtol=1e-9)
        assert has_learned(one) or "init" in params
    # The control: another member, with other rows and another seed, is another network.
    with pytest.raises(AssertionError):
        assert_same(together[0], apart[1], rtol=1e-2)


def doubled(x, generator):
    return 2 * x


# Each activation, and with it, by turns, each loss and each noise.
PARTS = [*zip(ACTIVATIONS, cycle(LOSSES), cycle([*NOISES, doubled]), strict=False)]


@pytest.mark.parametrize(("activation", "loss", "noise"), PARTS)
def test_every_activation_loss_and_noise(stacks, activation, loss, noise):
    weight = None if loss == "squared_error" else WEIGHT
    params = {"activation": activation, "loss": loss, "noise": noise, "noise_level": 0.3}
    if loss in OF_COUNTS:
        # Most of their likelihood is the noise of counts, so that it falls by smaller shares.
        params["learning_rate_init"] = 0.03
    X = DIGITS if loss in OF_COUNTS else DIGITS / 16
    pairs = both_ways(DenoisingAutoencoder, X, weight, n=2, init="random", max_iter=15, **params)
    assert stacks == ([] if loss in OF_COUNTS else [2])
    for one, other in zip(*pairs, strict=True):
        assert_same(one, other, rtol=1e-4)
        assert has_learned(one)


def test_nothing_is_left_out():
    activations, losses, noises = map(set, zip(*PARTS, strict=True))
    assert (activations, losses) == (set(ACTIVATIONS), set(LOSSES))
    assert noises == {*NOISES, doubled}


def test_noise_of_one_member_is_not_that_of_another():
    """Members of one seed are equal; another seed of the noise alone makes another member."""
    alike = [DenoisingAutoencoder(**SMALL, init="random", random_state=0) for _ in range(2)]
    fit_in_lockstep(alike, DIGITS[:N_ROWS])
    assert_same(*alike)
    corruptions = [ae.net_.criterion_.corruption.train() for ae in alike]
    x = torch.ones(2, 50, 64)
    first, second = corruptions[0].corrupt_stack(corruptions, x)
    assert torch.equal(first, second)
    corruptions[1].random.generator.manual_seed(5)
    first, second = corruptions[0].corrupt_stack(corruptions, x)
    assert 0.2 < (first != second).double().mean() < 0.6


OTHERS = {
    "variational": (VariationalAutoencoder, {}),
    "adversarial": (AdversarialAutoencoder, {}),
    "sparse": (SparseAutoencoder, {"n_components": 20}),
    "contractive": (ContractiveAutoencoder, {}),
    "images": (
        AutoencoderTransformer,
        {
            "network": ConvolutionalNetwork(image_shape=(8, 8), channels=(4,)),
            "hidden_layer_sizes": (256, 128),
            "max_iter": 2,
        },
    ),
    "dropout": (AutoencoderTransformer, {"dropout": 0.1}),
    "normalised": (AutoencoderTransformer, {"normalization": "batch"}),
    "rmsprop": (AutoencoderTransformer, {"optimizer": "rmsprop"}),
    "bfloat16": (AutoencoderTransformer, {"precision": "bfloat16"}),
}


@pytest.mark.parametrize(("kind", "params"), OTHERS.values(), ids=OTHERS)
def test_what_is_not_stacked_is_trained_all_the_same(stacks, kind, params):
    params = {"max_iter": 2} | params
    pairs = both_ways(kind, n=2, **params)
    assert stacks == []
    for one, other in zip(*pairs, strict=True):
        assert_same(one, other, rtol=0)


class Batches(Callback):
    """Listen to single batches."""

    def __init__(self):
        self.n = 0

    def on_batch_end(self, net, training, **kwargs):
        self.n += training


def test_who_listens_to_batches_hears_all_of_them(stacks):
    heard = [Batches(), Batches()]
    members = members_of(AutoencoderTransformer, 2)
    for member, callback in zip(members, heard, strict=True):
        member.set_params(callbacks=[callback], batch_size=70)
    fit_in_lockstep(members, DIGITS[:N_ROWS])
    assert stacks == []
    assert [callback.n for callback in heard] == [18, 18]


STOPPING = {"init": "random", "learning_rate": "constant", "early_stopping": True}
STOPPING |= {"max_iter": 200, "n_iter_no_change": 2, "tol": 0.02}


def test_members_stop_when_they_would_alone(stacks):
    together, apart = both_ways(AutoencoderTransformer, n=5, **STOPPING)
    epochs = [ae.n_iter_ for ae in together]
    assert len(set(epochs)) > 2
    # A stack is made anew from those that go on; the last one goes alone.
    assert stacks[0] == 5
    assert stacks == sorted({sum(n >= m for n in epochs) for m in epochs} - {1}, reverse=True)
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_members_whose_rates_differ_part(stacks):
    plateau = STOPPING | {"learning_rate": "plateau", "n_iter_no_change": 6, "max_iter": 60}
    together, apart = both_ways(AutoencoderTransformer, n=4, **plateau)
    assert stacks[0] == 4
    assert len(stacks) > 1
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)


def test_only_members_of_one_kind_are_stacked(stacks):
    """Five kinds: pairs that agree in everything but the seed are found among the others."""
    changes = [{}, {"activation": "tanh"}, {"max_iter": 5}, {"hidden_layer_sizes": (9,)}]
    changes += [{"max_grad_norm": 0.5}, {"alpha": 0.1}, {"learning_rate_init": 1e-3}]
    kinds = [SMALL | {"init": "random"} | change for change in changes]
    members = [AutoencoderTransformer(**kind, random_state=s) for s in range(2) for kind in kinds]
    apart = [clone(member) for member in members]
    rows = rows_of(len(members))
    fit_in_lockstep(members, DIGITS, rows)
    # With the fifth epoch `max_iter=5` ends, and nobody else's stack is touched.
    assert stacks == [2] * len(changes)
    for one, other, mine in zip(members, apart, rows, strict=True):
        assert_same(one, other.fit(DIGITS[mine]))


def test_tables_of_different_sizes_go_alone(stacks):
    rows = [np.arange(200 + 50 * i) for i in range(3)]
    together, apart = both_ways(AutoencoderTransformer, rows=rows)
    assert stacks == []
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other, rtol=0)


def test_large_networks_are_stacked_on_a_cpu_as_far_as_the_cache_goes(stacks, monkeypatch):
    module = members_of(AutoencoderTransformer, init="random")[0].fit(DIGITS).net_.module_
    n_values = 4 * sum(p.numel() for p in module.parameters())
    monkeypatch.setattr(_lockstep, "_CACHED", 3 * n_values)
    together, apart = both_ways(AutoencoderTransformer, n=5, init="random")
    assert sorted(stacks) == [2, 3]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other)


class Freeze(Callback):
    """Change something after the second epoch."""

    def __init__(self, decay):
        self.decay = decay

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            net.optimizer_.param_groups[0]["weight_decay"] = self.decay


def test_a_stack_is_made_anew_when_a_callback_changes_its_nets(stacks):
    def members():
        made = members_of(AutoencoderTransformer, 4, init="random")
        for i, one in enumerate(made):
            one.set_params(callbacks=[Freeze((0.1, 0.1, 0.1, 0.5)[i])])
        return made

    together, apart = members(), members()
    fit_in_lockstep(together, DIGITS[:N_ROWS])
    assert stacks == [4, 3]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other.fit(DIGITS[:N_ROWS]))


@pytest.mark.parametrize("form", ["float32", "sparse", "large"])
def test_other_tables(stacks, form, monkeypatch):
    X, rows = DIGITS, rows_of(2)
    if form == "float32":
        X = X.astype(np.float32)
    if form == "sparse":
        X = sparse.csr_matrix(X)
    if form == "large":
        # More cells than are copied without a thought: read batch by batch, by all alike.
        monkeypatch.setattr(_training_rows, "_SMALL", 0)
        monkeypatch.setattr(_training_rows, "_Resident", None)
        X = X.astype(np.float32)
        rows = [np.arange(len(X)), np.arange(len(X))[::-1]]
    params = {"init": "random", "max_iter": 5}
    together, apart = (
        members_of(AutoencoderTransformer, 2, **params),
        members_of(AutoencoderTransformer, 2, **params),
    )
    fit_in_lockstep(together, X, rows)
    assert stacks == [2]
    for one, other, mine in zip(together, apart, rows, strict=True):
        other.fit(X[mine])
        assert_same(one, other)


def test_all_rows_for_all(stacks):
    together, apart = members_of(Double, 2), members_of(Double, 2)
    fit_in_lockstep(together, DIGITS[:N_ROWS], sample_weight=WEIGHT[:N_ROWS])
    assert stacks == [2]
    for one, other in zip(together, apart, strict=True):
        assert_same(one, other.fit(DIGITS[:N_ROWS], sample_weight=WEIGHT[:N_ROWS]))
