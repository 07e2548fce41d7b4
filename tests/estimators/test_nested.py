"""The nested autoencoder: ordered components, and fitted estimators of the first of them."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from fused_cases import AdamByAutograd, is_fused
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from torch import nn

from skae import AutoencoderTransformer, NestedAutoencoder
from skae.networks import DenseNetwork, Network
from skae.objectives._nested_dropout import NestedDropout, first_components, length_probabilities

DIGITS = np.random.default_rng(0).permutation(load_digits().data).astype(np.float32)
TRAIN, TEST = DIGITS[:400], DIGITS[1300:]
# Rows for the fits that learn an order, and for those that hold rows out.
MORE = DIGITS[:600]
SMALL = {"n_components": 5, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
# High enough for few steps to lead away from the start at PCA.
SMALL["learning_rate_init"] = 0.01
# With steps so small, training ends where it starts.
STILL = {"learning_rate_init": 1e-12, "max_iter": 1, "random_state": 0}


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(NestedAutoencoder(**SMALL).fit(TRAIN))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted estimator of the test's own."""
    return pickle.loads(fitted_blob)


def error(ae, X):
    return np.square(ae.reconstruct(X).astype(np.float64) - X).mean()


def error_of_first(ae, k, X):
    """The error of X if the decoder sees only the first codes of any autoencoder."""
    codes = ae.transform(X)
    module = ae.net_.module_
    nothing = -module.code_mean / module.code_scale
    codes[:, k:] = nothing.numpy()[k:]
    return np.square(ae.inverse_transform(codes) - X).mean()


# -- nested dropout --------------------------------------------------------------------------


def make_term(n_components, seed=0):
    term = NestedDropout(n_components)
    term.random.generator = torch.Generator().manual_seed(seed)
    return term


def test_the_first_components_stay_as_they_are():
    codes = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0)) + 3
    kept, penalties = make_term(6)(None, codes)
    assert penalties == {}
    lengths = (kept != 0).sum(dim=1)
    assert_array_equal(kept, first_components(codes, lengths[:, None]))
    found = lengths.bincount(minlength=7) / len(codes)
    assert_allclose(found[1:], length_probabilities(6), atol=0.02)


@pytest.mark.parametrize("n_components", [2, 7, 400])
def test_any_width_keeps_its_last_component_half_as_often_as_its_first(n_components):
    probabilities = length_probabilities(n_components)
    assert_allclose(probabilities.sum(), 1, rtol=1e-6)
    assert_allclose(probabilities[-1], probabilities[0] / 2, rtol=1e-5)
    assert_array_equal(length_probabilities(1), [1.0])


def test_lengths_are_fresh_in_training_and_the_same_in_every_measurement():
    codes = torch.ones(200, 6)
    term = make_term(6)
    assert not torch.equal(term(None, codes)[0], term(None, codes)[0])
    assert torch.equal(make_term(6)(None, codes)[0], make_term(6)(None, codes)[0])
    measured = [make_term(6, seed).eval()(None, codes)[0] for seed in (0, 1)]
    assert torch.equal(*measured)


# -- the order -------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden_layer_sizes", [(), (16,)])
def test_training_starts_at_pca_with_any_number_of_components(hidden_layer_sizes):
    X = TRAIN.astype(np.float64)
    ae = NestedAutoencoder(6, hidden_layer_sizes=hidden_layer_sizes, **STILL).fit(X)
    pca = PCA(6).fit(X)
    for k in range(1, 7):
        few = PCA(k).fit(X)
        expected = few.inverse_transform(few.transform(TEST))
        assert_allclose(ae.truncate(k).reconstruct(TEST), expected, atol=2e-3)
    assert_allclose(ae.explained_variance_ratio_, pca.explained_variance_ratio_, atol=1e-5)
    codes = pca.transform(X) / pca.transform(X).std(axis=0)
    assert_allclose(np.abs((ae.transform(X) * codes).mean(axis=0)), 1, atol=1e-4)


def test_the_linear_one_learns_the_order_of_pca():
    # From a random start: the plain one finds the same plane, but no axes in it.
    X = MORE[:500, 20:44]
    params = {"hidden_layer_sizes": (), "init": "random", "max_iter": 100, "random_state": 0}
    params |= {"learning_rate_init": 0.01, "early_stopping": False}
    pca = PCA(4).fit(X)

    def agreement(ae):
        codes = ae.fit(X).transform(X)
        return np.abs(np.corrcoef(codes.T, pca.transform(X).T)[:4, 4:].diagonal())

    nested = NestedAutoencoder(4, **params)
    assert agreement(nested).min() > 0.98
    assert agreement(AutoencoderTransformer(4, **params)).min() < 0.9
    assert_allclose(
        nested.explained_variance_ratio_, pca.explained_variance_ratio_, rtol=0.1, atol=2e-3
    )


def test_its_first_components_do_nearly_as_well_as_a_net_trained_for_them_alone():
    # Trained to the end: a net for all widths learns more slowly than one for a single width.
    X = MORE
    params = {"hidden_layer_sizes": (64, 32), "max_iter": 60, "learning_rate_init": 0.01}
    params |= {"early_stopping": False, "random_state": 0}
    alone = {k: AutoencoderTransformer(k, **params).fit(X) for k in (2, 4)}
    errors = {k: error(ae, TEST) for k, ae in alone.items()}
    nested = NestedAutoencoder(4, **params).fit(X)
    for k, error_alone in errors.items():
        pca = PCA(k).fit(X)
        of_pca = np.square(pca.inverse_transform(pca.transform(TEST)) - TEST).mean()
        # Nearer to the net for k components than to PCA.
        assert error(nested.truncate(k), TEST) < (error_alone + of_pca) / 2
    # The control: a code that nothing ordered, cut in the same way.
    assert error_of_first(alone[4], 2, TEST) > 1.5 * error(nested.truncate(2), TEST)


@pytest.mark.parametrize("weighted", [False, True])
def test_explained_variance_adds_up_to_r2(weighted):
    X = MORE.astype(np.float64)
    weight = np.random.default_rng(0).uniform(0, 2, len(X)) if weighted else None
    params = {"hidden_layer_sizes": (64,), "max_iter": 40, "random_state": 0, "init": "random"}
    ae = NestedAutoencoder(8, **params).fit(X, sample_weight=weight)
    shares = ae.explained_variance_ratio_
    assert shares.shape == (8,)
    assert shares.dtype == np.float64
    mean = np.average(X, axis=0, weights=weight)
    variance = np.average(np.square(X - mean).mean(axis=1), weights=weight)
    assert_allclose(shares.sum(), 1 + ae.score(X, sample_weight=weight) / variance, atol=1e-5)
    for k in (1, 3):
        score = ae.truncate(k).score(X, sample_weight=weight)
        assert_allclose(shares[:k].sum(), 1 + score / variance, atol=1e-5)
    # It falls, up to what a later component gains by making more of an earlier one.
    assert np.diff(shares).max() < 0.02
    assert shares[0] > 4 * shares[-1] > 0
    # The control: without nested dropout nothing orders them.
    plain = AutoencoderTransformer(8, **params).fit(X)
    errors = np.array([variance, *(error_of_first(plain, k, X) for k in range(1, 9))])
    assert np.diff(-np.diff(errors) / variance).max() > 0.05


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_loss", "poisson"])
def test_for_other_losses_it_is_the_share_of_the_loss_of_the_mean_row(loss):
    X = TRAIN[:, (TRAIN > 0).mean(axis=0) > 0.3].astype(np.float64) / 16
    ae = NestedAutoencoder(**SMALL | {"loss": loss}).fit(X)
    objective = ae.net_.criterion_
    rows = torch.as_tensor((X - ae.mean_) / ae.scale_)
    mean = rows.mean(dim=0).expand_as(rows)
    (head,) = objective.heads
    raw = mean if head.loss.link is None else head.loss.link(mean)
    of_mean = float(objective.row_losses(raw, rows).mean()) * ae._loss_unit()
    assert_allclose(ae.explained_variance_ratio_.sum(), 1 + ae.score(X) / of_mean, atol=1e-5)


def test_constant_rows_have_nothing_to_explain():
    ae = NestedAutoencoder(2, hidden_layer_sizes=(3,), max_iter=2).fit(np.full((60, 4), 3.0))
    assert_array_equal(ae.explained_variance_ratio_, [0, 0])


# -- truncation ------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_truncated_one_is_the_first_components_of_the_whole(fitted, k):
    small = fitted.truncate(k)
    assert isinstance(small, NestedAutoencoder)
    assert small.n_components == small.n_components_ == k
    codes = small.transform(TEST)
    assert codes.shape == (len(TEST), k)
    assert_allclose(codes, fitted.transform(TEST)[:, :k], atol=1e-5)
    assert_allclose(error(small, TEST), error_of_first(fitted, k, TEST), rtol=1e-5)
    assert_array_equal(small.explained_variance_ratio_, fitted.explained_variance_ratio_[:k])
    assert list(small.get_feature_names_out()) == [f"nestedautoencoder{i}" for i in range(k)]
    assert small.sample(7, random_state=0).shape == (7, 64)
    assert np.isfinite(small.score_samples(TEST)).all()
    if k == 5:
        assert small.loss_ == fitted.loss_


def test_the_loss_is_the_mean_over_what_may_be_drawn(fitted):
    for ae in (fitted, fitted.truncate(3)):
        errors = [error(ae.truncate(k), TRAIN) for k in range(1, ae.n_components_ + 1)]
        expected = length_probabilities(ae.n_components_).numpy() @ errors
        assert_allclose(ae.loss_, expected, rtol=1e-5)
        # What was drawn in training comes to about the same.
        assert ae is not fitted or abs(ae.loss_curve_[-1] / expected - 1) < 0.05
    penalised = NestedAutoencoder(**SMALL, alpha=0.1).fit(TRAIN)
    unpenalised = clone(penalised).set_params(alpha=0).fit(TRAIN)
    assert penalised.loss_ > 1.5 * unpenalised.loss_


def test_a_truncated_one_has_a_life_of_its_own(fitted):
    before = fitted.transform(TEST)
    small = fitted.truncate(2)
    same = pickle.loads(pickle.dumps(small))
    assert_array_equal(same.transform(TEST), small.transform(TEST))
    codes = small.transform(TEST)
    for ae in (small, same):
        ae.partial_fit(TRAIN).set_params(warm_start=True, random_state=0).fit(TRAIN)
    assert_array_equal(same.transform(TEST), small.transform(TEST))
    assert not np.allclose(small.transform(TEST), codes)
    assert len(small.explained_variance_ratio_) == 2
    small.mean_[:] = 0
    assert_array_equal(fitted.transform(TEST), before)
    # What is fitted anew is a net for as many components.
    anew = clone(fitted.truncate(2)).fit(TRAIN)
    control = clone(fitted).set_params(n_components=2).fit(TRAIN)
    assert_array_equal(anew.transform(TEST), control.transform(TEST))


def test_a_truncated_stream_goes_on(fitted):
    stream = NestedAutoencoder(**SMALL).partial_fit(TRAIN[:200])
    small = stream.truncate(2).partial_fit(TRAIN[200:])
    codes = small.transform(TRAIN)
    # The moments of all rows so far, with the weights that made them.
    assert_allclose(codes.mean(axis=0), 0, atol=0.2)
    assert_allclose(codes.std(axis=0), 1, atol=0.2)
    assert small.n_iter_ == 2
    assert stream.n_iter_ == 1


@pytest.mark.parametrize(
    "params",
    [
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": (5, 5)},
        {"hidden_layer_sizes": (64, 10), "init": "random"},
        {"normalization": "batch", "dropout": 0.1},
        {"loss": "poisson", "normalization": "layer"},
        {"precision": "bfloat16", "n_components": 70},
        {"network": DenseNetwork((12,), activation="relu"), "hidden_layer_sizes": (256, 128)},
    ],
    ids=str,
)
def test_any_dense_network_can_be_truncated(params):
    ae = NestedAutoencoder(**SMALL | params).fit(TRAIN)
    for k in {1, 3, ae.n_components_ - 1}:
        small = ae.truncate(k)
        assert_allclose(small.transform(TEST), ae.transform(TEST)[:, :k], atol=1e-5)
        assert_allclose(error(small, TEST), error_of_first(ae, k, TEST), rtol=1e-4)


@dataclass
class WidthFollowsCode(Network):
    """A network whose hidden layer is as wide as its code."""

    def build_encoder(self, n_features, n_outputs, generator):
        return DenseNetwork((n_outputs,)).build_encoder(n_features, n_outputs, generator)

    def build_decoder(self, n_components, n_features, generator):
        return DenseNetwork((16,)).build_decoder(n_components, n_features, generator)


@dataclass
class NormsTheCode(DenseNetwork):
    """A network whose codes depend on all others."""

    def build_encoder(self, n_features, n_outputs, generator):
        encoder = super().build_encoder(n_features, n_outputs, generator)
        return nn.Sequential(*encoder, nn.LayerNorm(n_outputs))


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (WidthFollowsCode(), "it answers otherwise"),
        (NormsTheCode((16,)), "it answers otherwise"),
        (NormsTheCode((5, 5)), "it answers otherwise"),
    ],
)
def test_a_network_that_is_no_stack_of_codes_is_not_truncated(network, reason):
    params = SMALL | {"network": network, "hidden_layer_sizes": (256, 128), "init": "random"}
    ae = NestedAutoencoder(**params).fit(TRAIN)
    with pytest.raises(ValueError, match=f"cannot be truncated: {reason}"):
        ae.truncate(2)


@pytest.mark.parametrize("k", [0, -1, 6])
def test_a_width_out_of_range(fitted, k):
    with pytest.raises(ValueError, match=f"n_components == {k}, must be"):
        fitted.truncate(k)


@pytest.mark.parametrize("k", [2.0, "2", None, 0.5])
def test_a_width_that_is_no_integer(fitted, k):
    with pytest.raises(TypeError, match="n_components must be an instance of"):
        fitted.truncate(k)
    with pytest.raises(NotFittedError):
        NestedAutoencoder().truncate(1)


def test_numpys_integers_are_integers(fitted):
    assert type(fitted.truncate(np.int64(2)).n_components_) is int


# -- training --------------------------------------------------------------------------------


def test_the_fused_step_drops_what_autograd_drops():
    fits = [
        NestedAutoencoder(optimizer=optimizer, **SMALL | {"max_iter": 8}).fit(MORE)
        for optimizer in ("adam", lambda p, lr: AdamByAutograd(p, lr=lr, eps=1e-6))
    ]
    assert [is_fused(ae) for ae in fits] == [True, False]
    assert_allclose(fits[0].loss_curve_, fits[1].loss_curve_, rtol=1e-3)
    assert_allclose(fits[0].validation_loss_curve_, fits[1].validation_loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("to_input", [sparse.csr_array, torch.from_numpy])
def test_other_containers_give_the_same(to_input):
    params = SMALL | {"learning_rate_init": 2e-3}
    fitted, other = (NestedAutoencoder(**params).fit(X) for X in (TRAIN, to_input(TRAIN.copy())))
    assert_allclose(other.transform(TEST), fitted.transform(TEST), atol=0.03)
    assert_allclose(other.explained_variance_ratio_, fitted.explained_variance_ratio_, atol=1e-4)


def test_fitted_on_tensors_it_is_truncated_to_tensors():
    with config_context(array_api_dispatch=True):
        ae = NestedAutoencoder(**SMALL).fit(torch.from_numpy(TRAIN.copy()))
        small = ae.truncate(2)
        for one in (ae, small):
            assert isinstance(one.explained_variance_ratio_, torch.Tensor)
            assert isinstance(one.mean_, torch.Tensor)
        assert small.transform(torch.from_numpy(TEST.copy())).shape == (len(TEST), 2)


def test_one_seed_gives_the_same_bits(fitted):
    again = NestedAutoencoder(**SMALL).fit(TRAIN)
    assert_array_equal(again.transform(TEST), fitted.transform(TEST))
    assert_array_equal(again.explained_variance_ratio_, fitted.explained_variance_ratio_)
    assert_array_equal(fitted.transform(TEST[:1]), fitted.transform(TEST)[:1])


def test_codes_leave_standardised(fitted):
    codes = fitted.transform(TRAIN)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    assert_allclose(codes.std(axis=0), 1, atol=1e-4)
