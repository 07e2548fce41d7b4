"""How an autoencoder starts as a principal component analysis."""

import numpy as np
import torch

from skae.networks import linear_layer_of, start_linear_path

# Parts of the linear path that are tried where a link makes the whole one a guess.
_SHARES = (*(2.0**-i for i in range(11)), 0.0)


def start_at_pca(autoencoder, pca, loss, rng):
    """Set the linear paths of encoder and decoder to a PCA.

    The codes start whitened, so that what learns beside the linear paths sees inputs of
    unit variance. Codes beyond the rank of the data start as random directions that the
    decoder does not use yet. A loss with a link starts at the first-order expansion of
    the link around the mean; see `shrink_to_the_best_share`.

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


@torch.no_grad()
def shrink_to_the_best_share(autoencoder, rows, sample_weight, loss):
    """Multiply the decoder's linear path by the share that reconstructs the rows best.

    The expansion of a link is only good near the mean: far from it an exponential of what is
    linear in a count can be of any size. A share of zero reconstructs the column means, so the
    start is never worse than these.

    Parameters
    ----------
    autoencoder : Autoencoder
        With linear paths that are set, and whose deep paths answer zero.
    rows : ScaledRows
        The rows.
    sample_weight : {ndarray, tensor} of shape (n_samples,) or None
        Their weights.
    loss : Loss
        Has a link.
    """
    linear = linear_layer_of(autoencoder.decoder)
    weight, bias = linear.weight.double(), linear.bias.double()
    losses = torch.zeros(len(_SHARES), dtype=torch.float64)
    autoencoder.eval()
    for selection, x in rows.chunks():
        x = x.cpu()
        codes = autoencoder.latent(autoencoder.encoder(x.to(linear.weight)))
        x, change = x.double(), codes.double() @ weight.T
        share_of_rows = torch.ones(len(x), dtype=torch.float64)
        if sample_weight is not None:
            share_of_rows = torch.as_tensor(sample_weight[selection]).to(share_of_rows)
        for i, share in enumerate(_SHARES):
            cells = loss.function(bias + share * change, x, reduction="none")
            losses[i] += share_of_rows @ cells.mean(dim=1)
    autoencoder.train()
    linear.weight.mul_(_SHARES[int(losses.argmin())])


def _start_decoder(autoencoder, components, mean, loss):
    intercept = mean
    if loss.link is not None:
        mean = torch.as_tensor(mean)
        intercept = loss.link(mean).numpy()
        components = components * loss.link_slope(mean).numpy()
    start_linear_path(autoencoder.decoder, components.T, intercept)
