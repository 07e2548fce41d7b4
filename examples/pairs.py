"""
Restore a photograph after learning from pairs
==============================================

Run ``python examples/pairs.py``: one photograph is blurred, and gets grain that is stronger where
it is bright. An autoencoder learns from small patches of it, the damaged and the clean ones, and
restores another photograph as a whole. Beside it stands the same autoencoder trained on clean
patches with noise of its own, which knows nothing of the blur. The program prints how near both
come to the truth, in decibels, and saves a picture, ``pairs.png``.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.datasets import load_sample_image

from skae import DenoisingAutoencoder
from skae.windows import Patches

SIZE, STEP = 10, 1
N_PATCHES = 40_000
PARAMS: dict[str, Any] = {
    "n_components": 100,
    "hidden_layer_sizes": (256,),
    "max_iter": 10,
    "random_state": 0,
}
PICTURE = Path("pairs.png")


def damaged(image, seed):
    """Return an image as a poor camera takes it: blurred, with more grain in brighter places."""
    blurred = gaussian_filter(image, 1.5)
    grain = np.random.default_rng(seed).normal(size=image.shape)
    return blurred + 0.03 * np.sqrt(blurred.clip(0)) * grain


def restored(patches, autoencoder, image):
    """Return an image of which all overlapping patches are reconstructed."""
    return patches.inverse_transform(autoencoder.reconstruct(patches.transform(image)))


def decibels(image, truth):
    """Return the ratio of peak signal to noise; brightness is between 0 and 1."""
    inside = np.s_[SIZE:-SIZE, SIZE:-SIZE]
    return -10 * np.log10(np.mean((image - truth)[inside] ** 2))


def draw(images, file):
    """Save a part of each image, side by side."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(images), figsize=(3.2 * len(images), 3.6))
    for axis, (title, image) in zip(axes, images.items(), strict=True):
        axis.imshow(image[130:310, 230:410], cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=11)
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(file, dpi=100)


def main():
    """Learn from one photograph, restore the other, compare, draw."""
    known, truth = (
        load_sample_image(f"{name}.jpg").mean(axis=2) / 255 for name in ("china", "flower")
    )
    poor = damaged(truth, seed=1)

    # At every pixel so many patches overlap that no seams show, and plain means average the most.
    patches = Patches(SIZE, step=STEP, taper="boxcar")
    clean = patches.fit_transform(known)
    some = np.random.default_rng(0).permutation(len(clean))[:N_PATCHES]
    clean, damaged_ones = clean[some], patches.transform(damaged(known, seed=0))[some]
    grain = float(np.std(damaged(known, seed=0) - gaussian_filter(known, 1.5)))
    made = DenoisingAutoencoder(noise="gaussian", noise_level=grain, **PARAMS).fit(clean)
    pairs = DenoisingAutoencoder(**PARAMS).fit(damaged_ones, clean)

    images = {"damaged": poor, "noise made in training": restored(patches, made, poor)}
    images["learned from pairs"] = restored(patches, pairs, poor)
    shown = {}
    for name, image in images.items():
        title = f"{name}, {decibels(image, truth):.1f} dB"
        print(title)
        shown[title] = image
    draw(shown | {"truth": truth}, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()

# sphinx_gallery_thumbnail_path = "../examples/pictures/pairs.png"
