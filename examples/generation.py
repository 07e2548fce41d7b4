"""
Draw digits that nobody wrote
=============================

Run ``python examples/generation.py``: it trains a variational autoencoder and a plain one, draws
new digits from both and from a PCA with normal codes, prints how far each is from real digits that
none of them has seen, and saves a picture of all as ``generation.png``.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, VariationalAutoencoder

N_COMPONENTS, N_DRAWN = 8, 450
PICTURE = Path("generation.png")


def discrepancy(real, drawn):
    """Return the squared maximum mean discrepancy: zero for two samples of one distribution."""
    width = np.median(euclidean_distances(real, real, squared=True))

    def kernel(a, b):
        values = np.exp(-euclidean_distances(a, b, squared=True) / width)
        # A row and itself say nothing about the distribution.
        return (values.sum() - len(a)) / (len(a) * (len(b) - 1)) if a is b else values.mean()

    return kernel(real, real) + kernel(drawn, drawn) - 2 * kernel(real, drawn)


def drawn_by_pca(X_train):
    """Return what PCA's components make of normal codes with the variances that it found."""
    pca = PCA(N_COMPONENTS).fit(X_train)
    codes = np.random.default_rng(0).normal(size=(N_DRAWN, N_COMPONENTS))
    return pca.inverse_transform(codes * np.sqrt(pca.explained_variance_))


def draw(sheets, file):
    """Save a picture with a sheet of digits for each way to make them."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_across = 10
    figure, axes = plt.subplots(1, len(sheets), figsize=(3.2 * len(sheets), 4))
    for axis, (title, images) in zip(axes, sheets.items(), strict=True):
        tiles = images[: n_across**2].reshape(n_across, n_across, 8, 8)
        sheet = np.pad(tiles, ((0, 0), (0, 0), (1, 1), (1, 1)))
        axis.imshow(sheet.swapaxes(1, 2).reshape(n_across * 10, -1), "gray_r", vmin=0, vmax=16)
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Train, draw digits, compare, save the picture."""
    X_train, real = train_test_split(load_digits().data, random_state=0)
    params: dict[str, Any] = {"n_components": N_COMPONENTS, "random_state": 0, "verbose": 1}
    variational = VariationalAutoencoder(**params).fit(X_train)
    plain = AutoencoderTransformer(**params).fit(X_train)
    drawn = {
        "PCA, normal codes": drawn_by_pca(X_train),
        "plain autoencoder": plain.sample(N_DRAWN, random_state=0),
        "variational autoencoder": variational.sample(N_DRAWN, random_state=0),
    }
    sheets = {"real digits": real}
    for name, images in drawn.items():
        title = f"{name}\nMMD² to real ones {1000 * discrepancy(real, images):.1f}e-3"
        print(title.replace("\n", ": "))
        sheets[title] = images
    draw(sheets, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
