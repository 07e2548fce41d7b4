"""
Search for the width of the code
================================

A grid search compares widths of the code in a pipeline: of the autoencoder, and of PCA in the same
slot. Once it judges by the error of held-out digits, which ``BottleneckDisplay`` draws beside PCA
with an elbow, and once by a classifier behind the codes, which is right to ask where a classifier
is what the codes are for.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skae import AutoencoderTransformer
from skae.displays import BottleneckDisplay

WIDTHS = [1, 2, 4, 8, 16, 32]
X, y = load_digits(return_X_y=True)
ae = AutoencoderTransformer(hidden_layer_sizes=(64,), max_iter=15, random_state=0)

by_error = GridSearchCV(ae, {"n_components": WIDTHS}, cv=3).fit(X)

# %%
# The codes of both have unit variance, so that the classifier needs no scaler.
pipeline = Pipeline([("codes", ae), ("classifier", LogisticRegression(max_iter=1_000))])
rivals = [PCA(whiten=True, random_state=0), ae]
grid = {"codes": rivals, "codes__n_components": WIDTHS}
by_accuracy = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
print(by_accuracy.best_params_)

found = pd.DataFrame(by_accuracy.cv_results_)
found["codes"] = [type(codes).__name__ for codes in found["param_codes"]]
table = found.pivot(index="param_codes__n_components", columns="codes", values="mean_test_score")
print(table.round(3))

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
BottleneckDisplay.from_search(by_error, X, ax=axes[0])
table.plot(ax=axes[1], marker="o", ylabel="accuracy")
for axis in axes:
    axis.set(xscale="log", xlabel="components")
    axis.set_xticks(WIDTHS, WIDTHS)
    axis.minorticks_off()
figure.savefig("code_width.png", dpi=80)
