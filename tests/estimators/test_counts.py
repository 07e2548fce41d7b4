"""Negative binomial and multinomial losses: likelihoods of counts whose rows differ in depth."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from schedule_cases import OF_VARIANTS
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.decomposition import PCA

import skae
from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    WassersteinAutoencoder,
)

LOSSES = ["negative_binomial", "multinomial"]
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 8, "random_state": 0}
DISPERSION = 0.4


def made_counts(n_rows=500, n_columns=30, dispersion=DISPERSION, seed=0):
    """Counts of two factors, of rows whose depths differ tenfold, and what is expected."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_rows, 2))
    logits = rng.normal(size=n_columns) + factors @ rng.normal(size=(2, n_columns))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mean = 300 * np.exp(rng.normal(0, 0.8, (n_rows, 1))) * shares
    rates = mean * rng.gamma(1 / dispersion, dispersion, mean.shape)
    return rng.poisson(rates).astype(float), mean


ALL, ALL_MEAN = made_counts(700)
(X, NEW), (MEAN, NEW_MEAN) = np.split(ALL, [500]), np.split(ALL_MEAN, [500])


def log_likelihoods(X, mean, dispersion):
    shape = 1 / np.asarray(dispersion)
    return stats.nbinom.logpmf(X, shape, shape / (shape + mean)).sum(axis=1)


# -- depth -----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_codes_do_not_depend_on_the_depth(loss):
    ae = AutoencoderTransformer(2, loss=loss, **SMALL).fit(X)
    codes = ae.transform(X)
    assert_allclose(ae.transform(7 * X), codes, atol=1e-4)
    # The control: a loss that knows no depth.
    poisson = AutoencoderTransformer(2, loss="poisson", max_grad_norm=0.1, **SMALL).fit(X)
    assert abs(poisson.transform(7 * X) - poisson.transform(X)).max() > 1


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
@pytest.mark.parametrize("loss", LOSSES)
def test_rows_come_back_at_their_depth_and_codes_at_the_mean_depth(estimator, loss):
    ae = estimator(2, loss=loss, **SMALL).fit(X)
    depth = X.sum(axis=1)
    assert_allclose(ae.reconstruct(NEW).sum(axis=1), NEW.sum(axis=1), rtol=1e-5)
    assert_allclose(ae.inverse_transform(ae.transform(NEW)).sum(axis=1), depth.mean(), rtol=1e-5)
    assert_allclose(ae.sample(20, random_state=0).sum(axis=1), depth.mean(), rtol=1e-5)
    weighted = estimator(2, loss=loss, **SMALL).fit(X, sample_weight=depth)
    expected = np.average(depth, weights=depth)
    assert expected > 1.2 * depth.mean()
    assert_allclose(weighted.sample(3, random_state=0).sum(axis=1), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_without_counts_is_the_mean_row_and_certain(loss):
    empty = np.zeros((1, X.shape[1]))
    rows = np.vstack([empty, X, empty])
    ae = AutoencoderTransformer(2, loss=loss, early_stopping=False, **SMALL).fit(rows)
    assert_array_equal(ae.reconstruct(rows)[0], empty[0])
    assert_allclose(ae.score_samples(rows)[0], 0, atol=1e-12)
    codes = ae.transform(rows)
    assert np.isfinite(codes).all()
    assert_array_equal(codes[0], codes[-1])
    # It looks like the mean of the inputs, which is near the middle of the codes.
    assert abs(codes[0]).max() < 1.5
    linear = AutoencoderTransformer(2, loss=loss, **SMALL | {"hidden_layer_sizes": ()})
    still = {"max_iter": 1, "learning_rate_init": 1e-12, "early_stopping": False}
    assert_allclose(linear.set_params(**still).fit(rows).transform(empty)[0], 0, atol=0.05)


# -- likelihoods -----------------------------------------------------------------------------


@pytest.mark.parametrize("dispersion", [0.02, 0.4, 2.0])
def test_dispersions_are_found(dispersion):
    rows, _ = made_counts(1500, 12, dispersion)
    # Slow enough not to fit the noise.
    params = OF_VARIANTS | SMALL
    ae = AutoencoderTransformer(2, loss="negative_binomial", **params).fit(rows)
    found = ae.dispersion_
    assert found.shape == (12,)
    assert 0.6 * dispersion < np.median(found) < 1.5 * dispersion
    # They are those that are most likely, given the reconstructions.
    mean = ae.reconstruct(rows)
    of_columns = np.array(
        [
            stats.nbinom.logpmf(rows, 1 / a, 1 / (1 + a * mean)).sum(axis=0)
            for a in found * np.exp(np.linspace(-1, 1, 41))[:, None]
        ]
    )
    best = np.linspace(-1, 1, 41)[of_columns.argmax(axis=0)]
    assert np.abs(best).max() < 0.3
    assert np.median(np.abs(best)) < 0.1


def test_dispersions_belong_to_the_negative_binomial():
    ae = AutoencoderTransformer(2, loss="multinomial", **SMALL).fit(X)
    assert ae.dispersion_ is None
    assert AutoencoderTransformer(2, **SMALL).fit(X).dispersion_ is None


def test_held_out_likelihood_is_near_that_of_the_truth():
    ae = AutoencoderTransformer(2, loss="negative_binomial", **SMALL | {"max_iter": 25}).fit(X)
    truth = log_likelihoods(NEW, NEW_MEAN, DISPERSION).mean()
    found = log_likelihoods(NEW, ae.reconstruct(NEW), ae.dispersion_).mean()
    assert_allclose(ae.score(NEW) * X.shape[1], found, rtol=1e-5)
    assert found > 1.05 * truth
    # The control: the shares of the columns alone.
    constant = NEW.sum(axis=1, keepdims=True) * X.sum(axis=0) / X.sum()
    assert log_likelihoods(NEW, constant, DISPERSION).mean() < 1.2 * truth


@pytest.mark.parametrize("loss", LOSSES)
def test_bounds_of_the_variational_model_are_below_the_likelihood(loss):
    """Without codes that vary, the likelihood of a row is known: that of the decoded prior mean."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(6))
    rows = np.array([rng.multinomial(n, shares) for n in rng.integers(20, 60, 300)], dtype=float)
    params = SMALL | {"max_iter": 60, "beta": 30.0, "early_stopping": False}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The posterior has collapsed")
        vae = VariationalAutoencoder(1, loss=loss, **params).fit(rows)
    mean = vae.reconstruct(rows)
    if loss == "multinomial":
        expected = stats.multinomial.logpmf(
            rows, rows.sum(axis=1), mean / mean.sum(axis=1, keepdims=True)
        )
    else:
        expected = log_likelihoods(rows, mean, vae.dispersion_)
    # In nats per row, with all constants.
    assert_allclose(vae.score_samples(rows), expected, atol=0.5)
    assert np.ptp(expected) > 5
    assert (vae.elbo(rows) <= vae.score_samples(rows) + 1e-6).all()
    assert vae.noise_variance_ is None


def test_the_bound_equals_an_importance_sample():
    vae = VariationalAutoencoder(2, loss="negative_binomial", n_draws=2000, **SMALL).fit(X)
    rng = np.random.default_rng(0)
    rows = NEW[:4]
    depth = rows.sum(axis=1, keepdims=True)
    codes = rng.normal(size=(20_000, 2))
    shares = vae.inverse_transform(codes)
    shares /= shares.sum(axis=1, keepdims=True)
    # The log-likelihood of a row is the mean over the prior.
    expected = []
    for row, n in zip(rows, depth, strict=True):
        of_codes = log_likelihoods(row, n * shares, vae.dispersion_)
        largest = of_codes.max()
        expected.append(largest + np.log(np.mean(np.exp(of_codes - largest))))
    assert_allclose(vae.score_samples(rows), expected, atol=0.4)


# -- starts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
@pytest.mark.parametrize("loss", LOSSES)
def test_training_starts_near_a_linear_model_and_ends_no_worse(estimator, loss):
    still = SMALL | {"learning_rate_init": 1e-12, "max_iter": 1}
    start = estimator(2, loss=loss, **still).fit(X)
    # Codes of the start are those of a PCA of logarithms of rates.
    depth = X.sum(axis=1, keepdims=True)
    log_rates = np.log1p(X / depth * depth.mean())
    pca = PCA(2).fit_transform(log_rates)
    codes = start.transform(X)
    correlation = abs(np.corrcoef(codes.T, pca.T)[:2, 2:])
    assert_allclose(correlation, np.eye(2), atol=0.02)
    # It is much better than the shares of the columns.
    other = AutoencoderTransformer(2, loss=loss, **still | {"init": "random"}).fit(X)
    plain = AutoencoderTransformer(2, loss=loss, **still).fit(X)
    assert plain.score(X) > other.score(X) + 0.1
    wild = SMALL | {"learning_rate_init": 30.0, "max_iter": 2}
    end = estimator(2, loss=loss, **wild).fit(X)
    assert end.loss_ <= start.loss_ * (1 + 1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_training_improves_on_the_start(loss):
    still = SMALL | {"learning_rate_init": 1e-12, "max_iter": 1}
    start = AutoencoderTransformer(2, loss=loss, **still).fit(X)
    end = AutoencoderTransformer(2, loss=loss, **SMALL | {"max_iter": 20}).fit(X)
    truth = log_likelihoods(NEW, NEW_MEAN, DISPERSION).mean() / X.shape[1]
    assert end.score(NEW) > start.score(NEW) + 0.01 * abs(truth)


# -- input -----------------------------------------------------------------------------------


def check_answers(one, other, rows, other_rows, **tolerance):
    for method in ("transform", "reconstruct", "score_samples"):
        found, expected = getattr(one, method)(rows), getattr(other, method)(other_rows)
        assert_allclose(found, expected, err_msg=method, **tolerance)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("loss", LOSSES)
def test_sparse_rows_are_dense_rows(loss, method):
    weight = np.arange(500) % 3 / 1.0
    rows = np.vstack([X[:499], np.zeros((1, 30))])
    params = SMALL | {"optimizer": "sgd", "max_iter": 3}
    one, other = (AutoencoderTransformer(2, loss=loss, **params) for _ in range(2))
    getattr(one, method)(sparse.csr_array(rows), sample_weight=weight)
    getattr(other, method)(rows, sample_weight=weight)
    check_answers(one, other, sparse.csr_array(rows), rows, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mapped_file_is_an_array(loss, tmp_path):
    np.save(tmp_path / "counts.npy", X.astype(np.float32))
    mapped = np.load(tmp_path / "counts.npy", mmap_mode="r")
    one, other = (AutoencoderTransformer(2, loss=loss, **SMALL) for _ in range(2))
    check_answers(one.fit(mapped), other.fit(X.astype(np.float32)), mapped, mapped, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int32, np.int64, np.uint16])
def test_counts_of_every_type(dtype):
    ae = AutoencoderTransformer(2, loss="negative_binomial", **SMALL).fit(X)
    check_answers(ae, ae, X.clip(0, 60_000).astype(dtype), X.clip(0, 60_000), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
@pytest.mark.parametrize("loss", LOSSES)
def test_large_counts_keep_likelihoods_exact(estimator, loss):
    large = np.round(X * 1e9 / X.max())
    ae = estimator(2, loss=loss, **SMALL | {"max_iter": 3}).fit(large)
    assert np.isfinite(ae.loss_curve_).all()
    assert np.isfinite(ae.score_samples(large)).all()
    if estimator is AutoencoderTransformer and loss == "negative_binomial":
        expected = log_likelihoods(large, ae.reconstruct(large), ae.dispersion_) / X.shape[1]
        assert_allclose(ae.score_samples(large), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_values_that_are_not_whole_are_taken(loss):
    ae = AutoencoderTransformer(2, loss=loss, **SMALL).fit(X / 3)
    assert np.isfinite(ae.score_samples(X / 3)).all()


@pytest.mark.parametrize("to_input", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("loss", LOSSES)
def test_bad_counts_are_refused_and_leave_the_model_as_it_is(loss, to_input):
    ae = AutoencoderTransformer(2, loss=loss, **SMALL).fit(X)
    before = ae.transform(X)
    negative = X.copy()
    negative[3, 4] = -2
    for method in ("fit", "partial_fit", "transform", "reconstruct", "score_samples"):
        with pytest.raises(ValueError, match=f"{loss}.* needs values of zero or more.* from -2 to"):
            getattr(ae, method)(to_input(negative))
    with pytest.raises(ValueError, match=f"{loss}.* shares of columns.*n_features=1.*poisson"):
        ae.fit(to_input(X[:, :1]))
    with pytest.raises(ValueError, match=f"{loss}.* needs counts, but all values of X are zero"):
        ae.fit(to_input(np.zeros((20, 5))))
    with pytest.raises(ValueError, match=f"NaN.* loss='{loss}' takes no gaps: fill"):
        ae.fit(to_input(np.where(X.max() == X, np.nan, X)))
    assert_array_equal(ae.transform(X), before)


def test_rounding_below_zero_is_zero():
    ae = AutoencoderTransformer(2, loss="multinomial", **SMALL).fit(X)
    check_answers(ae, ae, np.where(X == 0, -1e-9, X), X, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_categories_are_refused_by_name(loss):
    frame = pd.DataFrame(X[:, :3], columns=[*"abc"]).assign(kind=pd.Categorical(["x", "y"] * 250))
    with pytest.raises(ValueError, match=f"loss='{loss}' does not take them"):
        AutoencoderTransformer(2, loss=loss, **SMALL).fit(frame)


def test_columns_that_training_never_counted():
    rows = X.copy()
    rows[:, 4] = 0
    for loss in LOSSES:
        ae = AutoencoderTransformer(2, loss=loss, **SMALL).fit(rows)
        assert ae.reconstruct(rows)[:, 4].max() < 0.1
        scores = ae.score_samples(NEW)
        assert np.isfinite(scores).all()
        # A count that never was is unusual.
        one = NEW[:1].copy()
        one[0, 4], more = 0, NEW[:1].copy()
        more[0, 4] = 20
        assert ae.score(more) < ae.score(one) - 0.5


# -- every estimator -------------------------------------------------------------------------

EVERY = [
    AdversarialAutoencoder(2, **SMALL),
    ContractiveAutoencoder(2, contraction=1e-4, **SMALL),
    DenoisingAutoencoder(2, **SMALL),
    DenoisingAutoencoder(2, noise="gaussian", **SMALL),
    NestedAutoencoder(2, **SMALL),
    SparseAutoencoder(8, **SMALL),
    WassersteinAutoencoder(2, **SMALL),
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ae", EVERY, ids=lambda ae: repr(ae).split("(")[0])
def test_every_estimator_learns_counts(ae, loss):
    fitted = clone(ae).set_params(loss=loss).fit(X)
    constant = X.sum(axis=1, keepdims=True) * X.sum(axis=0) / X.sum()
    if loss == "negative_binomial":
        of_shares = log_likelihoods(X, constant, fitted.dispersion_)
    else:
        of_shares = stats.multinomial.logpmf(X, X.sum(axis=1), X.sum(axis=0) / X.sum())
    assert fitted.score(X) > of_shares.mean() / X.shape[1]
    for copied in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        check_answers(copied, fitted, NEW, NEW, rtol=0)


@pytest.mark.parametrize("estimator", [AutoencoderTransformer, VariationalAutoencoder])
@pytest.mark.parametrize("loss", LOSSES)
def test_model_files_hold_what_was_learned_of_counts(estimator, loss, tmp_path):
    fitted = estimator(2, loss=loss, **SMALL).fit(X)
    skae.save(fitted, tmp_path / "counts.skae")
    loaded = skae.load(tmp_path / "counts.skae")
    check_answers(loaded, fitted, NEW, NEW, rtol=0)
    assert_array_equal(loaded.sample(3, random_state=0), fitted.sample(3, random_state=0))
    # Training goes on where it stopped.
    one, other = (each.partial_fit(X).score_samples(NEW) for each in (loaded, fitted))
    assert_array_equal(one, other)
    half = fitted.decoder_
    skae.save(half, tmp_path / "decoder.skae")
    codes = fitted.transform(NEW)
    found = skae.load(tmp_path / "decoder.skae").inverse_transform(codes)
    assert_array_equal(found, fitted.inverse_transform(codes))


@pytest.mark.parametrize("loss", LOSSES)
def test_training_goes_on(loss):
    ae = AutoencoderTransformer(2, loss=loss, **SMALL | {"max_iter": 2})
    chunks = ae.partial_fit(iter(np.array_split(X, 4)))
    first = chunks.score(NEW)
    for _ in range(10):
        chunks.partial_fit(iter(np.array_split(X, 4)))
    assert chunks.score(NEW) > first
    warm = clone(ae).set_params(warm_start=True).fit(X)
    before = warm.loss_
    assert warm.fit(X).loss_ < before + 1e-6


def test_a_detector_of_unusual_compositions():
    detector = AutoencoderOutlierDetector(
        AutoencoderTransformer(2, loss="multinomial", **SMALL), n_estimators=2, random_state=0
    ).fit(X)
    rng = np.random.default_rng(0)
    unusual = rng.permuted(NEW, axis=1)
    scores = np.r_[detector.score_samples(unusual), detector.score_samples(NEW)]
    first = stats.mannwhitneyu(scores[:200], scores[200:]).statistic / 200**2
    assert first < 0.2
