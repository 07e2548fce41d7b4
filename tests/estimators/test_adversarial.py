"""The adversarial autoencoder: codes that follow the prior, and a second optimizer."""

from functools import cache

import numpy as np
import pytest
import torch
from adversarial_cases import (
    MIDDLE,
    MORE,
    SMALL,
    TEST,
    TRAIN,
    discriminator,
    draw,
    fit,
    fitted,
    state,
    weights,
)
from numpy.testing import assert_allclose, assert_array_equal
from schedule_cases import OF_VARIANTS
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skae import AdversarialAutoencoder, AutoencoderTransformer
from skae.engine import load_net_state, net_to_state
from skae.objectives._priors import PRIORS

# -- priors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 8, 40])
@pytest.mark.parametrize("prior", PRIORS)
def test_priors_have_zero_mean_and_unit_variance(prior, n_components):
    codes = draw(prior, n_components)
    assert codes.shape == (20_000, n_components)
    assert_allclose(codes.mean(axis=0), 0, atol=0.05)
    assert_allclose(codes.std(axis=0), 1, atol=0.05)
    assert_array_equal(draw(prior, n_components), codes)
    assert not np.array_equal(draw(prior, n_components, seed=1), codes)


def test_the_shapes_of_the_priors():
    assert abs(draw("uniform", 3)).max() <= 3**0.5
    assert abs(draw("normal", 3)).max() > 3
    for n_components in (2, 8):
        means = PRIORS["mixture"](n_components).means.numpy()
        codes = draw("mixture", n_components, 5000)
        distances = np.linalg.norm(codes[:, None] - means, axis=2)
        # Ten clusters, each with a tenth of the codes, all of them near its mean.
        counts = np.bincount(distances.argmin(axis=1), minlength=10)
        assert len(counts) == 10
        assert_allclose(counts, 500, rtol=0.25)
        assert np.median(distances.min(axis=1)) < 0.5 * np.median(distances)
        apart = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(10, 1)]
        assert apart.min() > 2 * 0.3


# -- codes -----------------------------------------------------------------------------------


def told_apart(codes, drawn):
    """Cross-validated accuracy of a classifier on codes and as many draws."""
    table = np.r_[codes, drawn]
    label = np.repeat([0, 1], [len(codes), len(drawn)])
    order = np.random.default_rng(0).permutation(len(table))
    return cross_val_score(KNeighborsClassifier(10), table[order], label[order], cv=3).mean()


@cache
def with_adversary(prior):
    # One of them trains on float32, the others on float64.
    rows = MORE.astype(np.float32) if prior == "normal" else MORE
    return fit(rows, base=MIDDLE, prior=prior)


@pytest.fixture(scope="module")
def without_adversary():
    return fit(MORE, base=MIDDLE, adversarial_weight=0)


# The third, uniform, is trained towards in the tests of targets.
@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_codes_are_hard_to_tell_from_the_prior(prior, without_adversary):
    # Without weight the prior changes nothing of the codes, so one control serves all.
    ae = with_adversary(prior)
    codes, control = ae.transform(TEST), without_adversary.transform(TEST)
    drawn = draw(prior, 4, len(TEST))
    share = told_apart(codes, drawn)
    # Clusters are harder to meet. Without the charge for means and variances 0.69 to 0.71 of such
    # codes were told apart, and their deviations went down to 0.76.
    assert share < (0.75 if prior == "mixture" else 0.7)
    assert told_apart(control, drawn) > share + 0.2
    # Nor is it a matter of scale: the same net without the adversary, standardised.
    standard = (control - control.mean(axis=0)) / control.std(axis=0)
    assert told_apart(standard, drawn) > share + 0.03
    assert_allclose(codes.std(axis=0), 1, atol=0.2)
    assert_allclose(codes.mean(axis=0), 0, atol=0.25)
    # The price is paid in reconstruction.
    assert 1 < ae.score(TEST) / without_adversary.score(TEST) < 1.35


@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_codes_have_the_scale_of_the_prior(prior, without_adversary):
    codes = with_adversary(prior).transform(MORE)
    assert_allclose(codes.std(axis=0), 1, atol=0.15)
    assert_allclose(codes.mean(axis=0), 0, atol=0.15)
    assert without_adversary.transform(MORE).std(axis=0).max() > 1.3


def test_files_without_multipliers_go_on_from_zero():
    ae = fitted()
    assert ae.net_.criterion_.code_term.multipliers.any()
    kept = net_to_state(ae.net_)
    del kept["objective"]["code_term.multipliers"]
    other = fitted(random_state=1)
    load_net_state(other.net_, kept)
    assert torch.equal(weights(discriminator(other)), weights(discriminator(ae)))
    assert not other.net_.criterion_.code_term.multipliers.any()
    del kept["objective"]["code_term.discriminator.0.weight"]
    with pytest.raises(ValueError, match="objective are of another network"):
        load_net_state(other.net_, kept)


def test_without_weight_it_is_the_plain_autoencoder_in_another_scale():
    params = SMALL | {"early_stopping": False}
    plain = {k: v for k, v in params.items() if k != "discriminator_layer_sizes"}
    ae = fit(adversarial_weight=0, base=params, init="random")
    expected = AutoencoderTransformer(**OF_VARIANTS | plain, init="random").fit(TRAIN)
    assert_allclose(ae.reconstruct(TEST), expected.reconstruct(TEST), rtol=1e-4, atol=1e-4)
    assert not np.allclose(fit(base=params, init="random").reconstruct(TEST), ae.reconstruct(TEST))


def test_the_discriminator_is_at_a_loss(without_adversary):
    ae, control = with_adversary("normal"), without_adversary
    losses = ae.net_.history[:, "discriminator_loss"]
    assert len(losses) == 24
    # log 2 is the loss of one that sees nothing.
    assert 0.4 < losses[-1] < 0.75
    assert control.net_.history[-1, "discriminator_loss"] < 0.5 * np.log(2)


def test_samples_are_decoded_draws_of_the_prior():
    for prior in PRIORS:
        ae = fitted(prior=prior)
        seed = int(np.random.RandomState(3).randint(2**31 - 1))
        codes = draw(prior, 3, 40, seed).astype(float)
        assert_array_equal(ae.sample(40, random_state=3), ae.inverse_transform(codes))


# -- rows that weigh -------------------------------------------------------------------------


def test_the_weights_of_rows_count_for_codes_too():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(200, 5)), 6 + rng.normal(size=(200, 5))]
    weight = np.repeat([1.0, 1e-6], 200)
    params = {"n_components": 2, "max_iter": 15, "learning_rate_init": 4e-3}
    params["adversarial_weight"] = 1.0
    ae, even = fit(X, weight, **params), fit(X, **params)
    # The prior is filled by the rows that count: their codes are its, not a half of it.
    assert_allclose(ae.transform(X[:200]).std(axis=0), 1, atol=0.25)
    assert_allclose(ae.transform(X[:200]).mean(axis=0), 0, atol=0.25)
    assert abs(even.transform(X[:200]).mean(axis=0)).max() > 0.4
    assert_array_equal(fit(X, np.repeat([1.0, 0], 200)).transform(X), fit(X[:200]).transform(X))


# -- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"prior": "cauchy"},
        {"prior": None},
        {"adversarial_weight": -0.1},
        {"adversarial_weight": "much"},
        {"discriminator_layer_sizes": "wide"},
    ],
    ids=str,
)
def test_bad_parameters(params):
    (name,) = params
    ae = AdversarialAutoencoder(**SMALL | params)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of AdversarialAutoencoder"):
        ae.fit(TRAIN)
    assert not hasattr(ae, "net_")


# -- as any estimator ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["transform", "reconstruct", "score_samples"])
def test_a_row_alone_gives_the_bits_it_gives_in_a_table(method, dtype):
    ae, X = fitted(), TEST[:40].astype(dtype)
    together = getattr(ae, method)(X)
    alone = np.concatenate([getattr(ae, method)(X[i : i + 1]) for i in range(len(X))])
    assert_array_equal(alone, together)
    assert together.dtype == (np.float64 if method == "score_samples" else dtype)


@pytest.mark.parametrize("params", [{}, {"precision": "bfloat16", "early_stopping": True}], ids=str)
def test_fits_are_the_same_to_the_bit(params):
    X = TRAIN[:200]
    fits = [fit(data, **params) for data in (X, X, torch.tensor(X))]
    for other in fits[1:]:
        assert_array_equal(other.transform(TEST), fits[0].transform(TEST))
        assert other.loss_curve_ == fits[0].loss_curve_
    assert not np.array_equal(fit(X, random_state=1).transform(TEST), fits[0].transform(TEST))
    on_sparse = fit(sparse.csr_array(X), **params)
    assert_allclose(on_sparse.transform(TEST), fits[0].transform(TEST), atol=0.02)
    assert_array_equal(fits[0].transform(sparse.csr_array(TEST)), fits[0].transform(TEST))


def test_short_products_learn_as_much():
    exact, short = (fit(precision=p, max_iter=5) for p in ("float32", "bfloat16"))
    assert_allclose(short.loss_curve_, exact.loss_curve_, rtol=0.02)
    losses = [ae.net_.history[:, "discriminator_loss"] for ae in (exact, short)]
    assert_allclose(*losses, rtol=0.05)
    assert not torch.equal(weights(discriminator(short)), weights(discriminator(exact)))


def test_what_is_measured_is_reconstruction():
    ae = fit(early_stopping=True)
    assert_allclose(ae.loss_, -ae.score(TRAIN), rtol=1e-4)
    assert set(ae.net_.history[-1]) >= {"train_adversarial", "discriminator_loss"}
    assert "valid_adversarial" not in ae.net_.history[-1]
    last = ae.net_.history[-1]
    assert_allclose(last["train_loss"], last["train_reconstruction"] + last["train_adversarial"])
    assert_allclose(last["valid_loss"], last["valid_reconstruction"])
    assert last["train_adversarial"] > 0.01


def test_a_clone_has_the_parameters_and_nothing_else():
    ae = fit(prior="uniform", adversarial_weight=0.3, discriminator_layer_sizes=5)
    copied = clone(ae)
    assert copied.get_params() == ae.get_params()
    assert not hasattr(copied, "net_")
    assert_array_equal(copied.fit(TRAIN).transform(TEST), ae.transform(TEST))


def test_a_stream_of_chunks_is_learned():
    whole, stream = (AdversarialAutoencoder(**SMALL | {"batch_size": 50}) for _ in range(2))
    for chunk in np.array_split(TRAIN, 4):
        whole.partial_fit(chunk)
    stream.partial_fit(iter(np.array_split(TRAIN, 4)))
    for one, other in zip(state(whole), state(stream), strict=True):
        assert torch.equal(one, other)
    assert stream.partial_fit(TRAIN[:1]).sample(2).shape == (2, 64)


def test_any_loss_may_be_reconstructed_with():
    X = TRAIN[:150] / 16
    for loss in ("log_loss", "poisson", "huber", "absolute_error"):
        ae = fit(X, loss=loss)
        assert np.isfinite(ae.sample(20, random_state=0)).all()
        assert ae.loss_ < fit(X, loss=loss, init="random", max_iter=1).loss_


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_discriminator_cannot_be_continued_with(method):
    ae = fitted(warm_start=True)
    before = ae.transform(TEST)
    ae.set_params(discriminator_layer_sizes=(5,))
    with pytest.raises(ValueError, match="discriminator_layer_sizes changed since the first fit"):
        getattr(ae, method)(TRAIN)
    assert_array_equal(ae.transform(TEST), before)
    # The same sizes in another container are no others.
    sizes = ae._fitted_params["discriminator_layer_sizes"]
    ae.set_params(discriminator_layer_sizes=np.array(sizes))
    getattr(ae, method)(TRAIN)
    with pytest.raises(ValueError, match="discriminator_layer_sizes must hold"):
        fit(discriminator_layer_sizes=(0,))


def test_nothing_of_the_data_is_left_in_the_adversary():
    adversary = fitted().net_.criterion_.code_term
    assert adversary._last_batch is None
    assert all(p.grad is None for p in adversary.discriminator.parameters())
