"""
Learn features without labels, and map them
===========================================

A denoising autoencoder learns 32 codes from digits with half of their pixels missing, so that the
codes have to know what digits look like. A logistic regression on these codes needs fewer labels
than one on PCA's codes or on the pixels. The map shows the codes of unseen digits, laid out in the
plane by t-SNE.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skae import DenoisingAutoencoder
from skae.displays import LatentSpaceDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# A start at PCA would keep its directions, which know less of digits.
ae = DenoisingAutoencoder(32, noise_level=0.5, init="random", random_state=0).fit(X_train)
pca = PCA(32, random_state=0).fit(X_train)
features = {
    "pixels": (X_train, X_test),
    "PCA": (pca.transform(X_train), pca.transform(X_test)),
    "autoencoder": (ae.transform(X_train), ae.transform(X_test)),
}

rng = np.random.default_rng(0)
classifier = LogisticRegression(max_iter=5_000)
accuracies = pd.DataFrame(index=[20, 50, 100, 300], columns=[*features], dtype=float)
for n_labels in accuracies.index:
    chosen = [rng.permutation(len(y_train))[:n_labels] for _ in range(10)]
    for name, (train, test) in features.items():
        fits = (classifier.fit(train[some], y_train[some]) for some in chosen)
        accuracies.loc[n_labels, name] = np.mean([fit.score(test, y_test) for fit in fits])
print(accuracies.round(3))

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), width_ratios=[1.4, 1], layout="constrained")
LatentSpaceDisplay.from_estimator(ae, X_test, y_test, method="tsne", random_state=0, ax=axes[0])
axes[0].set_title("32 codes of unseen digits")
accuracies.plot(ax=axes[1], marker="o", logx=True, xlabel="labels", ylabel="accuracy")
axes[1].set_xticks(accuracies.index, accuracies.index)
axes[1].minorticks_off()
figure.savefig("features.png", dpi=80)
