"""
Draw each digit in the same styles
==================================

Run ``python examples/conditional.py``: a conditional variational autoencoder learns digits with
their labels. Its code says what is left when the label is known: slant, width, thickness. The
program draws a few codes, decodes each of them as all ten digits, and saves the sheet as
``conditional.png``: a line for each style. It prints how many of 1,000 drawn digits a classifier
takes for the digit that was asked for.
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from skae import VariationalAutoencoder

N_STYLES = 6
PICTURE = Path("conditional.png")


def draw(sheet, file):
    """Save the digits of each style in a line."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(*sheet.shape[:2], figsize=(10, 0.8 + len(sheet)))
    for axis, image in zip(axes.flat, sheet.reshape(-1, 8, 8), strict=True):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=16)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    for digit, axis in enumerate(axes[0]):
        axis.set_title(digit, fontsize=13)
    for style, axis in enumerate(axes[:, 0]):
        axis.set_ylabel(f"style {style + 1}", fontsize=11)
    figure.suptitle("A column is a class, a line is a code")
    figure.tight_layout()
    figure.savefig(file, dpi=90)


def main():
    """Learn, draw, ask a classifier."""
    X, y = load_digits(return_X_y=True)
    ae = VariationalAutoencoder(8, conditional=True, hidden_layer_sizes=(128,), random_state=0)
    ae.fit(X, y)

    styles = np.random.default_rng(0).normal(size=(N_STYLES, 8))
    sheet = np.stack([ae.inverse_transform(styles, y=digit) for digit in range(10)], axis=1)
    asked = np.arange(1_000) % 10
    seen = SVC().fit(X, y).predict(ae.sample(1_000, random_state=0, y=asked))
    print(f"A classifier sees the digit that was asked for in {(seen == asked).mean():.1%}.")
    draw(sheet, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
