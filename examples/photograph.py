"""
Restore a photograph as a whole
===============================

A poor camera blurs a photograph, with grain that is stronger where it is bright. In a pipeline
``Patches`` cuts photographs into overlapping patches, and puts the answers together so that no
seams show. The first autoencoder learns from clean patches of another photograph, to which it adds
noise itself: it takes grain off, and knows nothing of the blur. The second learns from pairs of a
damaged and a clean patch, and sharpens, too.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.base import clone
from sklearn.datasets import load_sample_image
from sklearn.pipeline import make_pipeline

from skae import DenoisingAutoencoder
from skae.windows import Patches

rng = np.random.default_rng(0)


def damaged(image):
    """Return a blurred image with grain."""
    blurred = gaussian_filter(image, 1.5)
    return blurred + 0.08 * np.sqrt(blurred) * rng.normal(size=image.shape)


known, truth = (load_sample_image(f"{name}.jpg").mean(axis=2) / 255 for name in ("china", "flower"))
poor = damaged(truth)

patches = Patches(12, step=4)
denoiser = DenoisingAutoencoder(
    32, noise="gaussian", noise_level=0.05, hidden_layer_sizes=(256,), max_iter=15, random_state=0
)
pipeline = make_pipeline(patches, denoiser).fit(known)
pairs = clone(denoiser).fit(patches.transform(damaged(known)), patches.transform(known))

# With a smaller step more answers are averaged at each pixel.
patches.set_params(step=2)
images = {
    "damaged": poor,
    "noise made in training": pipeline.inverse_transform(pipeline.transform(poor)),
    "learned from pairs": patches.inverse_transform(pairs.reconstruct(patches.transform(poor))),
    "truth": truth,
}

# %%
# A part of each, and the ratio of peak signal to noise of the whole.
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
for axis, (name, image) in zip(axes, images.items(), strict=True):
    axis.imshow(image[130:310, 230:410], cmap="gray", vmin=0, vmax=1)
    decibels = "" if image is truth else f", {-10 * np.log10(np.mean((image - truth) ** 2)):.1f} dB"
    axis.set_title(name + decibels)
    axis.axis("off")
figure.savefig("photograph.png", dpi=80)
