"""The bounds of the variational autoencoder against independent computations and densities."""

import itertools
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from torch.distributions import Bernoulli, Normal, kl_divergence
from variational_cases import (
    BERNOULLI,
    BINARY,
    FEW,
    GAUSSIAN,
    MIDDLE,
    TEST,
    TRAIN,
    divergence,
    fit,
    likelihood,
    posterior,
    prior_of,
    trained_posterior,
)

from skae import VariationalAutoencoder
from skae._batch import Batch
from skae.objectives._bounds import balanced_draws


@pytest.fixture(scope="module")
def digits_vae():
    return fit(base=MIDDLE)


@pytest.fixture(scope="module", params=["squared_error", "log_loss"])
def small(request):
    """A fit of either likelihood, and its rows."""
    data = FEW if request.param == "squared_error" else BINARY[:300]
    return fit(data, loss=request.param, n_draws=16), data


@pytest.fixture(scope="module")
def of_few():
    return fit(FEW)


# -- the objective and the bounds ------------------------------------------------------------------


@pytest.mark.parametrize(("weighted", "beta"), [(False, 0.3), (True, 1.0)])
@pytest.mark.parametrize("case", [GAUSSIAN, BERNOULLI], ids=lambda case: case["loss"])
def test_the_objective_is_the_bound_of_torch_distributions(case, weighted, beta):
    # A random start, so that no posterior is the one that a formula may have been made for.
    vae = fit(**case, init="random", beta=beta, max_iter=15, learning_rate_init=0.01)
    objective, module = vae.net_.criterion_.double().eval(), vae.net_.module_.double()
    x = torch.as_tensor((case["data"] - vae.mean_) / vae.scale_)
    weight = torch.linspace(0.1, 1.9, len(x), dtype=torch.float64) if weighted else None
    with torch.no_grad():
        parts = objective(module, Batch(x, weight))
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
    log_weights = []
    for noise in balanced_draws(n_draws, vae.n_components_):
        codes = q.mean + noise * q.stddev
        ratio = (prior_of(q).log_prob(codes) - q.log_prob(codes)).sum(dim=1)
        log_weights.append((likelihood(vae, X, codes) + ratio).numpy())
    assert_allclose(vae.elbo(X), np.mean(log_weights, axis=0), rtol=1e-5, atol=1e-3)
    expected = logsumexp(log_weights, axis=0) - np.log(n_draws)
    assert_allclose(vae.score_samples(X), expected, rtol=1e-5, atol=1e-3)


def test_the_draws_of_the_bounds_stand_for_random_ones(small):
    vae, X = small
    q = posterior(vae, X)
    generator = torch.Generator().manual_seed(3)
    log_likelihoods = [
        likelihood(vae, X, q.mean + q.stddev * torch.randn(q.mean.shape, generator=generator))
        for _ in range(100)
    ]
    kl = kl_divergence(q, prior_of(q)).sum(dim=1)
    differences = vae.elbo(X) - (torch.stack(log_likelihoods).mean(dim=0) - kl).numpy()
    # One random draw for each row would be farther off than this in the Gaussian case.
    assert_allclose(differences.mean(), 0, atol=0.06)


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


@pytest.mark.parametrize("unit", [2.0**-60, 1000.0, 2.0**60])
def test_scores_are_densities_in_the_unit_of_the_data(of_few, unit):
    X = FEW
    plain, vae = of_few, fit(X * unit)
    # The density of rows c times as large is lower by one factor c for each feature.
    for method in ("elbo", "score_samples"):
        shifted = getattr(plain, method)(X) - 64 * np.log(unit)
        assert_allclose(getattr(vae, method)(X * unit), shifted, rtol=1e-5)
    assert_allclose(vae.noise_variance_, plain.noise_variance_ * unit**2, rtol=1e-4)
    assert_allclose(vae.loss_, plain.loss_ + 64 * np.log(unit), rtol=1e-5)
    fixed = fit(X * unit, noise_variance=3.0 * unit**2)
    assert_allclose(fixed.noise_variance_, 3.0 * unit**2, rtol=1e-6)


def test_more_draws_tighten_the_bound_up_to_a_finite_gap(digits_vae):
    vae = pickle.loads(pickle.dumps(digits_vae))
    scores = [vae.elbo(TEST[:50]).mean()]
    for n_draws in (4, 20, 100):
        scores.append(vae.set_params(n_draws=n_draws).score(TEST[:50]))
    assert (np.diff(scores) > 0).all()
    assert 0.5 < scores[-1] - scores[0] < 10
    # Row by row it is never below the bound that averages over the same draws.
    assert (vae.score_samples(TEST[:50]) >= vae.elbo(TEST[:50])).all()


def test_probabilities_of_all_rows_add_up_to_at_most_one():
    rng = np.random.default_rng(0)
    latent = rng.integers(0, 2, size=(400, 2))
    X = (latent[:, [0, 0, 1, 1, 0]] ^ (rng.uniform(size=(400, 5)) < 0.1)).astype(float)
    params = {"n_components": 2, "max_iter": 15, "learning_rate_init": 4e-3}
    vae = fit(X, loss="log_loss", n_draws=500, **params)
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
    place = rng.normal(size=400)
    X = np.c_[3 * place, 3 * place**2] + 0.5 * rng.normal(size=(400, 2))
    params = {"n_components": 1, "hidden_layer_sizes": (32,), "max_iter": 30, "batch_size": 40}
    vae = fit(X, n_draws=50, learning_rate_init=0.01, **params)
    across, up = np.linspace(-15, 15, 46), np.linspace(-8, 42, 76)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    cell = (across[1] - across[0]) * (up[1] - up[0])
    total = np.exp(vae.score_samples(grid)).sum() * cell
    assert 0.98 < total < 1.01
    assert vae.score(X) > PCA(1).fit(X).score(X) + 0.2


# -- beside PCA and the truth ----------------------------------------------------------------------

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


@pytest.mark.parametrize(("init", "n_components"), [("pca", 6), ("random", N_FACTORS)])
def test_a_deep_one_is_not_above_the_truth(init, n_components):
    X, others, truth = factor_model()
    params = {"n_components": n_components, "hidden_layer_sizes": (32,), "init": init}
    params |= {"learning_rate_init": 3e-3, "max_iter": 40} if init == "random" else {"max_iter": 20}
    vae, others = fit(X[:500], **params, n_draws=150), others[:400]
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
    X = X[:250]
    params = LINEAR | {"max_iter": 20, "learning_rate_init": 0.01} | params
    right = VariationalAutoencoder(**params, noise_variance=NOISE).fit(X)
    wrong = VariationalAutoencoder(**params, noise_variance=4 * NOISE).fit(X)
    for vae, noise in ((right, NOISE), (wrong, 4 * NOISE)):
        assert_allclose(vae.noise_variance_, noise, rtol=1e-6)
        vae.partial_fit(X)
        assert_allclose(vae.noise_variance_, noise, rtol=1e-6)
    assert wrong.score(others) < right.score(others) < truth.logpdf(others).mean()


def test_the_weights_of_rows_count():
    X, others, _ = factor_model()
    X = X[:300]
    rows = np.r_[X, 10 + 3 * X]
    weight = np.r_[np.ones(300), np.full(300, 1e-6)]
    params = LINEAR | {"max_iter": 8}
    vae = VariationalAutoencoder(**params).fit(rows, sample_weight=weight)
    alone = VariationalAutoencoder(**params).fit(X)
    assert_allclose(vae.noise_variance_, alone.noise_variance_, rtol=0.01)
    assert abs(vae.score(others) - alone.score(others)) / N_FEATURES < 0.01
    # The control, in which all of them count.
    both = VariationalAutoencoder(**params).fit(rows)
    assert both.score(others) < vae.score(others) - 1
    # Rows of weight zero might as well not be there.
    weight[300:] = 0
    dropped = fit(rows, sample_weight=weight)
    expected = fit(X, sample_weight=np.ones(300)).score_samples(others)
    assert_array_equal(dropped.score_samples(others), expected)


# -- zeros and ones --------------------------------------------------------------------------------


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
    vae = fit(BINARY[:100], loss="log_loss")
    before = vae.score_samples(BINARY[:9])
    with pytest.raises(ValueError, match=r"loss='log_loss' needs values in \[0, 1\]"):
        getattr(vae, method)(TRAIN)
    assert_array_equal(vae.score_samples(BINARY[:9]), before)


@pytest.mark.parametrize("n_draws", [1, 3, 10])
def test_the_weighted_bound_is_never_below_the_other(digits_vae, n_draws):
    vae = pickle.loads(pickle.dumps(digits_vae)).set_params(n_draws=n_draws)
    elbo, scores = vae.elbo(TEST), vae.score_samples(TEST)
    assert (scores >= elbo - 1e-9).all()
    assert (n_draws == 1) == np.allclose(scores, elbo)


@pytest.mark.parametrize(
    "params", [{"init": "random"}, {"init": "pca"}, {"init": "random", "early_stopping": True}]
)
def test_the_learned_noise_is_the_error_of_the_rows(params):
    """Also where a few steps leave a running average far behind."""
    X = TRAIN[:120]
    vae = fit(X, hidden_layer_sizes=(), max_iter=30, **params)
    generator = torch.Generator().manual_seed(0)
    q = trained_posterior(vae, X)
    shape = (400, *q.mean.shape)
    codes = q.mean + q.stddev * torch.randn(shape, generator=generator, dtype=q.mean.dtype)
    module = vae.net_.module_
    codes = (codes - module.code_mean) / module.code_scale
    decoded = vae.inverse_transform(codes.reshape(-1, 4).numpy()).reshape(400, *X.shape)
    assert_allclose(vae.noise_variance_, np.square(decoded - X).mean(), rtol=0.03)
