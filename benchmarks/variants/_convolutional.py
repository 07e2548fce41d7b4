"""Convolutions beside dense layers with at least as many parameters."""

import time

import numpy as np
import pandas as pd

from skae import AutoencoderTransformer, ConvolutionalAutoencoder
from skae.networks import SequenceNetwork

N_ROWS = 10_000


def convolution(X_train, X_test):
    """Return errors on test digits."""
    X_train = X_train[np.random.default_rng(0).permutation(len(X_train))[:N_ROWS]]
    rows = []
    for k in (8, 16):
        for ae in (
            AutoencoderTransformer(k, random_state=0),
            AutoencoderTransformer(k, init="random", random_state=0),
            ConvolutionalAutoencoder(k, image_shape=(28, 28), random_state=0),
        ):
            rows.append((k, *_measured(ae, X_train, X_test)))
    return pd.DataFrame(rows, columns=["digits, components", *_COLUMNS])


def signals():
    """Return errors on windows of made signals of six channels.

    Two oscillations of random frequency, phase and height run through all channels, each
    mixed into them in its own way, under noise.
    """
    rng = np.random.default_rng(0)
    n_windows, n_steps, n_channels = 6000, 64, 6
    steps = np.arange(n_steps)[None, :, None]
    mixing = rng.normal(size=(2, n_channels))
    windows = 0.1 * rng.normal(size=(n_windows, n_steps, n_channels))
    for row in mixing:
        periods, phases, heights = (
            rng.uniform(low, high, size=(n_windows, 1, 1))
            for low, high in ((12, 40), (0, 2 * np.pi), (0.5, 1.5))
        )
        windows += heights * np.sin(2 * np.pi * steps / periods + phases) * row
    windows = windows.reshape(n_windows, -1).astype(np.float32)
    train, test = windows[:5000], windows[5000:]
    shape = (n_steps, n_channels)
    rows = []
    for ae in (
        AutoencoderTransformer(8, random_state=0),
        AutoencoderTransformer(8, init="random", random_state=0),
        AutoencoderTransformer(8, network=SequenceNetwork(shape), init="random", random_state=0),
        AutoencoderTransformer(
            8, network=SequenceNetwork(shape, kind="gru"), init="random", random_state=0
        ),
    ):
        rows.append(_measured(ae, train, test))
    return pd.DataFrame(rows, columns=["signals, 8 components", *_COLUMNS[1:]])


_COLUMNS = ("network", "parameters", "error", "CPU s")


def _measured(ae, X_train, X_test):
    start = time.process_time()
    ae.fit(X_train)
    seconds = time.process_time() - start
    name = f"{type(ae.network_).__name__}, {getattr(ae.network_, 'kind', '')} {ae.init}"
    n_parameters = sum(p.numel() for p in ae.net_.module_.parameters())
    return name.replace(",  ", ", "), n_parameters, -ae.score(X_test), seconds
