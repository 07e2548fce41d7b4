"""
Codes of texts, beside TruncatedSVD
===================================

Paragraphs of scikit-learn's own documentation are tf-idf values in a sparse matrix. TruncatedSVD
(latent semantic analysis) and an autoencoder code them in 2, 8 and 32 numbers. The picture shows,
for paragraphs about other estimators, the share of the variance that is kept, and how often a
classifier on the codes tells the module.
"""

import inspect
import re

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupShuffleSplit
from sklearn.utils import all_estimators

from skae import AutoencoderTransformer

# %%
# Each paragraph once, with its estimator and module.
rows: dict[str, tuple[str, str]] = {}
for name, estimator in all_estimators():
    for one in (estimator, *dict(inspect.getmembers(estimator, inspect.isfunction)).values()):
        for text in re.split(r"\n\s*\n", inspect.getdoc(one) or ""):
            if len(text.split()) >= 12 and ">>>" not in text:
                rows.setdefault(text, (name, estimator.__module__.split(".")[1]))
texts, (estimators, y) = [*rows], np.array([*rows.values()]).T

# %%
X = TfidfVectorizer(min_df=5, sublinear_tf=True, stop_words="english").fit_transform(texts)
train, test = next(GroupShuffleSplit(1, random_state=0).split(X, groups=estimators))
titles = ["variance kept", "module told right"]
table = pd.DataFrame()
for width in (2, 8, 32):
    ae = AutoencoderTransformer(width, hidden_layer_sizes=(64,), max_iter=20, random_state=0)
    for name, model in {"SVD": TruncatedSVD(width, random_state=0), "autoencoder": ae}.items():
        codes, new = model.fit_transform(X[train]), model.transform(X[test])
        back, unit = model.inverse_transform(new), codes.std(axis=0)
        kept = r2_score(X[test].toarray(), back, multioutput="variance_weighted")
        classifier = LogisticRegression(max_iter=1_000).fit(codes / unit, y[train])
        right = classifier.score(new / unit, y[test])
        table.loc[width, [f"{title}, {name}" for title in titles]] = kept, right
print(f"{len(train):,} paragraphs and {X.shape[1]:,} words; of {len(test):,} new paragraphs:")
print(table.T.round(3).to_string())

# %%
sides = [list(table.filter(like=title)) for title in titles]
axes = table.plot.bar(subplots=sides, title=titles, color=["C0", "C0", "C1", "C1"], rot=0)
axes[1].set_xlabel("numbers in a code")
axes[0].figure.savefig("texts.png", dpi=80, bbox_inches="tight")
