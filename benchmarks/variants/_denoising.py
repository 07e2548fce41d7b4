"""Noise taken off digits, beside PCA and the plain autoencoder."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, DenoisingAutoencoder

NOISE = 0.5


def denoising(X_train, X_test):
    """Return the peak signal-to-noise ratio of test digits with Gaussian noise, cleaned."""
    rng = np.random.default_rng(0)
    noisy = (X_test + rng.normal(scale=NOISE, size=X_test.shape)).astype(np.float32)
    rows = [("noisy", _decibels(noisy, X_test), 0.0), _best_pca(X_train, noisy, X_test)]
    params = {"n_components": 128, "hidden_layer_sizes": (512, 256), "max_iter": 20}
    params |= {"random_state": 0}
    for ae in (
        AutoencoderTransformer(**params),
        DenoisingAutoencoder(noise="gaussian", noise_level=NOISE, **params),
    ):
        start = time.process_time()
        cleaned = ae.fit(X_train).reconstruct(noisy)
        name = type(ae).__name__
        rows.append((name, _decibels(cleaned, X_test), time.process_time() - start))
    return pd.DataFrame(rows, columns=["denoising, sigma = 0.5", "PSNR in dB", "CPU s"])


def _best_pca(X_train, noisy, clean):
    """Return the row of PCA with the number of components that is best on the test digits."""
    start = time.process_time()
    pca = PCA(80, random_state=0).fit(X_train)
    codes, found = pca.transform(noisy), {}
    for k in range(10, 81, 5):
        found[k] = _decibels(codes[:, :k] @ pca.components_[:k] + pca.mean_, clean)
    best = max(found, key=found.get)
    return f"PCA({best}), the best one", found[best], time.process_time() - start


def _decibels(images, clean):
    return 10 * np.log10(1 / np.square(images - clean).mean())
