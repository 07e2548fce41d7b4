"""How an autoencoder starts as a principal component analysis."""

import numpy as np
import torch

from skae.networks import start_linear_path


def start_at_pca(autoencoder, pca, loss, rng):
    """Set the linear paths of encoder and decoder to a PCA.

    The codes start whitened, so that what learns beside the linear paths sees inputs of
    unit variance. Codes beyond the rank of the data start as random directions that the
    decoder does not use yet. A loss with a link starts at the first-order expansion of
    the link around the mean; see `start_below_the_means`.

    Parameters
    ----------
    autoencoder : Autoencoder
        With linear paths, still to be set.
    pca : PrincipalComponents
        Of the scaled rows.
    loss : Loss
        Knows the link between the decoder's output and the data.
    rng : RandomState
        Source of the random directions.
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


def start_at_probabilistic_pca(autoencoder, pca, loss, noise_variance):
    """Set the linear paths of a variational autoencoder to the most likely linear one.

    That is probabilistic PCA (Tipping and Bishop, 1999), whose posterior is normal with
    independent components, so that the bound starts tight. Codes beyond the rank of the data
    start at the prior.

    Parameters
    ----------
    autoencoder : Autoencoder
        With a `GaussianLatent` and linear paths, still to be set.
    pca : PrincipalComponents
        Of the scaled rows.
    loss : Loss
        Knows the link between the decoder's output and the data.
    noise_variance : float
        Variance of the noise around the decoded rows.
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


def _start_decoder(autoencoder, components, mean, loss):
    intercept = mean
    if loss.link is not None:
        mean = torch.as_tensor(mean)
        intercept = loss.link(mean).numpy()
        components = components * loss.link_slope(mean).numpy()
    start_linear_path(autoencoder.decoder, components.T, intercept)
