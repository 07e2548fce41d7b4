"""
Find lesions in slices of a head
================================

Made images: a skull, tissue and two ventricles of random place, size and angle, with the grain of
a scanner. An autoencoder learns slices of healthy heads. It cannot redraw what it has never seen,
so that the difference between a slice and its reconstruction shows a lesion. The score of a slice
is the largest difference after smoothing. Beside it stands PCA with as many components.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from skae import AutoencoderTransformer

rng = np.random.default_rng(0)
y, x = np.mgrid[-1:1:32j, -1:1:32j]


def slices(n_slices, lesion=0.0):
    """Return slices as rows; a lesion is a bright spot in the tissue."""
    angle, left, top, width, height, apart = rng.uniform(
        [-0.4, -0.1, -0.1, 0.6, 0.75, 0.15], [0.4, 0.1, 0.1, 0.75, 0.9, 0.25], (n_slices, 6)
    ).T[..., None, None]
    across = ((x - left) * np.cos(angle) + (y - top) * np.sin(angle)) / width
    down = ((y - top) * np.cos(angle) - (x - left) * np.sin(angle)) / height
    radius = np.hypot(across, down)
    ventricles = np.exp(-(((np.abs(across) - apart) / 0.12) ** 2) - (down / 0.3) ** 2)
    images = 0.4 / (1 + np.exp((radius - 1) / 0.03)) - 0.3 * ventricles
    images += 0.6 * np.exp(-(((radius - 1) / 0.08) ** 2))
    place, around = 0.6 * np.sqrt(rng.uniform(size=angle.shape)), rng.uniform(0, 7, angle.shape)
    spot = (across - place * np.cos(around)) ** 2 + (down - place * np.sin(around)) ** 2
    images += lesion * np.exp(-spot / 0.12**2)
    return (images + rng.normal(scale=0.05, size=images.shape)).reshape(n_slices, -1)


train, healthy, ill = slices(2_000), slices(200), slices(200, lesion=0.3)
new, is_ill = np.r_[healthy, ill], np.repeat([False, True], 200)
found = {}
autoencoder = AutoencoderTransformer(16, random_state=0)
for name, model in {"PCA": PCA(16, random_state=0), "AE": autoencoder}.items():
    missed = new - model.fit(train).inverse_transform(model.transform(new))
    found[name] = gaussian_filter(missed.reshape(-1, 32, 32), (0, 1, 1))
    print(f"{name}: AUROC {roc_auc_score(is_ill, found[name].max(axis=(1, 2))):.3f}")

# %%
# Four healthy slices and six with a lesion, and what each model could not redraw.
figure, axes = plt.subplots(3, 10, figsize=(11, 3.6), layout="constrained")
for column, row in enumerate(range(196, 206)):
    axes[0, column].imshow(new[row].reshape(32, 32), cmap="gray", vmin=0, vmax=1)
    axes[0, column].set_title("lesion" if is_ill[row] else "healthy", fontsize="medium")
    for axis, images in zip(axes[1:, column], found.values(), strict=True):
        axis.imshow(images[row], cmap="inferno", vmin=0, vmax=0.2)
for axis, label in zip(axes[:, 0], ("slice", *found), strict=True):
    axis.set_ylabel(label)
plt.setp(axes, xticks=[], yticks=[])
figure.savefig("medical.png", dpi=80)
