"""
Fine-tune one encoder for two questions
=======================================

A denoising autoencoder learns from 1,000 images of digits without labels. Two classifiers start
from it, each with the labels of 40 other images: one names the digit, one tells whether it has a
closed loop. Each is trained in four ways: in two steps (the codes stay as they are), with the
encoder frozen and a head of its own, fine-tuned as a whole, and from the start without the first
1,000 images. Each point of the picture is a draw of the 40 images, each bar the mean.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils import shuffle

from skae import AutoencoderClassifier, DenoisingAutoencoder

N_LABELS, N_DRAWS = 40, 5
X, y = shuffle(*load_digits(return_X_y=True), random_state=0)
unfitted = DenoisingAutoencoder(16, noise="gaussian", noise_level=4, random_state=0)
pretrained = clone(unfitted).fit(X[:1000])
ways = {
    "two steps": make_pipeline(pretrained.encoder_, LogisticRegression(max_iter=2_000)),
    "frozen encoder": AutoencoderClassifier(pretrained, freeze="encoder", random_state=0),
    "fine-tuned": AutoencoderClassifier(pretrained, random_state=0),
    "from the start": AutoencoderClassifier(unfitted, random_state=0),
}

others = 1000 + np.arange(N_DRAWS * N_LABELS).reshape(N_DRAWS, N_LABELS)
new = slice(1000 + N_DRAWS * N_LABELS, None)
questions = {"which digit?": y, "has it a loop?": np.isin(y, [0, 6, 8, 9])}
figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
for axis, (question, labels) in zip(axes, questions.items(), strict=True):
    accuracies = pd.DataFrame(
        {
            name: [model.fit(X[some], labels[some]).score(X[new], labels[new]) for some in others]
            for name, model in ways.items()
        }
    )
    print(question, accuracies.mean().round(3), sep="\n")
    axis.barh(accuracies.columns, accuracies.mean(), color="lightsteelblue")
    for accuracy in accuracies.to_numpy():
        axis.plot(accuracy, accuracies.columns, "o", color="C0", markersize=4)
    axis.set(title=question, xlabel="accuracy on new images", xlim=(0.4, 1))
axes[0].invert_yaxis()
figure.savefig("fine_tuning.png", dpi=80)

# sphinx_gallery_thumbnail_path = "../examples/pictures/fine_tuning.png"
