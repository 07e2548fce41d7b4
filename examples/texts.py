"""
Codes of texts, beside TruncatedSVD
===================================

Run ``python examples/texts.py``: paragraphs of scikit-learn's own documentation are tf-idf values
in a sparse matrix. TruncatedSVD (latent semantic analysis) and an autoencoder code them in 2, 8 and
32 numbers. For paragraphs about other estimators the program prints the variance kept, and how
often a classifier on the codes tells the module. It saves a picture, ``texts.png``.
"""

import inspect
import re

import matplotlib
import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import all_estimators

from skae import AutoencoderTransformer

TITLES = ["variance kept", "module told right"]


def paragraphs():
    """Return paragraphs of docstrings, each once, with their estimators and modules."""
    rows: dict[str, tuple[str, str]] = {}
    for name, estimator in all_estimators():
        for one in (estimator, *dict(inspect.getmembers(estimator, inspect.isfunction)).values()):
            for text in re.split(r"\n\s*\n", inspect.getdoc(one) or ""):
                if len(text.split()) >= 12 and ">>>" not in text:
                    rows.setdefault(text, (name, estimator.__module__.split(".")[1]))
    return [*rows], *np.array([*rows.values()]).T


def main():
    """Code, compare, draw."""
    texts, estimators, y = paragraphs()
    X = TfidfVectorizer(min_df=5, sublinear_tf=True, stop_words="english").fit_transform(texts)
    train, test = next(GroupShuffleSplit(1, random_state=0).split(X, groups=estimators))
    table = pd.DataFrame()
    for width in (2, 8, 32):
        ae = AutoencoderTransformer(width, hidden_layer_sizes=(64,), max_iter=20, random_state=0)
        for name, model in {"SVD": TruncatedSVD(width, random_state=0), "autoencoder": ae}.items():
            codes, new = model.fit_transform(X[train]), model.transform(X[test])
            back, unit = model.inverse_transform(new), codes.std(axis=0)
            kept = r2_score(X[test].toarray(), back, multioutput="variance_weighted")
            classifier = LogisticRegression(max_iter=1_000).fit(codes / unit, y[train])
            right = classifier.score(new / unit, y[test])
            table.loc[width, [f"{title}, {name}" for title in TITLES]] = kept, right
    print(f"{len(train):,} paragraphs and {X.shape[1]:,} words; of {len(test):,} new paragraphs:")
    print(table.T.round(3).to_string())

    matplotlib.use("Agg")
    sides = [list(table.filter(like=title)) for title in TITLES]
    axes = table.plot.bar(subplots=sides, title=TITLES, color=["C0", "C0", "C1", "C1"], rot=0)
    axes[1].set_xlabel("numbers in a code")
    axes[0].figure.savefig("texts.png", dpi=90, bbox_inches="tight")


if __name__ == "__main__":
    main()
