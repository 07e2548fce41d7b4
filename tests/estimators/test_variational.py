"""The variational autoencoder: what it learns, and how it behaves as an estimator."""

import pickle
import re
from functools import cache

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from torch.distributions import kl_divergence
from variational_cases import (
    BERNOULLI,
    BINARY,
    FEW,
    GAUSSIAN,
    MIDDLE,
    SMALL,
    TEST,
    TRAIN,
    divergence,
    fit,
    posterior,
    prior_of,
    trained_posterior,
)

from skae import VariationalAutoencoder


@cache
def blob():
    return pickle.dumps(fit(FEW))


def fitted():
    """A small fit, trained once, as an estimator of the test's own."""
    return pickle.loads(blob())


@pytest.fixture(scope="module")
def digits_vae():
    return fit(base=MIDDLE)


@pytest.fixture(scope="module", params=["squared_error", "log_loss"])
def small(request):
    """A fit of either likelihood, and its rows."""
    data = FEW if request.param == "squared_error" else BINARY[:300]
    return fit(data, loss=request.param, n_draws=16), data


# -- what it learns --------------------------------------------------------------------------------


def test_most_units_are_active(digits_vae):
    variances = digits_vae.transform(TRAIN).var(axis=0)
    assert digits_vae.active_units_ == (variances > 0.01).sum() >= 5


def test_codes_leave_in_the_scale_of_the_prior(digits_vae):
    q = posterior(digits_vae, TRAIN)
    assert_allclose(q.mean.mean(dim=0), 0, atol=1e-4)
    assert_allclose(q.mean.var(dim=0, correction=0) + q.variance.mean(dim=0), 1, atol=1e-4)
    # Training did not end there, and the way there raises the bound: decoded codes stay, and
    # their divergence from the prior falls.
    trained = trained_posterior(digits_vae, TRAIN)
    total = trained.mean.var(dim=0, correction=0) + trained.variance.mean(dim=0)
    assert (total - 1).abs().max() > 0.1
    before = kl_divergence(trained, prior_of(trained)).sum(dim=1).mean()
    assert divergence(digits_vae, TRAIN).sum() < before - 0.02


def test_codes_are_means_of_the_posterior(digits_vae):
    codes = digits_vae.transform(TEST)
    assert_array_equal(digits_vae.transform(TEST), codes)
    assert_allclose(codes, posterior(digits_vae, TEST).mean, atol=1e-5)
    reconstructed = digits_vae.reconstruct(TEST)
    assert_allclose(digits_vae.inverse_transform(codes), reconstructed, atol=1e-4)


def test_beta_trades_reconstruction_for_simpler_codes():
    kl, error = [], []
    params = MIDDLE | {"max_iter": 12, "init": "random", "noise_variance": 4.0}
    for beta in (0.25, 1.0, 4.0):
        vae = fit(FEW, base=params, beta=beta)
        kl.append(divergence(vae, TEST).sum())
        error.append(np.square(vae.reconstruct(TEST) - TEST).mean())
    assert kl[0] > 1.2 * kl[1] > 1.2**2 * kl[2] > 1
    assert error[2] > 1.1 * error[1] > 1.1 * error[0]


def test_free_bits_keep_units_that_a_high_beta_switches_off():
    counts, kl = [], []
    for free_bits in (0.0, 0.2):
        vae = fit(base=MIDDLE, beta=8.0, free_bits=free_bits, init="random")
        counts.append(vae.active_units_)
        kl.append(divergence(vae, TRAIN))
    assert counts[0] <= 5 < 9 <= counts[1]
    assert kl[0].min() < 0.02
    assert kl[1].min() > 0.1


def test_free_bits_are_charged_in_full_below_them():
    vae = fit(FEW, free_bits=5.0, beta=0.5, init="random")
    charged = vae.net_.history[:, "train_kl"]
    assert_allclose(charged[-1], 0.5 * 5.0 * 4 / 64, rtol=1e-5)


def test_the_warm_up_grows_to_full_strength_and_is_measured_at_it():
    params = {"early_stopping": True, "max_iter": 8, "n_iter_no_change": 8, "warm_start": True}
    strength = {}
    for share in (0.0, 1.0, 0.5):
        vae = fit(kl_warm_up=share, **params)
        history = vae.net_.history
        strength[share] = np.divide(history[:, "train_kl"], history[:, "valid_kl"])
    # What continues is not warmed up again.
    history = vae.fit(TRAIN).net_.history
    assert abs(np.divide(history[8:, "train_kl"], history[8:, "valid_kl"]) - 1).max() < 0.1
    vae.partial_fit(TRAIN)
    assert vae.net_.history[-1, "train_kl"] > 0.8 * vae.net_.history[7, "valid_kl"]
    assert abs(strength[0.0] - 1).max() < 0.1
    # Half of the steps, then at full strength.
    assert_allclose(strength[0.5][:4], [0.125, 0.375, 0.625, 0.875], atol=0.1)
    assert abs(strength[0.5][4:] - 1).max() < 0.1
    assert_allclose(strength[1.0], (np.arange(8) + 0.5) / 8, atol=0.1)


def test_a_collapsed_posterior_is_said():
    quiet = {"base": SMALL | {"max_iter": 10}}
    for params in ({"beta": 1e4}, {"noise_variance": 1e4, "init": "random"}):
        with pytest.warns(UserWarning, match=r"posterior has collapsed.*n_components=4.*beta"):
            vae = fit(TRAIN[:500], **quiet, **params)
        assert vae.active_units_ == 0
        assert np.isfinite(vae.score_samples(TEST)).all()
    # Warnings are errors, so the control would fail here.
    assert fit(TRAIN[:500], **quiet).active_units_ == 4


def squared_distances(a, b):
    return np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T


def mmd(a, b):
    """Squared maximum mean discrepancy, unbiased, with a Gaussian kernel of median width."""
    both = np.r_[a, b]
    distances = squared_distances(both, both)
    kernel = np.exp(-distances / np.median(distances[np.triu_indices(len(both), 1)]))
    np.fill_diagonal(kernel, 0)
    n, m = len(a), len(b)
    within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
    return within - 2 * kernel[:n, n:].mean()


def told_apart(a, b, n_neighbors=5):
    """How often each row's neighbours say which of two tables of one size it is from."""
    both, label = np.r_[a, b], np.repeat([0, 1], [len(a), len(b)])
    distances = squared_distances(both, both)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :n_neighbors]
    return np.mean((label[nearest].mean(axis=1) > 0.5) == label)


def samples_and_those_of_a_gaussian(vae, X, seed, n):
    """Means of rows from a VAE and from a Gaussian on PCA's codes."""
    rng, pca = np.random.default_rng(seed), PCA(vae.n_components_).fit(X)
    codes = pca.transform(X)
    drawn = rng.multivariate_normal(codes.mean(axis=0), np.atleast_2d(np.cov(codes.T)), n)
    return vae.sample(n, random_state=seed), pca.inverse_transform(drawn)


def test_samples_of_digits_are_nearer_to_held_out_ones_than_those_of_a_gaussian():
    vae = fit(base=MIDDLE, n_components=8, hidden_layer_sizes=(128,), max_iter=40)
    found = []
    for seed in range(2):
        tables = samples_and_those_of_a_gaussian(vae, TRAIN, seed, len(TEST))
        found.append([(mmd(table, TEST), told_apart(table, TEST)) for table in tables])
    (vae_mmd, vae_share), (pca_mmd, pca_share) = np.mean(found, axis=0)
    assert vae_mmd < 0.8 * pca_mmd
    assert vae_share < pca_share - 0.03
    # The scale of what can be found: rows of the same kind.
    assert mmd(TRAIN[:797], TEST) < 0.001
    assert abs(told_apart(TRAIN[:797], TEST) - 0.5) < 0.05


def test_samples_are_decoded_draws_of_the_prior(small):
    vae, _ = small
    codes = np.random.RandomState(3).standard_normal((50, 4))
    assert_array_equal(vae.sample(50, random_state=3), vae.inverse_transform(codes))


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"beta": -0.1},
        {"beta": "1"},
        {"free_bits": -1},
        {"kl_warm_up": 1.1},
        {"kl_warm_up": -0.1},
        {"noise_variance": 0},
        {"noise_variance": -1.0},
        {"noise_variance": "known"},
        {"noise_variance": None},
        {"n_draws": 0},
        {"n_draws": 2.5},
        {"n_draws": 10**20},
        {"loss": "poisson"},
        {"loss": "huber"},
        {"loss": "absolute_error"},
    ],
    ids=str,
)
def test_bad_parameters(params):
    (name,) = params
    vae = VariationalAutoencoder(**SMALL | params)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of VariationalAutoencoder"):
        vae.fit(TRAIN)
    assert not hasattr(vae, "net_")


@pytest.mark.parametrize("noise_variance", [1e-300, 1e-13, 1e300])
@pytest.mark.parametrize("unit", [1.0, 1e-200])
def test_a_noise_that_is_no_match_for_the_data(noise_variance, unit):
    vae = fitted().set_params(noise_variance=noise_variance)
    before = vae.transform(TEST)
    with pytest.raises(ValueError, match=f"noise_variance={re.escape(str(noise_variance))}"):
        vae.fit(FEW * unit)
    assert_array_equal(vae.transform(TEST), before)
    # Zeros and ones have no noise.
    fit(BINARY[:100], loss="log_loss", noise_variance=noise_variance, max_iter=2)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_noise_cannot_be_continued_with(method):
    vae = fit(FEW, warm_start=True)
    before = vae.score_samples(TEST)
    vae.set_params(noise_variance=2.0)
    with pytest.raises(ValueError, match="noise_variance changed since the first"):
        getattr(vae, method)(FEW)
    assert_array_equal(vae.score_samples(TEST), before)
    getattr(vae.set_params(noise_variance="learned", beta=2.0), method)(FEW)


@pytest.mark.parametrize("method", ["elbo", "score_samples", "score"])
def test_draws_that_are_asked_for_after_the_fit(small, method):
    vae, X = pickle.loads(pickle.dumps(small))
    for n_draws, error in (
        (0, ValueError),
        (10**20, ValueError),
        (2.5, TypeError),
        ("many", TypeError),
    ):
        with pytest.raises(error, match="n_draws"):
            getattr(vae.set_params(n_draws=n_draws), method)(X)


@pytest.mark.parametrize("bad", [TEST[:, :5], TEST * np.nan, TEST[0]], ids=["width", "nan", "1d"])
def test_bad_rows(digits_vae, bad):
    with pytest.raises(ValueError, match=r"features|no value|2D"):
        digits_vae.elbo(bad)


# -- as any estimator ------------------------------------------------------------------------------

METHODS = ("transform", "reconstruct", "elbo", "score_samples")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_a_row_alone_gives_the_bits_it_gives_in_a_table(digits_vae, method, dtype):
    X = TEST[:70].astype(dtype)
    together = getattr(digits_vae, method)(X)
    alone = [getattr(digits_vae, method)(X[i : i + 1]) for i in range(0, len(X), 7)]
    assert_array_equal(np.concatenate(alone), together[::7])
    expected = np.float64 if method in ("elbo", "score_samples") else dtype
    assert together.dtype == expected


@pytest.mark.parametrize("method", METHODS)
def test_sparse_rows_and_tensors_give_the_values_of_arrays(digits_vae, method):
    rows = TEST[:200]
    expected = getattr(digits_vae, method)(rows)
    for X in (sparse.csr_array(rows), torch.tensor(rows), rows.tolist()):
        assert_array_equal(np.asarray(getattr(digits_vae, method)(X)), expected)


def test_fits_are_the_same_to_the_bit():
    X = TRAIN[:200]
    fits = [fit(data) for data in (X, X, torch.tensor(X))]
    for other in fits[1:]:
        assert_array_equal(other.score_samples(TEST), fits[0].score_samples(TEST))
        assert other.loss_curve_ == fits[0].loss_curve_
        assert other.noise_variance_ == fits[0].noise_variance_
    assert not np.array_equal(fit(X, random_state=1).elbo(TEST), fits[0].elbo(TEST))
    on_sparse = fit(sparse.csr_array(X))
    assert_allclose(on_sparse.score_samples(TEST), fits[0].score_samples(TEST), rtol=1e-4)


@pytest.mark.parametrize("case", [GAUSSIAN, BERNOULLI], ids=lambda case: case["loss"])
def test_a_pickle_goes_on_as_if_nothing_had_happened(case):
    X = case["data"]
    vae = fit(**case, n_draws=8)
    loaded = pickle.loads(pickle.dumps(vae.set_params(n_draws=9)))
    for method in METHODS:
        assert_array_equal(getattr(loaded, method)(X), getattr(vae, method)(X))
    vae.partial_fit(X), loaded.partial_fit(X)
    assert loaded.noise_variance_ == vae.noise_variance_
    assert_array_equal(loaded.score_samples(X), vae.score_samples(X))
    assert_array_equal(loaded.sample(5, random_state=0), vae.sample(5, random_state=0))


def test_a_clone_has_the_parameters_and_nothing_else():
    vae = fit(FEW, beta=2.0, free_bits=0.1, kl_warm_up=0.2, n_draws=3, noise_variance=1.0)
    copied = clone(vae)
    assert copied.get_params() == vae.get_params()
    assert not hasattr(copied, "net_")
    assert_array_equal(copied.fit(FEW).score_samples(TEST), vae.score_samples(TEST))


def test_continued_training_learns_on():
    vae = fit(init="random", max_iter=3, warm_start=True)
    noise, score = vae.noise_variance_, vae.score(TEST)
    vae.fit(TRAIN)
    assert vae.n_iter_ == 6
    assert vae.score(TEST) > score + 1
    assert vae.noise_variance_ < noise


def test_a_stream_of_chunks_is_learned():
    whole, stream = (VariationalAutoencoder(**SMALL | {"batch_size": 50}) for _ in range(2))
    for _ in range(4):
        for chunk in np.array_split(TRAIN, 2):
            whole.partial_fit(chunk)
    stream.partial_fit(chunk for _ in range(4) for chunk in np.array_split(TRAIN, 2))
    assert_array_equal(stream.score_samples(TEST), whole.score_samples(TEST))
    assert stream.score(TEST) > PCA(4).fit(TRAIN).score(TEST)
    # One more row is no reason to collapse.
    stream.partial_fit(TRAIN[:1])
    assert stream.active_units_ == 4


def test_a_failed_continuation_leaves_everything_as_it_was():
    X = FEW
    vae = fit(X)
    before, noise = vae.score_samples(TEST), vae.noise_variance_

    def chunks():
        yield X
        yield X * np.nan

    with pytest.raises(ValueError, match="NaN"):
        vae.partial_fit(chunks())
    assert_array_equal(vae.score_samples(TEST), before)
    assert vae.noise_variance_ == noise
    other = fit(X)
    assert_array_equal(
        vae.partial_fit(X).score_samples(TEST), other.partial_fit(X).score_samples(TEST)
    )


def test_warnings_point_to_the_line_that_led_to_them():
    vae = VariationalAutoencoder(**SMALL | {"beta": 1e4, "max_iter": 10})
    with pytest.warns(UserWarning, match="collapsed") as caught:
        vae.fit(TRAIN)
    with pytest.warns(UserWarning, match="collapsed") as more:
        vae.partial_fit(TRAIN)
    assert {warning.filename for warning in (*caught, *more)} == {__file__}
