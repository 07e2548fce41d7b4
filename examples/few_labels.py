"""
Name all digits after somebody has named 50 of them
===================================================

Run ``python examples/few_labels.py``: of 1,257 images 50 have a label, the others are marked by -1.
An `AutoencoderClassifier` learns from all of them. Beside it stand the same classifier on the
labelled images alone, and a logistic regression. The program prints how many of 540 new images each
names right, and saves a picture, ``few_labels.png``: the codes of the new images, where each
classifier is wrong, and the images that somebody has named.
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from skae import AutoencoderClassifier

OF_EACH = 5
PICTURE = Path("few_labels.png")


def with_few_labels(y):
    """Return the labels of five images of each digit, and -1 for all others."""
    rng = np.random.default_rng(0)
    some = np.full(len(y), -1)
    for digit in range(10):
        named = rng.choice(np.flatnonzero(y == digit), OF_EACH, replace=False)
        some[named] = digit
    return some


def draw(codes, wrong, file):
    """Save a map of the codes for each classifier, with the images that it names wrong."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    y, places = codes
    figure, axes = plt.subplots(1, len(wrong), figsize=(4.2 * len(wrong), 4.4))
    for axis, (title, missed) in zip(axes, wrong.items(), strict=True):
        axis.scatter(*places.T, c=y, cmap="tab10", s=9, alpha=0.6, linewidths=0)
        axis.scatter(*places[missed].T, marker="x", c="black", s=28, linewidths=1)
        axis.set_title(title, fontsize=11)
        axis.set_xticks([])
        axis.set_yticks([])
    figure.suptitle("New images by their codes, in the colour of their digit; x is named wrong")
    figure.tight_layout()
    figure.savefig(file, dpi=90)


def main():
    """Train on 50 labels, compare, draw."""
    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    some = with_few_labels(y)
    named = some >= 0

    classifier = AutoencoderClassifier(random_state=0).fit(X, some)
    alone = AutoencoderClassifier(random_state=0).fit(X[named], some[named])
    linear = LogisticRegression(max_iter=5000).fit(X[named], some[named])

    wrong = {}
    for name, model in (
        ("logistic regression", linear),
        ("labelled images alone", alone),
        ("all images", classifier),
    ):
        missed = model.predict(X_new) != y_new
        title = f"{name}: {1 - missed.mean():.1%} right"
        print(title)
        wrong[title] = missed
    guessed = (classifier.transduction_ == y)[~named].mean()
    print(f"Of the {np.sum(~named)} images without a label it names {guessed:.1%} right.")

    places = TSNE(random_state=0, init="pca").fit_transform(classifier.transform(X_new))
    draw((y_new, places), wrong, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
