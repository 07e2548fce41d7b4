"""Log-likelihoods of the variational autoencoder, beside the truth where it is known."""

import time

import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from skae import VariationalAutoencoder


def factor_model():
    """Return mean log-densities of rows drawn from a factor model, in nats per row."""
    rng = np.random.default_rng(0)
    n_features, noise = 20, 0.5
    loadings = rng.normal(size=(4, n_features)) * np.array([[3.0], [2.0], [1.5], [1.0]])

    def draw(n):
        factors = rng.normal(size=(n, 4)) @ loadings
        return factors + noise * rng.normal(size=(n, n_features))

    X_train, X_test = draw(4000), draw(4000)
    covariance = loadings.T @ loadings + noise**2 * np.eye(n_features)
    truth = multivariate_normal(np.zeros(n_features), covariance).logpdf(X_test)
    pca = PCA(4).fit(X_train).score_samples(X_test)
    rows = [("the truth", truth.mean(), np.nan), ("PCA", pca.mean(), 0.0)]
    linear = {"hidden_layer_sizes": (), "random_state": 0}
    for name, params in (
        ("linear, from PCA", linear),
        ("linear, from random, 300 epochs", {**linear, "init": "random", "max_iter": 300}),
        ("deep", {"random_state": 0}),
    ):
        scores = VariationalAutoencoder(4, **params).fit(X_train).score_samples(X_test)
        rows.append((name, scores.mean(), abs(scores - pca).mean() / n_features))
    return pd.DataFrame(
        rows, columns=["factor model, 20 features", "log-density", "from PCA's, per feature"]
    )


def binarised(X_train, X_test):
    """Return bounds for binarised digits, in nats.

    Each pixel is drawn once, one with a probability of its grey value, in training and test
    images alike. The importance-weighted bound has 500 draws, on 1000 test images.
    """
    rng = np.random.default_rng(0)
    X_train, X_test = (
        (rng.random(X.shape, dtype=np.float32) < X).astype(np.float32) for X in (X_train, X_test)
    )
    some = rng.permutation(len(X_test))[:1000]
    rows = []
    for name, beta in (("VariationalAutoencoder", 1.0), ("the same, beta = 4", 4.0)):
        vae = VariationalAutoencoder(
            32, hidden_layer_sizes=(512, 256), loss="log_loss", beta=beta, random_state=0
        )
        start = time.process_time()
        vae.fit(X_train)
        seconds = time.process_time() - start
        elbo = vae.elbo(X_test).mean()
        bound = vae.set_params(n_draws=500).score(X_test[some])
        rows.append((name, -elbo, -bound, vae.active_units_, seconds))
    return pd.DataFrame(
        rows, columns=["binarised digits", "-ELBO", "-bound, 500 draws", "active of 32", "CPU s"]
    )
