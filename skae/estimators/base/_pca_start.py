"""How an autoencoder starts as a principal component analysis."""

import numpy as np
import torch

from skae.networks import Autoencoder, WithColumnInput, start_linear_path
from skae.objectives import CountLoss, TableLoss
from skae.tables import PrincipalComponents


def start_at_pca(
    autoencoder: Autoencoder,
    pca: PrincipalComponents,
    loss: TableLoss,
    rng: np.random.RandomState,
) -> None:
    """Set the linear paths of encoder and decoder to a PCA of the scaled rows.

    The codes start whitened, so that what learns beside the linear paths sees inputs of
    unit variance. Codes beyond the rank of the data start as random directions that the
    decoder does not use yet. A loss with a link starts at the first-order expansion of
    the link around the mean; see `start_below_the_means`. Of a table with columns of several types
    this is the factor analysis of mixed data (Escofier, 1979; Pages, 2004): a PCA of numbers beside
    categories divided by the roots of their shares.
    """
    n_components, n_features = len(autoencoder.code_mean), len(pca.mean)
    deviations = np.sqrt(pca.variances)[:, None]
    encoder = rng.normal(size=(n_components, n_features)) / np.sqrt(n_features)
    decoder = np.zeros((n_components, n_features))
    rank = len(pca.components)
    encoder[:rank] = pca.components / deviations
    decoder[:rank] = pca.components * deviations
    _start(autoencoder, encoder, -encoder @ pca.mean, decoder, pca.mean, loss)


def start_at_probabilistic_pca(
    autoencoder: Autoencoder,
    pca: PrincipalComponents,
    loss: TableLoss,
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
    _start(autoencoder, encoder, intercept, decoder, pca.mean, loss)


def _start(
    autoencoder: Autoencoder,
    encoder: np.ndarray,
    of_codes: np.ndarray,
    decoder: np.ndarray,
    mean: np.ndarray,
    loss: TableLoss,
) -> None:
    """Set the linear paths, given matrices whose columns are inputs of a PCA, and intercepts."""
    half = autoencoder.encoder
    if isinstance(half, WithColumnInput):
        # Indicators of gaps, and rhythms of dates, start without weight.
        encoder, half = half.columns.beside_zeros(encoder), half.encoder
    start_linear_path(half, encoder, of_codes)
    if isinstance(loss, CountLoss):
        # The decoder starts at a regression, not at the expansion of a link.
        return
    weight, intercept = loss.linear_output(torch.as_tensor(decoder.T), torch.as_tensor(mean))
    start_linear_path(autoencoder.decoder, weight.numpy(), intercept.numpy())
