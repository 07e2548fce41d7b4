"""
Draw digits that nobody wrote
=============================

``sample`` of every autoencoder draws new rows. The variational autoencoder decodes draws of the
normal prior that its codes follow, the plain one draws of a Gaussian mixture that is fitted to its
codes. Beside them stands PCA with normal codes. The maximum mean discrepancy (MMD) says how far
drawn digits are from real ones that no model has seen; it is zero for two samples of one
distribution.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, VariationalAutoencoder

X_train, real = train_test_split(load_digits().data, random_state=0)
plain = AutoencoderTransformer(8, random_state=0).fit(X_train)
variational = VariationalAutoencoder(8, random_state=0).fit(X_train)
pca = PCA(8, whiten=True).fit(X_train)
drawn = {
    "PCA": pca.inverse_transform(np.random.default_rng(0).normal(size=(len(real), 8))),
    "plain autoencoder": plain.sample(len(real), random_state=0),
    "variational autoencoder": variational.sample(len(real), random_state=0),
}


def discrepancy(images):
    """Return the squared MMD between drawn and real digits, without bias."""
    n = len(images)
    kernel = rbf_kernel(np.r_[images, real], gamma=1 / 2_000)
    np.fill_diagonal(kernel, 0)
    within = (kernel[:n, :n].sum() + kernel[n:, n:].sum()) / (n * (n - 1))
    return within - 2 * kernel[:n, n:].mean()


# %%
sheets = {"real digits": real}
sheets |= {f"{name}\nMMD² {discrepancy(one):.4f}": one for name, one in drawn.items()}
figure, axes = plt.subplots(1, 4, figsize=(12, 3.6), layout="constrained")
for axis, (title, images) in zip(axes, sheets.items(), strict=True):
    framed = np.pad(images[:100].reshape(10, 10, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    axis.imshow(framed.swapaxes(1, 2).reshape(100, 100), cmap="gray_r", vmin=0, vmax=16)
    axis.set_title(title)
    axis.axis("off")
figure.savefig("generation.png", dpi=80)
