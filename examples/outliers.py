"""Find tumours unlike benign ones, beside IsolationForest, and say what is unusual about one.

Run ``python examples/outliers.py``: it trains both detectors on measurements of benign tumours;
prints how well each ranks malignant ones among new tumours, which it selects at a false discovery
rate of 10%, and why the most unusual one is unusual; and saves a picture as ``outliers.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector

# Benign tumours to train on, and malignant ones among the new.
N_BENIGN, N_MALIGNANT = 250, 40
PICTURE = Path("outliers.png")


def load_tumours(seed=0):
    """Return rows to train on, new rows, and which of these are malignant."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    rng = np.random.default_rng(seed)
    benign, malignant = (rng.permutation(np.flatnonzero(y == label)) for label in (1, 0))
    new = np.r_[benign[N_BENIGN:], malignant[:N_MALIGNANT]]
    return X.iloc[benign[:N_BENIGN]], X.iloc[new], (y.iloc[new] == 0).to_numpy()


def draw(scores, is_malignant, cells, file):
    """Save a picture of the scores of both detectors, and of one row cell by cell."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(13, 4), width_ratios=[1, 1, 1.1])
    for axis, (title, values) in zip(axes, scores.items(), strict=False):
        groups = [values[~is_malignant], values[is_malignant]]
        bins = -np.geomspace(-values.min(), -values.max(), 25)
        axis.hist(groups, bins, stacked=True, label=["benign", "malignant"], color=["C0", "C3"])
        if values.min() < 10 * values.max():
            axis.set_xscale("symlog", linthresh=-values.max())
        axis.set_title(title, fontsize=11)
        axis.set_xlabel("score_samples: low is unusual")
    axes[0].set_ylabel("new tumours")
    axes[0].legend(frameon=False, loc="upper left")
    cells = cells[::-1]
    axes[2].barh(cells.index, cells["share"], color="C3")
    axes[2].set_title("Why the most unusual one is unusual", fontsize=11)
    axes[2].set_xlabel("share of score_samples")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Train, compare, explain, draw."""
    X_train, X_new, is_malignant = load_tumours()
    detector = AutoencoderOutlierDetector(random_state=0).fit(X_train)
    forest = IsolationForest(random_state=0).fit(X_train)

    scores = {}
    for name, model in {"IsolationForest": forest, "skae": detector}.items():
        score = model.score_samples(X_new)
        auroc = roc_auc_score(is_malignant, -score)
        title = f"{name}: AUROC {auroc:.3f}"
        print(title)
        scores[title] = score

    selected = detector.select(X_new, fdr=0.1)
    print(
        f"Selected at a false discovery rate of 10%: {selected.sum()} tumours, of which "
        f"{(selected & is_malignant).sum()} are malignant (there are {is_malignant.sum()})."
    )

    most_unusual = X_new.iloc[[detector.score_samples(X_new).argmin()]]
    explanation = detector.explain(most_unusual).iloc[0].unstack(level=0)
    cells = pd.DataFrame({"measured": most_unusual.iloc[0], **explanation})
    cells = cells.sort_values("share").head(8)
    print("The most unusual tumour, whose score is the sum of the shares of all cells:")
    print(cells.round(2).to_string())
    draw(scores, is_malignant, cells, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
