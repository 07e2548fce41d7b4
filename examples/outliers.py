"""
Find records whose cells contradict one another
===============================================

Run ``python examples/outliers.py``: it trains both detectors on measurements of benign tumours, and
asks two things of them. Which new records are mixed up, with the "worst" measurements of another
tumour? Each of their cells is ordinary; only together they cannot be, which is what
AutoencoderOutlierDetector looks at. And which new tumours are malignant? Their cells are large one
by one, so that IsolationForest finds them as well, in much less time. The program prints how well
both rank the new records, which ones are selected at a false discovery rate of 10%, and why the
most unusual mixed-up one is unusual; and saves a picture as ``outliers.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from skae import AutoencoderOutlierDetector

# Benign tumours to train on, and outliers among the new records.
N_BENIGN, N_OUTLIERS = 250, 40
PICTURE = Path("outliers.png")


def load_records(seed=0):
    """Return benign tumours to train on; new ones, mixed-up records of others, malignant ones."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    rng = np.random.default_rng(seed)
    benign, malignant = (X.iloc[rng.permutation(np.flatnonzero(y == label))] for label in (1, 0))
    train, others = benign[:N_BENIGN], benign[N_BENIGN:]
    mixed_up, new = others[:N_OUTLIERS].copy(), others[N_OUTLIERS:]
    worst = [column for column in X if column.startswith("worst")]
    mixed_up[worst] = np.roll(mixed_up[worst], 1, axis=0)
    return train, new, {"mixed up": mixed_up, "malignant": malignant[:N_OUTLIERS]}


def draw(scores, cells, file):
    """Save a picture of the scores of both detectors, and of one record cell by cell."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplot_mosaic("ABE;CDE", figsize=(13, 7), layout="constrained")
    for key, (title, (ordinary, outliers, name)) in zip("ABCD", scores.items(), strict=True):
        both = np.r_[ordinary, outliers]
        bins = (-np.geomspace(-both.min(), -both.max(), 25)).tolist()
        groups = [ordinary, outliers]
        axes[key].hist(groups, bins, stacked=True, label=["benign", name], color=["C0", "C3"])
        if both.min() < 10 * both.max():
            axes[key].set_xscale("symlog", linthresh=-both.max())
        else:
            axes[key].locator_params(axis="x", nbins=5)
        axes[key].set_title(title, fontsize=11)
        axes[key].set_xlabel("score_samples: low is unusual")
        axes[key].legend(frameon=False, loc="upper left")
    cells = cells[::-1]
    axes["E"].barh(cells.index, cells["share"], color="C3")
    axes["E"].set_title("Why one mixed-up record is unusual", fontsize=11)
    axes["E"].set_xlabel("share of score_samples")
    figure.savefig(file, dpi=100)


def main():
    """Train, compare, explain, draw."""
    train, new, outliers = load_records()
    detector = AutoencoderOutlierDetector(random_state=0).fit(train)
    forest = IsolationForest(random_state=0).fit(train)

    scores = {}
    for name, rows in outliers.items():
        is_outlier = np.r_[np.zeros(len(new), dtype=bool), np.ones(len(rows), dtype=bool)]
        X = pd.concat([new, rows])
        for model_name, model in {"IsolationForest": forest, "skae": detector}.items():
            score = model.score_samples(X)
            auroc = roc_auc_score(is_outlier, -score)
            title = f"{model_name}, {name}: AUROC {auroc:.3f}"
            print(title)
            scores[title] = score[~is_outlier], score[is_outlier], name
        selected = detector.select(X, fdr=0.1)
        print(
            f"skae selects {selected.sum()} records at a false discovery rate of 10%, of which "
            f"{(selected & is_outlier).sum()} are {name} (there are {is_outlier.sum()})."
        )

    mixed_up = outliers["mixed up"]
    most_unusual = mixed_up.iloc[[detector.score_samples(mixed_up).argmin()]]
    explanation = detector.explain(most_unusual).iloc[0].unstack(level=0)
    cells = pd.DataFrame({"measured": most_unusual.iloc[0], **explanation})
    cells = cells.sort_values("share").head(8)
    print("The most unusual mixed-up record, whose score is the sum of the shares of all cells:")
    print(cells.round(2).to_string())
    draw(scores, cells, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
