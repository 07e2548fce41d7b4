"""How an autoencoder starts as a principal component analysis."""

import numpy as np
import torch

from skae.networks import Autoencoder, start_linear_path
from skae.objectives import CountLoss, Loss
from skae.tables import PrincipalComponents


def start_at_pca(
    autoencoder: Autoencoder,
    pca: PrincipalComponents,
    loss: Loss | type[CountLoss],
    rng: np.random.RandomState,
) -> None:
    """Set the linear paths of encoder and decoder to a PCA of the scaled rows.

    The codes start whitened, so that what learns beside the linear paths sees inputs of
    unit variance. Codes beyond the rank of the data start as random directions that the
    decoder does not use yet. A loss with a link starts at the first-order expansion of
    the link around the mean; see `start_below_the_means`.
    """
    n_components, n_features = len(autoencoder.code_mean), len(pca.mean)
    deviations = np.sqrt(pca.variances)[:, None]
    encoder = rng.normal(size=(n_components, n_features)) / np.sqrt(n_features)
    decoder = np.zeros((n_components, n_features))
    rank = len(pca.components)
    encoder[:rank] = pca.components / deviations
    decoder[:rank] = pca.components * deviations
    start_linear_path(autoencoder.encoder, encoder, -encoder @ pca.mean)
    _start_decoder(autoencoder, decoder, pca.mean, loss)


def start_at_probabilistic_pca(
    autoencoder: Autoencoder,
    pca: PrincipalComponents,
    loss: Loss | type[CountLoss],
    noise_variance: float,
) -> None:
    """Set the linear paths of a variational autoencoder to the most likely linear one.

    That is probabilistic PCA (Tipping and Bishop, 1999), whose posterior is normal with
    independent components, so that the bound starts tight. Codes beyond the rank of the data
    start at the prior. `noise_variance` is that of the noise around the
    decoded rows.
    """
    n_components, n_features = len(autoencoder.code_mean), len(pca.mean)
    encoder = np.zeros((2 * n_components, n_features))
    decoder = np.zeros((n_components, n_features))
    log_variance = np.zeros(n_components)
    rank = len(pca.components)
    # A component that varies less than the noise does not show.
    lengths = np.sqrt(np.maximum(pca.variances - noise_variance, 0.0))[:, None]
    total = np.maximum(pca.variances, noise_variance)
    encoder[:rank] = pca.components * lengths / total[:, None]
    decoder[:rank] = pca.components * lengths
    log_variance[:rank] = np.log(noise_variance / total)
    intercept = -encoder @ pca.mean
    intercept[n_components:] += log_variance
    start_linear_path(autoencoder.encoder, encoder, intercept)
    _start_decoder(autoencoder, decoder, pca.mean, loss)


def _start_decoder(
    autoencoder: Autoencoder, components: np.ndarray, mean: np.ndarray, loss: Loss | type[CountLoss]
) -> None:
    if not isinstance(loss, Loss):
        # That of a table of counts starts at a regression, not at the expansion of a link.
        return
    intercept = mean
    if loss.link is not None and loss.link_slope is not None:
        at_mean = torch.as_tensor(mean)
        intercept = loss.link(at_mean).numpy()
        components = components * loss.link_slope(at_mean).numpy()
    start_linear_path(autoencoder.decoder, components.T, intercept)
