"""
Take noise off digits that were never seen without it
=====================================================

Run ``python examples/denoising.py``: it trains a denoising autoencoder on clean digits, prints how
near it brings noisy ones to what they were, beside PCA at its best number of components and the
plain autoencoder, and saves a picture of them as ``denoising.png``.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, DenoisingAutoencoder

# Standard deviation of the noise; pixels go from 0 to 16.
NOISE = 5.0
PICTURE = Path("denoising.png")


def decibels(images, clean):
    """Return the peak signal-to-noise ratio: 10 more is a tenth of the squared error."""
    return 10 * np.log10(16**2 / np.square(images - clean).mean())


def best_pca(X_train, noisy, clean):
    """Return what PCA makes of the noisy digits with the number of components that is best here."""
    results = []
    for n_components in range(2, 40):
        pca = PCA(n_components).fit(X_train)
        results.append(pca.inverse_transform(pca.transform(noisy)))
    return max(results, key=lambda images: decibels(images, clean))


def draw(lines, file):
    """Save a picture of a few digits, one line for each way to clean them."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_shown = 14
    figure, axes = plt.subplots(len(lines), n_shown, figsize=(n_shown * 0.8, len(lines) * 1.1))
    for axis_row, (title, images) in zip(axes, lines.items(), strict=True):
        axis_row[0].set_title(title, loc="left", fontsize=11)
        for axis, image in zip(axis_row, images, strict=False):
            axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            axis.axis("off")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Train, compare, draw."""
    X = load_digits().data
    X_train, clean = train_test_split(X, random_state=0)
    noisy = clean + np.random.default_rng(0).normal(scale=NOISE, size=clean.shape)

    params: dict[str, Any] = {"n_components": 32, "random_state": 0, "verbose": 1}
    plain = AutoencoderTransformer(**params).fit(X_train)
    denoiser = DenoisingAutoencoder(noise="gaussian", noise_level=NOISE, **params).fit(X_train)

    results = {
        "noisy": noisy,
        "PCA": best_pca(X_train, noisy, clean),
        "plain autoencoder": plain.reconstruct(noisy),
        "denoising autoencoder": denoiser.reconstruct(noisy),
    }
    lines = {"clean": clean}
    for name, images in results.items():
        title = f"{name}, {decibels(images, clean):.1f} dB"
        print(title)
        lines[title] = images
    draw(lines, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
