"""How an autoencoder starts as a principal component analysis."""

import numpy as np
import torch

from skae.networks import start_linear_path


def start_at_pca(autoencoder, pca, loss, rng):
    """Set the linear paths of encoder and decoder to a PCA.

    The codes start whitened, so that what learns beside the linear paths sees inputs of
    unit variance. Codes beyond the rank of the data start as random directions that the
    decoder does not use yet. A loss with a link starts at the first-order expansion of
    the link around the mean.

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
    intercept = pca.mean
    if loss.link is not None:
        mean = torch.as_tensor(pca.mean)
        intercept = loss.link(mean).numpy()
        decoder = decoder * loss.link_slope(mean).numpy()
    start_linear_path(autoencoder.encoder, encoder, -encoder @ pca.mean)
    start_linear_path(autoencoder.decoder, decoder.T, intercept)
