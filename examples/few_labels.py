"""
Name all digits after somebody has named 50 of them
===================================================

Of 1,257 images 50 have a label, the others are marked by -1. An ``AutoencoderClassifier`` learns
from all of them. Beside it stand the same classifier on the labelled images alone, and a logistic
regression. The maps show the codes of 540 new images, laid out by t-SNE; a cross marks those that
a classifier names wrong.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skae import AutoencoderClassifier
from skae.displays import LatentSpaceDisplay

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
rng = np.random.default_rng(0)
named = np.concatenate([rng.choice(np.flatnonzero(y == k), 5, replace=False) for k in range(10)])
few = np.full(len(y), -1)
few[named] = y[named]

classifier = AutoencoderClassifier(random_state=0).fit(X, few)
models = {
    "logistic regression": LogisticRegression(max_iter=5_000).fit(X[named], y[named]),
    "labelled images alone": AutoencoderClassifier(random_state=0).fit(X[named], y[named]),
    "all images": classifier,
}
others = few < 0
right = (classifier.transduction_ == y)[others].mean()
print(f"Of the {others.sum()} images without a label it names {right:.1%} right.")

# %%
# One map, drawn three times.
codes = classifier.transform(X_new)
display = LatentSpaceDisplay.from_predictions(codes, y_new, method="tsne", random_state=0)
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for axis, (name, model) in zip(axes, models.items(), strict=True):
    wrong = model.predict(X_new) != y_new
    display.plot(ax=axis)
    axis.scatter(*display.points[wrong].T, marker="x", c="black", linewidths=1)
    axis.set(title=f"{name}: {1 - wrong.mean():.1%} right", xticks=[], yticks=[])
    if axis is not axes[-1]:
        axis.get_legend().remove()
figure.savefig("few_labels.png", dpi=80)
