"""
Choose the width of the code by a grid search
=============================================

Run ``python examples/code_width.py``: a grid search fits a classifier on the codes of digits, with
1 to 32 components of PCA and of the autoencoder. The program prints the cross-validated accuracies,
the best width, and the variance of held-out digits that each width keeps, and saves a picture,
``code_width.png``.
"""

import matplotlib
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skae import AutoencoderTransformer

WIDTHS = [1, 2, 4, 8, 16, 32]


def variance_kept(pipeline, X, y=None):
    """Return the share of the variance of pixels that the codes keep."""
    back = pipeline["codes"].inverse_transform(pipeline["codes"].transform(X))
    return r2_score(X, back, multioutput="variance_weighted")


def main():
    """Search, print, draw."""
    X, y = load_digits(return_X_y=True)
    ae = AutoencoderTransformer(hidden_layer_sizes=(128,), max_iter=25, random_state=0)
    pipeline = Pipeline([("codes", PCA()), ("clf", LogisticRegression(max_iter=1_000))])
    grid = {"codes": [PCA(whiten=True, random_state=0), ae], "codes__n_components": WIDTHS}
    scoring = {"accuracy": "accuracy", "variance_kept": variance_kept}
    search = GridSearchCV(pipeline, grid, cv=3, scoring=scoring, refit="accuracy", verbose=1)
    found = pd.DataFrame(search.fit(X, y).cv_results_)
    found["codes"] = [type(codes).__name__ for codes in found["param_codes"]]
    scores = {f"mean_test_{name}": name for name in scoring}
    found = found.rename(columns=scores)
    table = found.pivot(index="param_codes__n_components", columns="codes", values=[*scoring])
    print(table.round(3).to_string(), f"\nBest: {search.best_params_}")

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, name in zip(axes, scoring, strict=True):
        table[name].plot(ax=axis, marker="o", logx=True, title=name, xlabel="components")
        axis.set(xticks=WIDTHS, xticklabels=WIDTHS, ylim=(0, 1))
        axis.minorticks_off()
    figure.savefig("code_width.png", dpi=90)


if __name__ == "__main__":
    main()
