"""
Take noise off digits
=====================

A denoising autoencoder learns from clean digits, to which it adds noise itself. It then cleans
noisy digits that it has never seen without noise. Beside it stand PCA, with the number of
components that is best for these digits, and the plain autoencoder.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, DenoisingAutoencoder
from skae.displays import ReconstructionDisplay

NOISE = 5.0  # standard deviation; pixels go from 0 to 16

X_train, clean = train_test_split(load_digits().data, random_state=0)
noisy = clean + np.random.default_rng(0).normal(scale=NOISE, size=clean.shape)

plain = AutoencoderTransformer(32, random_state=0).fit(X_train)
denoiser = DenoisingAutoencoder(32, noise="gaussian", noise_level=NOISE, random_state=0)
denoiser.fit(X_train)


def error(images):
    """Return the mean squared error."""
    return np.square(images - clean).mean()


pcas = [PCA(k).fit(X_train) for k in range(2, 40)]
results = {
    "noisy": noisy,
    "best PCA": min((pca.inverse_transform(pca.transform(noisy)) for pca in pcas), key=error),
    "plain": plain.reconstruct(noisy),
    "denoising": denoiser.reconstruct(noisy),
}
errors = {name: error(images) for name, images in results.items()}
print(errors)

# %%
# The original digits, and what became of them.
display = ReconstructionDisplay(
    rows=clean[:14].reshape(-1, 8, 8),
    reconstructions={name: images[:14].reshape(-1, 8, 8) for name, images in results.items()},
    kind="image",
    errors=errors,
    places=np.arange(14),
).plot(cmap="gray_r", vmin=0, vmax=16)
display.figure_.savefig("denoising.png", dpi=80)
