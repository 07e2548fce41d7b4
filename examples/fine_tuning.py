"""
Fine-tune one encoder for two questions
=======================================

Run ``python examples/fine_tuning.py``: a denoising autoencoder learns from 1,000 images of
digits without labels. Two classifiers start from it, each with the labels of 40 other images: one
names the digit, one tells whether it has a closed loop. Each is trained in four ways: in two steps
(the codes stay as they are), with the encoder frozen and a head of its own, fine-tuned as a whole,
and from the start without the first 1,000 images. The program prints the accuracies on new images
and saves a picture of them, ``fine_tuning.png``.
"""

from pathlib import Path

import matplotlib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skae import AutoencoderClassifier, DenoisingAutoencoder

HAVE_LOOPS = [0, 6, 8, 9]
N_LABELS, N_DRAWS = 40, 10
PICTURE = Path("fine_tuning.png")


def ways(pretrained, unfitted):
    """Return the four ways to train a classifier."""
    return {
        "two steps": make_pipeline(pretrained.encoder_, LogisticRegression(max_iter=2000)),
        "frozen encoder": AutoencoderClassifier(pretrained, freeze="encoder", random_state=0),
        "fine-tuned": AutoencoderClassifier(pretrained, random_state=0),
        "from the start": AutoencoderClassifier(unfitted, random_state=0),
    }


def draw(accuracies, file):
    """Save a point for each draw of the labels, and the means."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(accuracies), figsize=(9, 3.2), sharex=True)
    for axis, (question, found) in zip(axes, accuracies.items(), strict=True):
        for row, values in enumerate(found.values()):
            axis.plot(values, [row] * len(values), "o", color="#9ab", markersize=5)
            axis.plot([np.mean(values)], [row], "|", color="#135", markersize=18, markeredgewidth=3)
        axis.set_yticks(range(len(found)), found.keys())
        axis.invert_yaxis()
        axis.set_title(question, fontsize=11)
        axis.set_xlabel("accuracy on new images")
        axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Train the encoder, fine-tune it, compare, draw."""
    digits = load_digits()
    images, labels = digits.data, digits.target
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    unfitted = DenoisingAutoencoder(16, noise="gaussian", noise_level=4, random_state=0)
    pretrained = clone(unfitted).fit(images[:1000])

    accuracies: dict[str, dict[str, list[float]]] = {}
    for question, y in (
        ("which digit?", labels),
        ("has it a loop?", np.isin(labels, HAVE_LOOPS)),
    ):
        found = accuracies[question] = {}
        for draw_number in range(N_DRAWS):
            start = 1000 + draw_number * N_LABELS
            known = slice(start, start + N_LABELS)
            new = slice(1000 + N_DRAWS * N_LABELS, None)
            for name, model in ways(pretrained, unfitted).items():
                accuracy = model.fit(images[known], y[known]).score(images[new], y[new])
                found.setdefault(name, []).append(accuracy)
        print(question, *(f"{name}: {np.mean(values):.3f}" for name, values in found.items()))
    draw(accuracies, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "../examples/pictures/fine_tuning.png"
