"""
Fill holes in images that were never seen whole
===============================================

A square is cut out of each handwritten digit, each at another place. An imputer learns from such
digits, and fills the holes of others. Beside it stand the mean of each pixel and scikit-learn's
KNNImputer.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import train_test_split

from skae import AutoencoderImputer
from skae.displays import ReconstructionDisplay

rng = np.random.default_rng(0)
HOLE = 4  # width and height; images have 8 x 8 pixels from 0 to 16


def with_holes(images):
    """Return images as rows in which the pixels of a square are NaN."""
    cut = images.reshape(-1, 8, 8).copy()
    for image, (top, left) in zip(cut, rng.integers(0, 9 - HOLE, (len(cut), 2)), strict=True):
        image[top : top + HOLE, left : left + HOLE] = np.nan
    return cut.reshape(len(images), -1)


train, whole = train_test_split(load_digits().data, random_state=0)
train, given = with_holes(train), with_holes(whole)

imputers = {
    "means": SimpleImputer(keep_empty_features=True),
    "KNNImputer": KNNImputer(keep_empty_features=True),
    "Autoencoder\nImputer": AutoencoderImputer(random_state=0),
}
filled = {name: imputer.fit(train).transform(given) for name, imputer in imputers.items()}
filled["truth"] = whole
errors = {
    name: np.square(images - whole)[np.isnan(given)].mean() for name, images in filled.items()
}
print(errors)

# %%
# The digits as they were given, and filled; the mean squared errors are those of the holes.
display = ReconstructionDisplay(
    rows=given[:12].reshape(-1, 8, 8),
    reconstructions={name: images[:12].reshape(-1, 8, 8) for name, images in filled.items()},
    kind="image",
    errors=errors,
    places=np.arange(12),
).plot(cmap="gray_r")
display.figure_.savefig("gaps.png", dpi=80)
