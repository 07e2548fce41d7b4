"""Small fitted estimators that tests of several displays draw."""

from functools import cache

import numpy as np
from mixed_cases import table
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

import skae

DIGITS, CLASSES = load_digits(return_X_y=True)
DIGITS, CLASSES = DIGITS[:300], CLASSES[:300]
WINE = load_wine(as_frame=True).data
WINE = WINE.assign(**dict(zip(WINE, StandardScaler().fit_transform(WINE).T, strict=True)))
TABLE = table(n_rows=150)


def windows(n_rows=60):
    """Return windows of 16 steps and two channels."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 2 * np.pi, size=(n_rows, 1))
    steps = np.linspace(0, 2 * np.pi, 16)
    return np.stack([np.sin(steps + phase), 3 * np.cos(steps + phase)], axis=2)


@cache
def of_digits(kind="AutoencoderTransformer", n_components=4, max_iter=3, **params):
    """Return an autoencoder of digits in rows of 64 pixels."""
    made = getattr(skae, kind)(n_components, max_iter=max_iter, random_state=0, **params)
    return made.set_params(hidden_layer_sizes=(16,)).fit(DIGITS)


@cache
def linear(n_components=2):
    """Return an autoencoder whose decoder is linear, of wine."""
    params = {"hidden_layer_sizes": (), "max_iter": 2, "random_state": 0}
    return skae.AutoencoderTransformer(n_components, **params).fit(WINE)


@cache
def of_table():
    """Return an autoencoder of a table with columns of several types."""
    params = {"hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0}
    return skae.AutoencoderTransformer(2, **params).fit(TABLE)


@cache
def of_images():
    """Return an autoencoder of images in an array of three dimensions."""
    network = skae.networks.ConvolutionalNetwork(channels=(4,), hidden_layer_sizes=())
    params = {"network": network, "max_iter": 2, "random_state": 0}
    return skae.AutoencoderTransformer(3, **params).fit(DIGITS.reshape(-1, 8, 8))


@cache
def of_windows():
    """Return an autoencoder of windows of two channels."""
    network = skae.networks.SequenceNetwork(channels=(4,), hidden_layer_sizes=())
    params = {"network": network, "max_iter": 2, "random_state": 0}
    return skae.AutoencoderTransformer(2, **params).fit(windows())
