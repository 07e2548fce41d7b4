"""
Keep digits in as few numbers as an error allows
================================================

A nested autoencoder orders its components by importance, as PCA does. One fit therefore contains an
autoencoder for every smaller code, and ``truncate`` returns it without training again. The picture
shows digits that were not seen in training with 1, 2, 4, 8 and 16 components; the errors of all
widths, beside those of PCA; and the width at the elbow.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skae import NestedAutoencoder
from skae.displays import BottleneckDisplay, ReconstructionDisplay

X_train, X_test = train_test_split(load_digits().data, random_state=0)
nested = NestedAutoencoder(16, random_state=0).fit(X_train)

figure, axes = plt.subplots(1, 2, figsize=(12, 4.6), width_ratios=[1.6, 1], layout="constrained")
widths = BottleneckDisplay.from_estimator(nested, X_test, X_train=X_train, ax=axes[1])

# %%
# An estimator of its own for each of these widths, as for a file of its own.
small = {f"{k} of 16": nested.truncate(k).reconstruct(X_test) for k in (1, 2, 4, 8, 16)}
errors = {name: np.square(images - X_test).mean() for name, images in small.items()}
ReconstructionDisplay(
    rows=X_test[:9].reshape(-1, 8, 8),
    reconstructions={name: images[:9].reshape(-1, 8, 8) for name, images in small.items()},
    kind="image",
    errors=errors,
    places=np.arange(9),
).plot(ax=axes[0], cmap="gray_r", vmin=0, vmax=16)
figure.savefig("compression.png", dpi=80)
print(f"The elbow is at {widths.elbow} components.")
