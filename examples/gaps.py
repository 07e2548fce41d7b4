"""
Fill holes in images that were never seen whole
===============================================

Run ``python examples/gaps.py``: it cuts a square out of handwritten digits, each at another place,
trains an imputer on such digits, prints how near it comes to the hidden pixels of others,
beside their means and scikit-learn's KNNImputer, and saves a picture of them as ``gaps.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import train_test_split

from skae import AutoencoderImputer

# Width and height of a hole; images have 8 x 8 pixels from 0 to 16.
HOLE = 4
PICTURE = Path("gaps.png")


def with_holes(images, seed):
    """Return images as rows in which the pixels of a square are NaN, and which these are."""
    squares = np.zeros((len(images), 8, 8), dtype=bool)
    corners = np.random.default_rng(seed).integers(0, 9 - HOLE, size=(len(images), 2))
    for square, (top, left) in zip(squares, corners, strict=True):
        square[top : top + HOLE, left : left + HOLE] = True
    holes = squares.reshape(len(images), -1)
    return np.where(holes, np.nan, images), holes


def draw(lines, file):
    """Save a picture of a few digits, one line for each way to fill them."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    n_shown = 14
    grey = matplotlib.colormaps["gray_r"].with_extremes(bad="tab:orange")
    figure, axes = plt.subplots(len(lines), n_shown, figsize=(n_shown * 0.8, len(lines) * 1.1))
    for axis_row, (title, images) in zip(axes, lines.items(), strict=True):
        axis_row[0].set_title(title, loc="left", fontsize=11)
        for axis, image in zip(axis_row, images, strict=False):
            axis.imshow(image.reshape(8, 8), cmap=grey, vmin=0, vmax=16)
            axis.axis("off")
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.94, hspace=0.4)
    figure.savefig(file, dpi=100)


def main():
    """Train, compare, draw."""
    train, whole = train_test_split(load_digits().data, random_state=0)
    train, _ = with_holes(train, seed=1)
    given, holes = with_holes(whole, seed=2)

    imputers = {
        "mean of each pixel": SimpleImputer(keep_empty_features=True),
        "KNNImputer": KNNImputer(keep_empty_features=True),
        "AutoencoderImputer": AutoencoderImputer(random_state=0, verbose=1),
    }
    lines = {"given": given}
    for name, imputer in imputers.items():
        filled = imputer.fit(train).transform(given)
        error = np.sqrt(np.square(filled - whole)[holes].mean())
        title = f"{name}, error {error:.2f}"
        print(title)
        lines[title] = filled
    draw(lines | {"as they were": whole}, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
