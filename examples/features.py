"""
Learn features from digits without labels
=========================================

Run ``python examples/features.py``: it learns 32 codes from digits with half of their pixels
missing, prints the accuracy of a logistic regression on these codes when only some digits have
labels, beside the same on PCA's codes and on the pixels, and saves a picture of the codes of unseen
digits, laid out in the plane by t-SNE, as ``features.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.model_selection import train_test_split

from skae import DenoisingAutoencoder

N_COMPONENTS = 32
LABELLED = [20, 50, 100, 300]
PICTURE = Path("features.png")


def accuracies(features, y_train, y_test, n_repeats=20):
    """Return a table of mean test accuracies, one line for each number of labels."""
    rng = np.random.default_rng(0)
    classifier = LogisticRegression(max_iter=5000)
    rows = []
    for n_labelled in LABELLED:
        row = {"labels": n_labelled}
        chosen = [rng.permutation(len(y_train))[:n_labelled] for _ in range(n_repeats)]
        for name, (train, test) in features.items():
            scores = [
                classifier.fit(train[some], y_train[some]).score(test, y_test) for some in chosen
            ]
            row[name] = np.mean(scores)
        rows.append(row)
    return pd.DataFrame(rows)


def draw(codes, labels, file):
    """Save a picture of codes in the plane, coloured by digit."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plane = TSNE(random_state=0).fit_transform(codes)
    figure, axis = plt.subplots(figsize=(7, 6))
    points = axis.scatter(
        plane[:, 0], plane[:, 1], c=labels, cmap="tab10", s=14, vmin=-0.5, vmax=9.5
    )
    figure.colorbar(points, ticks=range(10), label="digit")
    axis.set_title(f"{N_COMPONENTS} codes of digits that were not trained on, in the plane")
    axis.axis("off")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Learn features, compare them, draw them."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    # With so many missing pixels the features have to know what digits look like. A start at PCA
    # would keep its directions, which know it less.
    ae = DenoisingAutoencoder(
        N_COMPONENTS, noise_level=0.5, init="random", random_state=0, verbose=1
    )
    features = {"pixels": (X_train, X_test)}
    for name, encoder in {"PCA": PCA(N_COMPONENTS, random_state=0), "autoencoder": ae}.items():
        features[name] = encoder.fit_transform(X_train), encoder.transform(X_test)
    table = accuracies(features, y_train, y_test)
    print(table.to_string(index=False, float_format="{:.3f}".format))
    draw(features["autoencoder"][1], y_test, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
