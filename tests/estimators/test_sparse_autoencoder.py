"""The sparse autoencoder: codes that are sparse, units that live, each against its control."""

from functools import partial

import numpy as np
import pytest
from fused_cases import AdamByAutograd, is_fused
from numpy.testing import assert_allclose, assert_array_equal
from sparse_cases import PENALTIES, SMALL, TEST, TRAIN, error_of, fitted, n_active, small
from torch import nn, optim

from skae import SparseAutoencoder
from skae.networks import DenseNetwork
from skae.objectives import LOSSES


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_fit_is_the_same_with_and_without_the_fused_step(penalty):
    fits = [
        SparseAutoencoder(
            penalty=penalty, optimizer=optimizer, batch_size=400, **SMALL | {"max_iter": 15}
        ).fit(TRAIN[:400].astype(np.float64))
        for optimizer in (partial(optim.Adam, eps=1e-6), partial(AdamByAutograd, eps=1e-6))
    ]
    assert [is_fused(ae) for ae in fits] == [True, False]
    assert_allclose(fits[0].loss_curve_, fits[1].loss_curve_, rtol=1e-6)


# -- what each penalty is for, against its control ---------------------------------------------


def test_kl_brings_the_mean_activation_to_its_target():
    for target in (0.05, 0.3):
        ae = fitted("kl") if target == 0.05 else fitted("kl", target_activation=target)
        assert np.abs(ae.mean_activation_ - target).max() < 0.02
        assert np.abs(ae.transform(TEST).mean(axis=0) - target).max() < 0.04
        assert ae.dead_fraction_ == 0
    off = fitted("kl", penalty_strength=0, max_iter=40)
    assert np.abs(off.mean_activation_ - 0.05).max() > 0.2
    assert off.mean_activation_.mean() > 0.15


@pytest.mark.parametrize(
    ("params", "target"),
    [
        ({"max_iter": 20}, 0.2),
        ({"max_iter": 20, "batch_size": 500}, 0.05),
        ({"max_iter": 5}, 0.05),
        ({"max_iter": 5}, 0.2),
    ],
    ids=str,
)
def test_the_strength_of_kl_adapts_until_all_means_are_at_their_target(params, target):
    weight = np.arange(len(TRAIN)) % 3 + 1.0
    params = {"penalty": "kl", "target_activation": target, "random_state": 0} | params
    ae = SparseAutoencoder(16, **params).fit(TRAIN, sample_weight=weight)
    means = np.average(ae.transform(TRAIN), axis=0, weights=weight)
    assert_allclose(means, target, atol=0.002)
    assert_allclose(ae.mean_activation_, means, atol=1e-5)


def test_a_strength_in_numbers_is_a_fixed_factor():
    # The control of the test above: 16 units are worth more than a factor of 10 charges.
    ae = fitted("kl", n_components=16, penalty_strength=10)
    assert ae.mean_activation_.mean() > 0.08
    assert not ae.net_.criterion_.code_term.multipliers.any()


def test_units_that_saturate_on_wide_rows_are_brought_back():
    rng = np.random.default_rng(0)
    X = np.tanh(rng.normal(size=(600, 30))) @ rng.normal(size=(30, 2000))
    X = (X + rng.normal(size=X.shape)).astype(np.float32)
    params = {"penalty": "kl", "max_iter": 20, "random_state": 0}
    ae = SparseAutoencoder(16, **params).fit(X)
    assert np.abs(ae.mean_activation_ - 0.05).max() < 0.02
    assert -ae.score(X) < X.var(axis=0).mean()


def test_training_goes_on_with_another_kind_of_strength():
    ae = SparseAutoencoder(16, penalty="kl", max_iter=5, random_state=0).fit(TRAIN)
    multipliers = ae.net_.criterion_.code_term.multipliers.clone()
    assert multipliers.any()
    ae.set_params(penalty_strength=1.0).partial_fit(TRAIN)
    assert_array_equal(ae.net_.criterion_.code_term.multipliers, multipliers)
    ae.set_params(penalty_strength="auto").partial_fit(TRAIN)
    assert not np.array_equal(ae.net_.criterion_.code_term.multipliers, multipliers)


@pytest.mark.parametrize("hidden_layer_sizes", [(), (64,)])
def test_top_k_keeps_at_most_k_values_in_a_new_row(hidden_layer_sizes):
    for k in (1, 8, 20):
        params = {"n_nonzero_coefs": k, "hidden_layer_sizes": hidden_layer_sizes}
        ae = SparseAutoencoder(random_state=0, max_iter=5, **params).fit(TRAIN)
        codes = ae.transform(TEST)
        assert n_active(codes).max() == k
        assert codes.min() == 0
    # The control: no k keeps the positive half of the units.
    off = SparseAutoencoder(n_nonzero_coefs=128, random_state=0, max_iter=5).fit(TRAIN)
    assert n_active(off.transform(TEST)).mean() > 40


def test_batch_top_k_keeps_k_values_on_average():
    ae = fitted("batch_top_k")
    active = n_active(ae.transform(TRAIN))
    assert_allclose(active.mean(), 8, rtol=0.1)
    assert active.min() < 6
    assert active.max() > 12
    assert error_of(ae) < error_of(fitted("top_k"))


def without_turns(monkeypatch):
    monkeypatch.setattr("skae.objectives._sparsity._MAX_DOUBLINGS", 0)


@pytest.mark.parametrize("penalty", ["top_k", "batch_top_k"])
def test_units_that_are_not_chosen_are_revived(penalty, monkeypatch):
    params = {"penalty": penalty, "n_nonzero_coefs": 8, "n_components": 256, "random_state": 0}
    ae = SparseAutoencoder(**params, max_iter=60).fit(TRAIN)
    without_turns(monkeypatch)
    control = SparseAutoencoder(**params, max_iter=60).fit(TRAIN)
    assert ae.dead_fraction_ < 0.25 * control.dead_fraction_
    # Nor does it cost reconstruction.
    assert error_of(ae) < 1.02 * error_of(control)


def test_fewer_units_are_active_the_stronger_the_l1_penalty():
    active, errors, zeros = [], [], []
    for strength in (0, "auto", 3):
        ae = fitted("l1") if strength == "auto" else fitted("l1", penalty_strength=strength)
        codes = ae.transform(TEST)
        active.append(n_active(codes).mean())
        errors.append(error_of(ae))
        zeros.append((codes == 0).mean())
    assert (np.diff(active) < -1).all()
    assert (np.diff(errors) > 0).all()
    assert zeros[-1] > 0.8
    assert zeros[0] < 0.5


def test_the_l1_penalty_cannot_be_dodged_by_a_larger_decoder():
    # Its value is that of the codes and columns at the end, the decoder's part included.
    ae = fitted("l1")
    columns = ae.net_.module_.dictionary.detach().numpy()
    written = ae.transform(TRAIN) * np.linalg.norm(columns, axis=0)
    # On its own terms: less is written than without, and most of it in fewer units.
    off = fitted("l1", penalty_strength=0)
    columns_off = off.net_.module_.dictionary.detach().numpy()
    written_off = off.transform(TRAIN) * np.linalg.norm(columns_off, axis=0)
    assert written.sum() < 0.5 * written_off.sum()
    penalty = written.sum(axis=1).mean() / TRAIN.shape[1]
    loss = -ae.score(TRAIN) / ae.scale_**2
    assert_allclose(ae.loss_ / ae.scale_**2, loss + penalty, rtol=1e-4)


def test_columns_have_unit_norm_for_top_k_only():
    for penalty in PENALTIES:
        norms = small(penalty).net_.module_.dictionary.detach().norm(dim=0)
        close = np.allclose(norms, 1, atol=1e-5)
        assert close == (penalty in ("top_k", "batch_top_k"))


def test_parts_that_made_the_rows_are_found():
    # Rows put together of few of forty parts: the units are the parts, PCA's are not.
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(40, 20))
    parts /= np.linalg.norm(parts, axis=1, keepdims=True)
    weights = rng.uniform(1, 2, size=(800, 40)) * (rng.uniform(size=(800, 40)) < 0.05)
    X = weights @ parts

    def found(directions):
        directions = directions / np.linalg.norm(directions, axis=0)
        return ((parts @ directions).max(axis=1) > 0.9).mean()

    params = {"max_iter": 50, "random_state": 0}
    ae = SparseAutoencoder(40, n_nonzero_coefs=3, **params).fit(X)
    assert found(ae.net_.module_.dictionary.detach().numpy()) > 0.8
    dense = SparseAutoencoder(40, n_nonzero_coefs=40, **params).fit(X)
    assert found(dense.net_.module_.dictionary.detach().numpy()) < 0.5


# -- what is known of a fit --------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_mean_activation_and_dead_fraction_are_those_of_the_codes(penalty, weighted):
    weight = np.arange(len(TRAIN)) % 3 + 1.0 if weighted else None
    ae = SparseAutoencoder(penalty=penalty, **SMALL).fit(TRAIN, sample_weight=weight)
    codes = ae.transform(TRAIN).astype(np.float64)
    assert_allclose(ae.mean_activation_, np.average(codes, axis=0, weights=weight), rtol=1e-4)
    assert ae.dead_fraction_ == (codes == codes[0]).all(axis=0).mean()


def test_units_that_the_penalty_silenced_count_as_dead():
    X = TRAIN / 16
    ae = SparseAutoencoder(penalty="l1", loss="log_loss", max_iter=20, random_state=0).fit(X)
    silent = (ae.transform(X) == 0).all(axis=0)
    assert 0 < ae.dead_fraction_ == silent.mean()
    assert_array_equal(ae.mean_activation_[silent], 0)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_decoder_sees_the_codes_that_leave(penalty):
    ae = small(penalty)
    # Once before anything is watched, as the first call also looks at the BLAS.
    ae.reconstruct(TEST[:1])
    seen = []
    ae.net_.module_.decoder.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    ae.reconstruct(TEST[:1])
    assert_array_equal(seen[0][:1], ae.transform(TEST[:1]))
    assert_allclose(ae.inverse_transform(ae.transform(TEST)), ae.reconstruct(TEST), atol=1e-4)


def test_auto_sizes():
    ae = SparseAutoencoder(max_iter=1, random_state=0).fit(TRAIN)
    assert ae.n_components_ == 128
    assert ae.net_.module_.latent.k == 8
    narrow = SparseAutoencoder(3, max_iter=1, random_state=0).fit(TRAIN)
    assert narrow.net_.module_.latent.k == 3


# -- other networks and losses -----------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_loss_learns(penalty, loss):
    X = (TRAIN / 16 if loss == "log_loss" else TRAIN)[:300]
    params = {"penalty": penalty, "loss": loss, "penalty_strength": 0.1, "random_state": 0}
    one, more = (SparseAutoencoder(16, max_iter=n, **params).fit(X) for n in (1, 8))
    assert more.score(X) > 0.9 * one.score(X)


class Odd(DenseNetwork):
    """A network whose decoder does not begin with a linear layer."""

    def build_decoder(self, n_components, n_features, generator):
        decoder = super().build_decoder(n_components, n_features, generator)
        return nn.Sequential(nn.Tanh(), decoder)


def test_a_network_without_a_dictionary():
    network = Odd((16,))
    for penalty in ("top_k", "batch_top_k", "kl"):
        ae = SparseAutoencoder(penalty=penalty, network=network, **SMALL).fit(TRAIN)
        assert ae.transform(TEST).shape == (len(TEST), 24)
    with pytest.raises(ValueError, match=r"penalty='l1' weighs .* network=Odd"):
        SparseAutoencoder(penalty="l1", network=network, **SMALL).fit(TRAIN)
