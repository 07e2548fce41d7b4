"""Codes of unit variance that suit what follows, and scores that agree with reconstructions."""

import numpy as np
import pytest
from fused_cases import pairwise
from loss_cases import OF_COUNTS
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skae import AutoencoderTransformer

DIGITS = load_digits().data
WINE = StandardScaler().fit_transform(load_wine().data)
SMALL = {"hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}


# -- codes --------------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("X", [WINE, DIGITS[:400]], ids=["wine", "digits"])
def test_codes_have_zero_mean_and_unit_variance(X, early_stopping, init):
    ae = AutoencoderTransformer(3, init=init, early_stopping=early_stopping, **SMALL)
    codes = ae.fit_transform(X)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    assert_allclose(codes.var(axis=0), 1, atol=1e-3)
    if init == "random":
        # What the encoder itself gives has no such scale: the standardisation comes after it.
        assert abs(ae.net_.module_.code_scale - 1).max() > 0.01


@pytest.mark.parametrize("early_stopping", [True, False])
def test_weighted_codes_have_weighted_zero_mean_and_unit_variance(early_stopping):
    weight = np.random.default_rng(0).exponential(size=len(WINE)) ** 2
    weight[:20] = 0
    ae = AutoencoderTransformer(3, early_stopping=early_stopping, **SMALL)
    codes = ae.fit(WINE, sample_weight=weight).transform(WINE)
    mean = np.average(codes, axis=0, weights=weight)
    assert_allclose(mean, 0, atol=1e-4)
    assert_allclose(np.average((codes - mean) ** 2, axis=0, weights=weight), 1, atol=1e-3)
    assert abs(codes.mean(axis=0)).max() > 0.01


def test_codes_over_all_chunks_of_partial_fit_are_nearly_standard():
    # Each chunk was encoded by the weights of its day, so this holds once the weights rest.
    ae = AutoencoderTransformer(3, learning_rate_init=1e-7, **(SMALL | {"max_iter": 1}))
    order = np.random.default_rng(0).permutation(len(WINE))
    for rows in np.array_split(order, 3):
        ae.partial_fit(WINE[rows])
    codes = ae.transform(WINE)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-2)
    assert_allclose(codes.var(axis=0), 1, atol=2e-2)
    # Standardising over the last chunk alone would not do.
    assert abs(codes[rows].mean(axis=0)).max() > 0.05


@pytest.mark.filterwarnings("ignore:Columns differ more than a thousandfold")
@pytest.mark.parametrize(("load", "k"), [(load_digits, 8), (load_digits, 30), (load_wine, 3)])
def test_the_classifier_after_the_codes_converges_at_its_defaults(load, k):
    X, y = load(return_X_y=True)
    # Threads of the BLAS would fight over the cores in products as small as these.
    with threadpool_limits(1):
        for control in (LogisticRegression(), make_pipeline(PCA(k), LogisticRegression())):
            with pytest.warns(ConvergenceWarning):
                control.fit(X, y)
        # Warnings are errors.
        make_pipeline(AutoencoderTransformer(k, **SMALL), LogisticRegression()).fit(X, y)


def test_a_constant_code_stays_finite():
    X = np.zeros((30, 3))
    X[:, 0] = np.random.default_rng(0).normal(size=30)
    codes = AutoencoderTransformer(
        2, hidden_layer_sizes=(), max_iter=2, random_state=0
    ).fit_transform(X)
    assert np.isfinite(codes).all()
    assert_allclose(codes.var(axis=0).max(), 1, atol=1e-3)


# -- there and back -----------------------------------------------------------------------


def uniform(shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


DATA = {
    "squared_error": WINE[:, :6],
    "absolute_error": WINE[:, :6],
    # Values on both sides of the bend, so that both halves of the formula count.
    "huber": np.random.default_rng(0).standard_t(df=2, size=(150, 6)) * 20 + 5,
    "log_loss": (uniform((150, 6)) < uniform((150, 1), 1)).astype(float),
    "poisson": np.random.default_rng(0).poisson(10 * uniform((150, 1), 1), (150, 6)).astype(float),
}
DATA["negative_binomial"] = DATA["multinomial"] = DATA["poisson"]


def loss_by_row(name, X, R, dispersion):
    """The loss of each row from the rows and their reconstructions, by independent formulas."""
    error = X - R
    if name == "squared_error":
        return (error**2).mean(axis=1)
    if name == "absolute_error":
        return abs(error).mean(axis=1)
    if name == "huber":
        # The bend is at one unit of the scaled data: the root of the features' mean variance.
        bend = np.sqrt(DATA["huber"].var(axis=0).mean())
        small = error**2 / 2
        return np.where(abs(error) <= bend, small, bend * (abs(error) - bend / 2)).mean(axis=1)
    if name == "log_loss":
        return [log_loss(x, p, labels=[0, 1]) for x, p in zip(X, R, strict=True)]
    if name == "negative_binomial":
        shape = 1 / dispersion
        return -stats.nbinom.logpmf(X, shape, shape / (shape + R)).mean(axis=1)
    if name == "multinomial":
        # Of a row without counts any shares will do.
        shares = R + (R.sum(axis=1, keepdims=True) == 0)
        shares /= shares.sum(axis=1, keepdims=True)
        return -stats.multinomial.logpmf(X, X.sum(axis=1), shares) / X.shape[1]
    return [mean_poisson_deviance(x, mu) for x, mu in zip(X, R, strict=True)]


@pytest.mark.parametrize(
    ("loss", "batch_size", "dtype"), pairwise(DATA, ["auto", 1000], [np.float32, np.float64])
)
def test_scores_agree_with_reconstructions(loss, batch_size, dtype):
    X = DATA[loss].astype(dtype)
    ae = AutoencoderTransformer(
        2, loss=loss, batch_size=batch_size, learning_rate_init=0.01, **SMALL
    ).fit(X)
    reconstruction = ae.reconstruct(X)
    assert reconstruction.dtype == dtype
    decoded = ae.inverse_transform(ae.transform(X))
    if loss in OF_COUNTS:
        # Codes know the mean depth alone.
        decoded = decoded * (X.sum(axis=1) / X.sum(axis=1).mean())[:, None]
    assert_allclose(decoded, reconstruction, rtol=2e-4, atol=2e-5)

    scores = ae.score_samples(X)
    assert scores.dtype == np.float64
    of_rows = loss_by_row(loss, X.astype(float), reconstruction.astype(float), ae.dispersion_)
    expected = -np.asarray(of_rows)
    assert (ae.dispersion_ is not None) == (loss == "negative_binomial")
    assert np.ptp(expected) > 0.1
    assert_allclose(scores, expected, rtol=1e-3, atol=1e-5 * abs(expected).max())

    assert isinstance(ae.score(X), float)
    assert_allclose(ae.score(X), expected.mean(), rtol=1e-4)
    weight = uniform(len(X), 2)
    weighted = ae.score(X, sample_weight=weight)
    assert_allclose(weighted, np.average(expected, weights=weight), rtol=1e-4)
    assert abs(weighted / ae.score(X) - 1) > 1e-4
    # Without a penalty, what training minimised is minus the score.
    assert_allclose(ae.loss_, -ae.score(X), rtol=1e-4)


@pytest.mark.parametrize("loss", ["log_loss", "poisson"])
def test_links_keep_reconstructions_in_range(loss):
    X = DATA[loss]
    ae = AutoencoderTransformer(2, loss=loss, **SMALL).fit(X)
    codes = np.vstack([30 * np.eye(2), -30 * np.eye(2)])
    far = ae.inverse_transform(codes)
    assert far.min() >= 0
    if loss == "log_loss":
        assert far.max() <= 1
    # The control: a squared error has no such bounds.
    far = AutoencoderTransformer(2, **SMALL).fit(X).inverse_transform(codes)
    assert far.min() < 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_answers_in_the_dtype_of_its_input(dtype):
    ae = AutoencoderTransformer(2, **SMALL).fit(WINE)
    X = WINE.astype(dtype)
    codes = ae.transform(X)
    assert codes.dtype == ae.inverse_transform(codes).dtype == ae.reconstruct(X).dtype == dtype
    assert ae.score_samples(X).dtype == np.float64


def test_the_penalty_is_no_part_of_the_score():
    ae = AutoencoderTransformer(2, alpha=0.1, **SMALL).fit(WINE)
    assert_allclose(ae.score(WINE), -((WINE - ae.reconstruct(WINE)) ** 2).mean(), rtol=1e-4)
    assert ae.loss_ > -1.01 * ae.score(WINE)
