"""
Keep digits in as few numbers as an error allows
================================================

Run ``python examples/compression.py``: it trains one nested autoencoder of 16 ordered components,
prints what it loses with the first 1, 2, 4, 8 and 16 of them, beside PCA, on digits that it has
not seen, and saves a picture of them as ``compression.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import NestedAutoencoder

SIZES = [1, 2, 4, 8, 16]
PICTURE = Path("compression.png")


def draw(X_test, restored, explained, file):
    """Save a picture: digits with more and more components, and how much these explain."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_shown = 9
    figure = plt.figure(figsize=(12, 4.6))
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.6, 1])[0]
    axes = left.subplots(len(restored) + 1, n_shown)
    for axis_row, (title, images) in zip(axes, {"pixels": X_test, **restored}.items(), strict=True):
        axis_row[0].text(-1.5, 4, title, ha="right", va="center", fontsize=11)
        for axis, image in zip(axis_row, images, strict=False):
            axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            axis.axis("off")
    axis = right.subplots()
    for name, shares in explained.items():
        axis.plot(range(1, len(shares) + 1), np.cumsum(shares), marker="o", label=name)
    axis.set(xlabel="first components", ylabel="share of the variance explained", ylim=(0, 1))
    axis.set_xticks(SIZES)
    axis.legend(loc="lower right")
    right.subplots_adjust(bottom=0.15, top=0.95)
    figure.savefig(file, dpi=100)


def main():
    """Train once, truncate, compare, draw."""
    X_train, X_test = train_test_split(load_digits().data, random_state=0)
    nested = NestedAutoencoder(SIZES[-1], random_state=0, verbose=1).fit(X_train)
    pca = PCA(SIZES[-1]).fit(X_train)

    rows, restored = [], {}
    for size in SIZES:
        # A fitted estimator of its own, for a file of its own; nothing is trained again.
        small = nested.truncate(size)
        by_first = restored[f"{size} of 16"] = small.reconstruct(X_test)
        codes = pca.transform(X_test)[:, :size]
        by_pca = codes @ pca.components_[:size] + pca.mean_
        errors = [np.square(images - X_test).mean() for images in (by_pca, by_first)]
        rows.append((size, *errors))
    table = pd.DataFrame(rows, columns=["components", "PCA's error", "nested autoencoder's"])
    print(table.to_string(index=False, float_format="{:.2f}".format))

    explained = {
        "NestedAutoencoder": nested.explained_variance_ratio_,
        "PCA": pca.explained_variance_ratio_,
    }
    draw(X_test, restored, explained, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
