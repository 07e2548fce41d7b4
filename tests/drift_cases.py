"""Rows without and with drift, and models of them, that the tests of drift share."""

import numpy as np

from skae import AutoencoderTransformer

LINEAR = {"hidden_layer_sizes": (), "max_iter": 10, "random_state": 0}
FEW = {"n_permutations": 99, "random_state": 0}
MIXING = np.random.default_rng(0).normal(size=(3, 8))


def draw(rng, n_samples, *, mean=0.0, scale=1.0, noise=0.5):
    """Eight features that come from three, and noise."""
    sources = rng.normal(mean, scale, size=(n_samples, 3))
    return sources @ MIXING + noise * rng.normal(size=(n_samples, 8))


def independent(rng, n_samples, correlation=0.0):
    """Independent features, but for the first two, each with a variance of its own."""
    rows = rng.normal(size=(n_samples, 6))
    rows[:, 1] = correlation * rows[:, 0] + np.sqrt(1 - correlation**2) * rows[:, 1]
    return rows * [3, 2.5, 2, 1.5, 0.5, 0.5]


def fit_model(draw_rows, n_samples):
    """A linear autoencoder of four codes."""
    return AutoencoderTransformer(4, **LINEAR).fit(draw_rows(np.random.default_rng(1), n_samples))
