"""The variational autoencoder: its bounds against independent ones, and what it learns."""

import itertools
import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from skae import VariationalAutoencoder
from skae.objectives import balanced_draws

DIGITS = np.random.default_rng(0).permutation(load_digits().data)
TRAIN, TEST = DIGITS[:1000], DIGITS[1000:]
BINARY = (DIGITS > 7).astype(float)
SMALL = {"n_components": 4, "hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
MIDDLE = {"n_components": 10, "hidden_layer_sizes": (64,), "max_iter": 20, "random_state": 0}
GAUSSIAN = {"data": TRAIN[:300], "loss": "squared_error"}
BERNOULLI = {"data": BINARY[:300], "loss": "log_loss"}


def fit(data=TRAIN, sample_weight=None, base=SMALL, **params):
    return VariationalAutoencoder(**base | params).fit(data, sample_weight=sample_weight)


@pytest.fixture(scope="module")
def digits_vae():
    return fit(base=MIDDLE)


@pytest.fixture(scope="module", params=["squared_error", "log_loss"])
def small(request):
    """A fit of either likelihood, and its rows."""
    data = TRAIN[:300] if request.param == "squared_error" else BINARY[:300]
    return fit(data, loss=request.param, n_draws=16), data


def trained_posterior(vae, X):
    """The posterior of each row, from the outputs of the encoder."""
    x = torch.as_tensor((X - vae.mean_) / vae.scale_)
    with torch.no_grad():
        h = vae.net_.module_.encoder(x.to(next(vae.net_.module_.parameters()).dtype)).double()
    k = vae.n_components_
    return Normal(h[:, :k], (h[:, k:] / 2).exp())


def posterior(vae, X):
    """The same in the scale in which codes leave."""
    q, module = trained_posterior(vae, X), vae.net_.module_
    return Normal((q.mean - module.code_mean) / module.code_scale, q.stddev / module.code_scale)


def prior_of(q):
    return Normal(torch.zeros_like(q.mean), torch.ones_like(q.mean))


def divergence(vae, X):
    """Mean divergence of each component in nats."""
    q = posterior(vae, X)
    return kl_divergence(q, prior_of(q)).mean(dim=0).numpy()


def likelihood(vae, X, codes):
    """The log-likelihood of rows given codes, through the public face only."""
    decoded = torch.as_tensor(vae.inverse_transform(codes.numpy()))
    if vae.noise_variance_ is None:
        return Independent(Bernoulli(decoded.clamp(1e-12, 1 - 1e-7)), 1).log_prob(torch.tensor(X))
    return Independent(Normal(decoded, vae.noise_variance_**0.5), 1).log_prob(torch.tensor(X))


# -- the objective and the bounds ------------------------------------------------------------


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", [GAUSSIAN, BERNOULLI], ids=lambda case: case["loss"])
def test_the_objective_is_the_bound_of_torch_distributions(case, weighted, beta):
    # A random start, so that no posterior is the one that a formula may have been made for.
    vae = fit(**case, init="random", beta=beta, max_iter=15, learning_rate_init=0.01)
    objective, module = vae.net_.criterion_.double().eval(), vae.net_.module_.double()
    x = torch.as_tensor((case["data"] - vae.mean_) / vae.scale_)
    weight = torch.linspace(0.1, 1.9, len(x), dtype=torch.float64) if weighted else None
    with torch.no_grad():
        parts = objective(module, x, weight)
        q = trained_posterior(vae, case["data"])
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(q.mean.shape, generator=generator, dtype=torch.float64)
        output = module.decoder(q.mean + noise * q.stddev)
    if case is GAUSSIAN:
        p = Normal(output, vae.noise_variance_**0.5 / vae.scale_)
    else:
        p = Bernoulli(logits=output)
    rows = torch.ones(len(x)) if weight is None else weight
    n_features = x.shape[1]
    log_likelihood = (p.log_prob(x).sum(dim=1) * rows).mean() / n_features
    kl = (kl_divergence(q, prior_of(q)).sum(dim=1) * rows).mean() / n_features
    assert_allclose(parts["reconstruction"], -log_likelihood, rtol=1e-5)
    assert_allclose(parts["kl"], beta * kl, rtol=1e-5)
    assert set(parts) == {"reconstruction", "kl"}
    # Neither part is a rounding error of the other.
    assert parts["kl"] > 1e-2 * parts["reconstruction"].abs()


@pytest.mark.parametrize("n_draws", [1, 7, 16])
def test_the_bounds_are_those_of_torch_distributions(small, n_draws):
    vae, X = small
    vae = pickle.loads(pickle.dumps(vae)).set_params(n_draws=n_draws)
    q = posterior(vae, X)
    log_likelihoods, log_weights = [], []
    for noise in balanced_draws(n_draws, vae.n_components_):
        codes = q.mean + noise * q.stddev
        log_likelihoods.append(likelihood(vae, X, codes).numpy())
        ratio = (prior_of(q).log_prob(codes) - q.log_prob(codes)).sum(dim=1)
        log_weights.append(log_likelihoods[-1] + ratio.numpy())
    kl = kl_divergence(q, prior_of(q)).sum(dim=1).numpy()
    assert_allclose(vae.elbo(X), np.mean(log_likelihoods, axis=0) - kl, rtol=1e-5, atol=1e-3)
    expected = logsumexp(log_weights, axis=0) - np.log(n_draws)
    assert_allclose(vae.score_samples(X), expected, rtol=1e-5, atol=1e-3)


def test_the_draws_of_the_bounds_stand_for_random_ones(small):
    vae, X = small
    q = posterior(vae, X)
    generator = torch.Generator().manual_seed(3)
    log_likelihoods = [
        likelihood(vae, X, q.mean + q.stddev * torch.randn(q.mean.shape, generator=generator))
        for _ in range(300)
    ]
    kl = kl_divergence(q, prior_of(q)).sum(dim=1)
    differences = vae.elbo(X) - (torch.stack(log_likelihoods).mean(dim=0) - kl).numpy()
    assert_allclose(differences.mean(), 0, atol=0.3)


@pytest.mark.parametrize(("n_draws", "n_components"), [(50, 8), (9, 4), (1, 5), (6, 20), (4, 1)])
def test_balanced_draws_have_the_moments_of_the_normal_distribution(n_draws, n_components):
    draws = balanced_draws(n_draws, n_components)
    assert draws.shape == (n_draws, n_components)
    assert_array_equal(draws, balanced_draws(n_draws, n_components))
    whole = balanced_draws(2 * -(-n_draws // 2), n_components)
    assert_array_equal(whole[:n_draws], draws)
    assert_allclose(whole.mean(dim=0), 0, atol=1e-12)
    assert_allclose(whole.square().sum(dim=1).mean(), n_components)
    if len(whole) >= 2 * n_components:
        covariance = whole.T @ whole / len(whole)
        assert_allclose(covariance, np.eye(n_components), atol=1e-12)


def test_loss_is_minus_the_bound_over_the_training_rows(small):
    vae, X = small
    assert_allclose(vae.loss_, -vae.elbo(X).mean(), atol=1)
    doubled = fit(X, loss=vae.loss, beta=2.0)
    charged = doubled.loss_ + doubled.elbo(X).mean()
    assert_allclose(charged, divergence(doubled, X).sum(), atol=1)


@pytest.mark.parametrize("method", ["elbo", "score_samples"])
@pytest.mark.parametrize("unit", [2.0**-60, 1000.0, 2.0**60])
def test_scores_are_densities_in_the_unit_of_the_data(unit, method):
    X = TRAIN[:300]
    plain, vae = fit(X), fit(X * unit)
    # The density of rows c times as large is lower by one factor c for each feature.
    shifted = getattr(plain, method)(X) - 64 * np.log(unit)
    assert_allclose(getattr(vae, method)(X * unit), shifted, rtol=1e-5)
    assert_allclose(vae.noise_variance_, plain.noise_variance_ * unit**2, rtol=1e-4)
    assert_allclose(vae.loss_, plain.loss_ + 64 * np.log(unit), rtol=1e-5)
    fixed = fit(X * unit, noise_variance=3.0 * unit**2)
    assert_allclose(fixed.noise_variance_, 3.0 * unit**2, rtol=1e-6)


def test_more_draws_tighten_the_bound_up_to_a_finite_gap(digits_vae):
    vae = pickle.loads(pickle.dumps(digits_vae))
    scores = [vae.elbo(TEST[:250]).mean()]
    for n_draws in (4, 20, 200, 1000):
        scores.append(vae.set_params(n_draws=n_draws).score(TEST[:250]))
    assert (np.diff(scores) > 0).all()
    assert 0.5 < scores[-1] - scores[0] < 10
    # Row by row it is never below the bound that averages over the same draws.
    assert (vae.score_samples(TEST[:250]) >= vae.elbo(TEST[:250])).all()


def test_probabilities_of_all_rows_add_up_to_at_most_one():
    rng = np.random.default_rng(0)
    latent = rng.integers(0, 2, size=(600, 2))
    X = (latent[:, [0, 0, 1, 1, 0]] ^ (rng.uniform(size=(600, 5)) < 0.1)).astype(float)
    vae = fit(X, loss="log_loss", n_components=2, max_iter=30, n_draws=2000)
    everything = np.array(list(itertools.product([0.0, 1.0], repeat=5)))
    total = np.exp(vae.score_samples(everything)).sum()
    assert 0.95 < total < 1.005
    # The bound that is looser adds up to less.
    assert np.exp(vae.elbo(everything)).sum() < total
    rows, counts = np.unique(X, axis=0, return_counts=True)
    independent = Bernoulli(torch.tensor(X.mean(axis=0))).log_prob(torch.tensor(rows)).sum(dim=1)
    assert np.average(vae.score_samples(rows) - independent.numpy(), weights=counts) > 0.3


def test_densities_integrate_to_at_most_one():
    rng = np.random.default_rng(0)
    place = rng.normal(size=800)
    X = np.c_[3 * place, 3 * place**2] + 0.5 * rng.normal(size=(800, 2))
    params = {"n_components": 1, "hidden_layer_sizes": (32,), "max_iter": 40, "batch_size": 40}
    vae = fit(X, n_draws=100, learning_rate_init=5e-3, **params)
    across, up = np.linspace(-15, 15, 101), np.linspace(-8, 42, 161)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    cell = (across[1] - across[0]) * (up[1] - up[0])
    total = np.exp(vae.score_samples(grid)).sum() * cell
    assert 0.98 < total < 1.01
    assert vae.score(X) > PCA(1).fit(X).score(X) + 0.2


# -- beside PCA and the truth ----------------------------------------------------------------

N_FACTORS, N_FEATURES, NOISE = 3, 15, 0.25


def factor_model():
    """Rows to train on, others to score, and the log-density that they were drawn from."""
    rng = np.random.default_rng(7)
    loadings, mean = rng.normal(size=(N_FACTORS, N_FEATURES)), rng.normal(size=N_FEATURES)
    covariance = loadings.T @ loadings + NOISE * np.eye(N_FEATURES)
    truth = multivariate_normal(mean, covariance)
    return *(truth.rvs(1000, random_state=i) for i in (0, 1)), truth


LINEAR = {"n_components": N_FACTORS, "hidden_layer_sizes": (), "random_state": 0}


def test_the_linear_one_is_probabilistic_pca():
    X, others, truth = factor_model()
    pca = PCA(N_FACTORS).fit(X)
    vae = VariationalAutoencoder(**LINEAR).fit(X)
    differences = (vae.score_samples(others) - pca.score_samples(others)) / N_FEATURES
    assert abs(differences).max() < 0.01
    assert_allclose(vae.noise_variance_, pca.noise_variance_, rtol=0.01)
    assert vae.active_units_ == N_FACTORS
    # The posterior of a linear model is normal, so both bounds are tight.
    assert_allclose(vae.elbo(others), vae.score_samples(others), atol=0.01)
    assert vae.score(others) < truth.logpdf(others).mean()


def test_the_linear_one_finds_probabilistic_pca_from_a_random_start():
    X, others, truth = factor_model()
    params = LINEAR | {"init": "random", "learning_rate_init": 0.02, "batch_size": 50}
    vae = VariationalAutoencoder(**params).fit(X)
    pca = PCA(N_FACTORS).fit(X).score(others)
    assert abs(vae.score(others) - pca) / N_FEATURES < 0.05
    assert vae.score(others) < truth.logpdf(others).mean()
    assert_allclose(vae.noise_variance_, NOISE, rtol=0.1)
    # The control: it has not been there from the start.
    start = VariationalAutoencoder(**params | {"max_iter": 2}).fit(X)
    assert abs(start.score(others) - pca) / N_FEATURES > 0.05


@pytest.mark.parametrize("n_components", [N_FACTORS, 6])
@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_deep_one_is_not_above_the_truth(init, n_components):
    X, others, truth = factor_model()
    params = {"n_components": n_components, "hidden_layer_sizes": (32,), "init": init}
    vae = fit(X, **params, max_iter=40, n_draws=500)
    gaps = vae.score_samples(others) - truth.logpdf(others)
    assert gaps.mean() < 3 * gaps.std() / len(gaps) ** 0.5
    assert gaps.mean() > -0.05 * N_FEATURES


@pytest.mark.parametrize("n_features", [1, 2, 4])
def test_codes_as_wide_as_the_data_start_at_their_density(n_features):
    # The number of components that "auto" gives one or two columns. Nothing is left for the
    # noise, so that it could take everything and the codes nothing.
    X, others, _ = factor_model()
    X, others = X[:, :n_features], others[:, :n_features]
    vae = fit(X, n_components=n_features, hidden_layer_sizes=())
    whole = PCA(n_features).fit(X)
    assert_allclose(vae.score(others), whole.score(others), atol=0.02)
    assert vae.active_units_ == n_features
    assert 0 < vae.noise_variance_ < whole.explained_variance_.min()


@pytest.mark.parametrize("params", [{}, {"init": "random", "hidden_layer_sizes": (16,)}], ids=str)
def test_a_fixed_noise_stays_where_it_is(params):
    X, others, truth = factor_model()
    right = VariationalAutoencoder(**LINEAR | params, noise_variance=NOISE).fit(X)
    wrong = VariationalAutoencoder(**LINEAR | params, noise_variance=4 * NOISE).fit(X)
    for vae, noise in ((right, NOISE), (wrong, 4 * NOISE)):
        assert_allclose(vae.noise_variance_, noise, rtol=1e-6)
        vae.partial_fit(X)
        assert_allclose(vae.noise_variance_, noise, rtol=1e-6)
    assert wrong.score(others) < right.score(others) < truth.logpdf(others).mean()


def test_the_weights_of_rows_count():
    X, others, _ = factor_model()
    X = X[:500]
    rows = np.r_[X, 10 + 3 * X]
    weight = np.r_[np.ones(500), np.full(500, 1e-6)]
    vae = VariationalAutoencoder(**LINEAR).fit(rows, sample_weight=weight)
    alone = VariationalAutoencoder(**LINEAR).fit(X)
    assert_allclose(vae.noise_variance_, alone.noise_variance_, rtol=0.01)
    assert abs(vae.score(others) - alone.score(others)) / N_FEATURES < 0.01
    # The control, in which all of them count.
    both = VariationalAutoencoder(**LINEAR).fit(rows)
    assert both.score(others) < vae.score(others) - 1
    # Rows of weight zero might as well not be there.
    weight[500:] = 0
    dropped = fit(rows, sample_weight=weight)
    assert_array_equal(dropped.score_samples(others), fit(X).score_samples(others))


# -- what it learns --------------------------------------------------------------------------


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


@pytest.mark.parametrize("init", ["pca", "random"])
def test_beta_trades_reconstruction_for_simpler_codes(init):
    kl, error = [], []
    for beta in (0.25, 1.0, 4.0):
        vae = fit(base=MIDDLE, beta=beta, init=init, noise_variance=4.0)
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
    vae = fit(free_bits=5.0, beta=0.5, init="random")
    charged = vae.net_.history[:, "train_kl"]
    assert_allclose(charged[-1], 0.5 * 5.0 * 4 / 64, rtol=1e-5)


def test_the_warm_up_grows_to_full_strength_and_is_measured_at_it():
    params = {"early_stopping": True, "max_iter": 8, "n_iter_no_change": 8, "warm_start": True}
    strength = {}
    for share in (0.0, 0.5, 1.0):
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
    for params in ({"beta": 1e4}, {"noise_variance": 1e4}):
        for init in ("pca", "random"):
            with pytest.warns(UserWarning, match=r"posterior has collapsed.*n_components=4.*beta"):
                vae = fit(**quiet, **params, init=init)
            assert vae.active_units_ == 0
            assert np.isfinite(vae.score_samples(TEST)).all()
    # Warnings are errors, so the control would fail here.
    assert fit(**quiet).active_units_ == 4


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
    """Means of rows from a VAE and from a Gaussian on PCA's codes, and the deviation of noise."""
    rng, pca = np.random.default_rng(seed), PCA(vae.n_components_).fit(X)
    codes = pca.transform(X)
    drawn = rng.multivariate_normal(codes.mean(axis=0), np.atleast_2d(np.cov(codes.T)), n)
    yield vae.sample(n, random_state=seed), vae.noise_variance_**0.5
    yield pca.inverse_transform(drawn), pca.noise_variance_**0.5


def test_samples_of_digits_are_nearer_to_held_out_ones_than_those_of_a_gaussian():
    vae = fit(base=MIDDLE, n_components=8, hidden_layer_sizes=(128,), max_iter=40)
    found = []
    for seed in range(3):
        tables = samples_and_those_of_a_gaussian(vae, TRAIN, seed, len(TEST))
        found.append([(mmd(table, TEST), told_apart(table, TEST)) for table, _ in tables])
    (vae_mmd, vae_share), (pca_mmd, pca_share) = np.mean(found, axis=0)
    assert vae_mmd < 0.8 * pca_mmd
    assert vae_share < pca_share - 0.03
    # The scale of what can be found: rows of the same kind.
    assert mmd(TRAIN[:797], TEST) < 0.001
    assert abs(told_apart(TRAIN[:797], TEST) - 0.5) < 0.05


def test_samples_of_a_curve_are_nearer_to_it_than_those_of_a_gaussian():
    rng = np.random.default_rng(0)
    place = 1.2 * rng.normal(size=(2000, 1))
    curve = np.c_[np.sin(place), np.cos(place)] @ rng.normal(size=(2, 12))
    X, others = np.split(curve + 0.1 * rng.normal(size=curve.shape), [1400])
    vae = fit(X, base=MIDDLE, n_components=2, max_iter=40)
    found = []
    for seed in range(3):
        noise = np.random.default_rng(100 + seed).normal(size=others.shape)
        tables = samples_and_those_of_a_gaussian(vae, X, seed, len(others))
        noisy = [mean + deviation * noise for mean, deviation in tables]
        found.append([(mmd(table, others), told_apart(table, others)) for table in noisy])
    (vae_mmd, vae_share), (pca_mmd, pca_share) = np.mean(found, axis=0)
    assert vae_mmd < 0.9 * pca_mmd
    assert vae_share < pca_share - 0.05


def test_samples_are_decoded_draws_of_the_prior(small):
    vae, _ = small
    codes = np.random.RandomState(3).standard_normal((50, 4))
    assert_array_equal(vae.sample(50, random_state=3), vae.inverse_transform(codes))


# -- zeros and ones --------------------------------------------------------------------------


def test_bernoulli_models_binary_digits():
    vae = fit(BINARY[:1000], base=MIDDLE, loss="log_loss")
    scores = vae.score_samples(BINARY[1000:])
    assert np.isfinite(scores).all()
    assert (scores < 0).all()
    share = torch.as_tensor(BINARY[:1000].mean(axis=0)).clamp(1e-3, 1 - 1e-3)
    alone = Bernoulli(share).log_prob(torch.as_tensor(BINARY[1000:])).sum(dim=1)
    assert scores.mean() > alone.mean() + 5
    assert vae.active_units_ >= 5
    assert vae.noise_variance_ is None
    sampled = vae.sample(200, random_state=0)
    assert sampled.min() >= 0
    assert sampled.max() <= 1


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score_samples", "elbo"])
def test_rows_that_are_no_probabilities_are_refused(method):
    vae = fit(BINARY[:300], loss="log_loss")
    before = vae.score_samples(BINARY[:9])
    with pytest.raises(ValueError, match=r"loss='log_loss' needs values in \[0, 1\]"):
        getattr(vae, method)(TRAIN)
    assert_array_equal(vae.score_samples(BINARY[:9]), before)


# -- bad input -------------------------------------------------------------------------------


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
    vae = fit().set_params(noise_variance=noise_variance)
    before = vae.transform(TEST)
    with pytest.raises(ValueError, match=f"noise_variance={re.escape(str(noise_variance))}"):
        vae.fit(TRAIN * unit)
    assert_array_equal(vae.transform(TEST), before)
    # Zeros and ones have no noise.
    fit(BINARY[:300], loss="log_loss", noise_variance=noise_variance)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_another_noise_cannot_be_continued_with(method):
    vae = fit(warm_start=True)
    before = vae.score_samples(TEST)
    vae.set_params(noise_variance=2.0)
    with pytest.raises(ValueError, match=r"noise_variance=2\.0 changed since the first"):
        getattr(vae, method)(TRAIN)
    assert_array_equal(vae.score_samples(TEST), before)
    getattr(vae.set_params(noise_variance="learned", beta=2.0), method)(TRAIN)


@pytest.mark.parametrize("method", ["elbo", "score_samples", "score"])
def test_draws_that_are_asked_for_after_the_fit(small, method):
    vae, X = pickle.loads(pickle.dumps(small))
    for n_draws, error in ((0, ValueError), (2.5, TypeError), ("many", TypeError)):
        with pytest.raises(error, match="n_draws"):
            getattr(vae.set_params(n_draws=n_draws), method)(X)


@pytest.mark.parametrize("bad", [TEST[:, :5], TEST * np.nan, TEST[0]], ids=["width", "nan", "1d"])
def test_bad_rows(digits_vae, bad):
    with pytest.raises(ValueError, match=r"features|NaN|2D"):
        digits_vae.elbo(bad)


# -- as any estimator ------------------------------------------------------------------------

METHODS = ("transform", "reconstruct", "elbo", "score_samples")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_a_row_alone_gives_the_bits_it_gives_in_a_table(digits_vae, method, dtype):
    X = TEST[:70].astype(dtype)
    together = getattr(digits_vae, method)(X)
    alone = np.concatenate([getattr(digits_vae, method)(X[i : i + 1]) for i in range(len(X))])
    assert_array_equal(alone, together)
    expected = np.float64 if method in ("elbo", "score_samples") else dtype
    assert together.dtype == expected


@pytest.mark.parametrize("method", METHODS)
def test_sparse_rows_and_tensors_give_the_values_of_arrays(digits_vae, method):
    expected = getattr(digits_vae, method)(TEST)
    for X in (sparse.csr_array(TEST), torch.tensor(TEST), TEST.tolist()):
        assert_array_equal(np.asarray(getattr(digits_vae, method)(X)), expected)


def test_fits_are_the_same_to_the_bit():
    fits = [fit(data) for data in (TRAIN, TRAIN, torch.tensor(TRAIN))]
    for other in fits[1:]:
        assert_array_equal(other.score_samples(TEST), fits[0].score_samples(TEST))
        assert other.loss_curve_ == fits[0].loss_curve_
        assert other.noise_variance_ == fits[0].noise_variance_
    assert not np.array_equal(fit(random_state=1).elbo(TEST), fits[0].elbo(TEST))
    on_sparse = fit(sparse.csr_array(TRAIN))
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
    vae = fit(beta=2.0, free_bits=0.1, kl_warm_up=0.2, n_draws=3, noise_variance=1.0)
    copied = clone(vae)
    assert copied.get_params() == vae.get_params()
    assert not hasattr(copied, "net_")
    assert_array_equal(copied.fit(TRAIN).score_samples(TEST), vae.score_samples(TEST))


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
        for chunk in np.array_split(TRAIN, 4):
            whole.partial_fit(chunk)
    stream.partial_fit(chunk for _ in range(4) for chunk in np.array_split(TRAIN, 4))
    assert_array_equal(stream.score_samples(TEST), whole.score_samples(TEST))
    assert stream.score(TEST) > PCA(4).fit(TRAIN).score(TEST)
    # One more row is no reason to collapse.
    stream.partial_fit(TRAIN[:1])
    assert stream.active_units_ == 4


def test_a_failed_continuation_leaves_everything_as_it_was():
    vae = fit()
    before, noise = vae.score_samples(TEST), vae.noise_variance_

    def chunks():
        yield TRAIN[:300]
        yield TRAIN[:300] * np.nan

    with pytest.raises(ValueError, match="NaN"):
        vae.partial_fit(chunks())
    assert_array_equal(vae.score_samples(TEST), before)
    assert vae.noise_variance_ == noise
    other = fit()
    assert_array_equal(
        vae.partial_fit(TRAIN).score_samples(TEST), other.partial_fit(TRAIN).score_samples(TEST)
    )
