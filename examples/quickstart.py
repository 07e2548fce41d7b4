"""
An autoencoder in the slot where PCA stands
===========================================

Run ``python examples/quickstart.py``: it searches over the size of the code with PCA as a
rival in the same slot of a pipeline, prints what each loses and what a classifier still sees,
and saves a picture of the reconstructions as ``quickstart.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skae import AutoencoderTransformer

SIZES = [2, 4, 8, 16]
PICTURE = Path("quickstart.png")


def search(X_train, y_train):
    """Let PCA and the autoencoder compete in one slot of a pipeline."""
    pipeline = Pipeline([("ae", AutoencoderTransformer()), ("clf", LogisticRegression())])
    rivals = [PCA(whiten=True, random_state=0), AutoencoderTransformer(random_state=0)]
    grid = {"ae": rivals, "ae__n_components": SIZES}
    return GridSearchCV(pipeline, grid, cv=3, n_jobs=2, verbose=2).fit(X_train, y_train)


def compare(X_train, X_test, y_train, y_test):
    """Fit both at each size of the code; return the table and the fitted encoders."""
    rows, fitted = [], {}
    for size in SIZES:
        row = {"n_components": size}
        for name, encoder in {
            "PCA": PCA(size, whiten=True, random_state=0),
            "autoencoder": AutoencoderTransformer(size, random_state=0, verbose=1),
        }.items():
            encoder.fit(X_train)
            codes_train, codes_test = encoder.transform(X_train), encoder.transform(X_test)
            back = encoder.inverse_transform(codes_test)
            row[f"error {name}"] = np.square(X_test - back).mean()
            classifier = LogisticRegression().fit(codes_train, y_train)
            row[f"accuracy {name}"] = classifier.score(codes_test, y_test)
            fitted[name, size] = encoder
        rows.append(row)
    return pd.DataFrame(rows).set_index("n_components").sort_index(axis=1, ascending=False), fitted


def draw(X_test, fitted, size, file):
    """Save a picture of test digits above their reconstructions."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = X_test[:12]
    lines = {"original": shown}
    for name in ("PCA", "autoencoder"):
        encoder = fitted[name, size]
        lines[f"{name}, {size} numbers"] = encoder.inverse_transform(encoder.transform(shown))
    figure, axes = plt.subplots(len(lines), len(shown), figsize=(len(shown), 3.6))
    for axis_row, (title, images) in zip(axes, lines.items(), strict=True):
        axis_row[0].set_title(title, loc="left", fontsize=11)
        for axis, image in zip(axis_row, images, strict=True):
            axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            axis.axis("off")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Search, compare, draw."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

    searched = search(X_train, y_train)
    print("\nCross-validated accuracy of the pipeline:")
    results = pd.DataFrame(searched.cv_results_)
    results["ae"] = [type(encoder).__name__ for encoder in results["param_ae"]]
    print(results.pivot(index="param_ae__n_components", columns="ae", values="mean_test_score"))
    print(f"Best: {searched.best_params_}, {searched.score(X_test, y_test):.3f} on the test set\n")

    table, fitted = compare(X_train, X_test, y_train, y_test)
    print("\nTest set: mean squared error of the reconstruction, accuracy on the codes:")
    print(table.round(3))
    draw(X_test, fitted, SIZES[1], PICTURE)
    print(f"\nOriginals and reconstructions are in {PICTURE.resolve().name}")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "../examples/pictures/quickstart.png"
