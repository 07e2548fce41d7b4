"""What the autoencoder shares with PCA: its subspace, its start, and a bound it never passes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderTransformer
from skae.tables import ScaledRows, principal_components

DIGITS = load_digits().data


def decaying(n_samples=300, n_features=20, decay=0.8, seed=0):
    """Random rows whose variances fall geometrically along rotated axes, off the origin."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    scales = decay ** np.arange(n_features)
    return (rng.normal(size=(n_samples, n_features)) * scales) @ rotation + rng.normal(
        size=n_features
    )


TABLES = {
    "iris": load_iris().data,
    "wine": StandardScaler().fit_transform(load_wine().data),
    "wine, raw": load_wine().data,
    "breast_cancer": StandardScaler().fit_transform(load_breast_cancer().data),
    "breast_cancer, raw": load_breast_cancer().data,
    "diabetes": load_diabetes().data,
    "digits": DIGITS[:500],
    "digits and a row number": np.c_[100.0 * np.arange(500), DIGITS[:500]],
}


def pca_reconstruction(X, n_components, sample_weight=None):
    """PCA by numpy alone: project on the leading eigenvectors of the weighted covariance."""
    weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
    mean = np.average(X, axis=0, weights=weight)
    covariance = (X - mean).T @ ((X - mean) * weight[:, None]) / weight.sum()
    vectors = np.linalg.eigh(covariance)[1][:, ::-1][:, :n_components]
    return (X - mean) @ vectors @ vectors.T + mean


def mse(X, reconstruction, sample_weight=None):
    return np.average(((X - reconstruction) ** 2).mean(axis=1), weights=sample_weight)


def assert_not_above(X, reconstruction, reference, sample_weight=None):
    """The error is at most PCA's, up to float32 rounding relative to the data's variance."""
    rounding = 1e-10 * X.var(axis=0).mean()
    error, bound = mse(X, reconstruction, sample_weight), mse(X, reference, sample_weight)
    assert error <= bound * (1 + 1e-5) + rounding


def largest_angle(ae, components):
    """Degrees between the span of components and the directions that the decoder can go."""
    codes = np.vstack([np.zeros(ae.n_components_), np.eye(ae.n_components_)])
    decoded = ae.inverse_transform(codes)
    return np.degrees(subspace_angles(components.T, (decoded[1:] - decoded[0]).T).max())


# -- the linear autoencoder ---------------------------------------------------------------

TRAINED = {
    "init": "random",
    "learning_rate_init": 1e-2,
    "learning_rate": "cosine",
    "max_iter": 300,
    "batch_size": 100,
    "early_stopping": False,
}


@pytest.mark.parametrize("params", [{}, TRAINED], ids=["pca", "random"])
@pytest.mark.parametrize(("X", "k"), [(DIGITS, 8), (decaying(), 4)], ids=["digits", "random"])
def test_linear_autoencoder_reaches_the_subspace_of_pca(X, k, params):
    ae = AutoencoderTransformer(k, hidden_layer_sizes=(), random_state=0, **params).fit(X)
    pca = PCA(k).fit(X)
    ratio = mse(X, ae.reconstruct(X)) / mse(X, pca.inverse_transform(pca.transform(X)))
    assert ratio <= 1.01
    assert largest_angle(ae, pca.components_) < 5


def test_linear_autoencoder_reaches_pca_by_training_alone():
    # The control: the same random start after two epochs is far from PCA.
    X, k = decaying(), 4
    ae = AutoencoderTransformer(
        k, hidden_layer_sizes=(), random_state=0, **(TRAINED | {"max_iter": 2})
    ).fit(X)
    assert mse(X, ae.reconstruct(X)) / mse(X, pca_reconstruction(X, k)) > 1.5
    assert largest_angle(ae, PCA(k).fit(X).components_) > 30


# -- the start at PCA ---------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (16, 8)])
@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_starts_at_pca(hidden, normalization, dtype):
    X = decaying().astype(dtype)
    standing_still = {"learning_rate_init": 1e-12, "max_iter": 1, "early_stopping": False}
    params = {"hidden_layer_sizes": hidden, "normalization": normalization, "random_state": 0}
    ae = AutoencoderTransformer(5, **params, **standing_still).fit(X)
    assert_allclose(ae.reconstruct(X), pca_reconstruction(X.astype(float), 5), atol=2e-5)
    # The control: a random start is elsewhere.
    ae = AutoencoderTransformer(5, init="random", **params, **standing_still).fit(X)
    assert mse(X, ae.reconstruct(X)) > 1.5 * mse(X, pca_reconstruction(X, 5))


@pytest.mark.filterwarnings("ignore:Columns differ more than a thousandfold")
@pytest.mark.parametrize("n_components", [1, 2, 4])
@pytest.mark.parametrize("table", TABLES)
def test_training_rows_are_never_reconstructed_worse_than_by_pca(table, n_components):
    X = TABLES[table]
    ae = AutoencoderTransformer(n_components, max_iter=3, random_state=0).fit(X)
    assert_not_above(X, ae.reconstruct(X), pca_reconstruction(X, n_components))


HARSH = {
    "high rate": {"learning_rate_init": 0.1},
    "high constant rate": {"learning_rate_init": 0.1, "learning_rate": "constant"},
    "linear, high rate": {"learning_rate_init": 0.1, "hidden_layer_sizes": ()},
    "noisy steps": {"optimizer": "sgd", "learning_rate_init": 0.01, "batch_size": 5},
    "dropout": {"dropout": 0.5},
    "batch": {"normalization": "batch"},
    "layer": {"normalization": "layer"},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("harsh", HARSH)
def test_no_setting_ends_above_pca(harsh, early_stopping):
    X = TABLES["breast_cancer"][:200]
    params = {"hidden_layer_sizes": (32,), "max_iter": 4} | HARSH[harsh]
    ae = AutoencoderTransformer(3, early_stopping=early_stopping, random_state=1, **params)
    assert_not_above(X, ae.fit(X).reconstruct(X), pca_reconstruction(X, 3))


def test_a_high_rate_does_end_above_pca_from_a_random_start():
    # The control of the bound: without it, the same training does end above PCA.
    X = TABLES["breast_cancer"][:200]
    params = {"hidden_layer_sizes": (32,), "max_iter": 4, "learning_rate_init": 0.1}
    ae = AutoencoderTransformer(3, init="random", random_state=1, **params).fit(X)
    assert mse(X, ae.reconstruct(X)) > 1.1 * mse(X, pca_reconstruction(X, 3))


@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("hidden", [(), (16,)])
def test_weighted_rows_are_never_reconstructed_worse_than_by_weighted_pca(hidden, early_stopping):
    X = TABLES["wine"]
    weight = np.random.default_rng(0).exponential(size=len(X)) ** 2
    ae = AutoencoderTransformer(
        2, hidden_layer_sizes=hidden, early_stopping=early_stopping, max_iter=5, random_state=0
    ).fit(X, sample_weight=weight)
    reference = pca_reconstruction(X, 2, weight)
    assert_not_above(X, ae.reconstruct(X), reference, weight)
    # The control: PCA without the weights would not be a bound this tight.
    assert mse(X, pca_reconstruction(X, 2), weight) > 1.01 * mse(X, reference, weight)


@pytest.mark.parametrize("hidden", [(), (16,)])
def test_sparse_rows_are_never_reconstructed_worse_than_by_pca(hidden):
    X = sparse.random(300, 40, density=0.1, random_state=0, format="csr")
    ae = AutoencoderTransformer(
        5, hidden_layer_sizes=hidden, max_iter=5, learning_rate_init=0.05, random_state=0
    ).fit(X)
    assert_not_above(X.toarray(), ae.reconstruct(X), pca_reconstruction(X.toarray(), 5))


# -- how many components ------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95, 0.999])
@pytest.mark.parametrize("table", ["iris", "wine", "breast_cancer", "digits"])
def test_share_of_the_variance_means_what_it_means_to_pca(table, share):
    X = TABLES[table]
    ae = AutoencoderTransformer(share, hidden_layer_sizes=(), max_iter=1, random_state=0)
    expected = PCA(share).fit(X).n_components_
    assert ae.fit(X).n_components_ == expected
    # A random start needs the spectrum too.
    assert ae.set_params(init="random").fit(X).n_components_ == expected
    assert ae.transform(X).shape == (len(X), expected)


@pytest.mark.parametrize(("n_features", "expected"), [(2, 2), (4, 2), (5, 3), (64, 8), (65, 9)])
def test_auto_is_the_root_of_the_number_of_features(n_features, expected):
    X = np.random.default_rng(0).normal(size=(30, n_features))
    ae = AutoencoderTransformer(hidden_layer_sizes=(), max_iter=1, random_state=0).fit(X)
    assert ae.n_components_ == expected


@pytest.mark.parametrize("init", ["pca", "random"])
def test_codes_may_be_wider_than_the_input(init):
    X = TABLES["iris"]
    params = TRAINED | {"hidden_layer_sizes": (), "init": init, "random_state": 0}
    ae = AutoencoderTransformer(10, **params).fit(X)
    assert ae.transform(X).shape == (150, 10)
    # Nothing has to be lost on the way, unlike through the three codes of the control.
    assert mse(X, ae.reconstruct(X)) < 0.1 * mse(X, pca_reconstruction(X, 3))


# -- principal_components against scikit-learn's PCA -----------------------------------------


def components_of(X, n_components, sample_weight=None):
    rows = ScaledRows(X, np.zeros(X.shape[1]), 1.0)
    return principal_components(rows, sample_weight, n_components, np.random.RandomState(0))


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_principal_components_equal_those_of_pca(dtype, tolerance, container):
    X = decaying().astype(dtype)
    found, pca = components_of(container(X), 6), PCA(6).fit(X.astype(float))
    assert_allclose(found.mean, pca.mean_, atol=tolerance)
    signs = np.sign((found.components * pca.components_).sum(axis=1))
    assert_allclose(found.components, signs[:, None] * pca.components_, atol=tolerance)
    # PCA divides by n - 1, as an estimate of the population; here it is the table's own.
    n = len(X)
    assert_allclose(found.variances, pca.explained_variance_ * (n - 1) / n, rtol=10 * tolerance)
    assert_allclose(found.total_variance, X.astype(float).var(axis=0).sum(), rtol=10 * tolerance)


def test_weights_count_as_repeated_rows_in_principal_components():
    X = decaying()
    repeats = np.random.default_rng(1).integers(0, 4, size=len(X))
    weighted = components_of(X, 6, sample_weight=repeats.astype(float))
    repeated = components_of(np.repeat(X, repeats, axis=0), 6)
    for name in ("mean", "components", "variances", "total_variance"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), atol=1e-9)
    assert abs(weighted.components - components_of(X, 6).components).max() > 1e-3


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_principal_components_of_many_features(container):
    # Beyond 2000 features a random subspace is iterated instead of a covariance formed.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)) * 0.7 ** np.arange(8) @ rng.normal(size=(8, 2100))
    X += 0.05 * rng.normal(size=X.shape) + 1
    found, pca = components_of(container(X), 4), PCA(4, svd_solver="full").fit(X)
    assert np.degrees(subspace_angles(found.components.T, pca.components_.T).max()) < 0.5
    assert_allclose(found.components @ found.components.T, np.eye(4), atol=1e-9)
    assert_allclose(found.variances, pca.explained_variance_ * 59 / 60, rtol=1e-4)


def test_small_variances_are_found_beside_large_ones_in_many_rows():
    # What counts as no variance must not grow with the number of rows.
    X = np.random.default_rng(0).normal(size=(200_000, 4)).astype(np.float32)
    found = components_of(X * np.float32([1, 1e-1, 1e-2, 1e-3]), 4)
    assert_allclose(np.sqrt(found.variances), [1, 1e-1, 1e-2, 1e-3], rtol=0.01)


@pytest.mark.filterwarnings("ignore:Columns differ more than a thousandfold")
@pytest.mark.parametrize("share", [0.9, 0.999, 0.99999, 0.9999999])
def test_a_share_counts_components_as_pca_does_on_badly_scaled_features(share):
    X = TABLES["breast_cancer, raw"]
    ae = AutoencoderTransformer(share, hidden_layer_sizes=(), max_iter=1).fit(X)
    assert ae.n_components_ == PCA(share).fit(X).n_components_


def test_directions_without_variance_are_no_components():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3)) @ rng.normal(size=(3, 7))
    assert components_of(X, 5).components.shape == (3, 7)
    assert components_of(X + 1e-3 * rng.normal(size=X.shape), 5).components.shape == (5, 7)
    ae = AutoencoderTransformer(5, hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X)
    assert ae.transform(X).shape == (50, 5)
    assert_allclose(ae.reconstruct(X), X, atol=1e-4)
