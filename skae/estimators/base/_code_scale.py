"""The scale of codes in which they show how much they count."""

import numpy as np
import torch

# Codes that are enough to see the effect of each component.
_ENOUGH_CODES = 256


@torch.no_grad()
def scale_by_effect(autoencoder, codes, sample_weight, loss):
    """Return what codes are divided by so that they vary as much as the rows do because of them.

    The effect of a component is the change of the decoded rows when it is replaced by its mean.
    For PCA, that is its standard deviation.

    Parameters
    ----------
    autoencoder : Autoencoder
        The trained network.
    codes : tensor of shape (n_codes, n_components)
        Codes of training rows, as the latent gives them.
    sample_weight : tensor of shape (n_codes,)
        Weights of these rows.
    loss : Loss
        Maps what is decoded to the data.

    Returns
    -------
    scale : ndarray of shape (n_components,)
        The standard deviation of each component by its effect, in the unit of the scaled rows;
        1 for a component without effect.
    """
    chosen = slice(None, None, -(-len(codes) // _ENOUGH_CODES))
    codes = codes[chosen].to(autoencoder.code_mean)
    share = sample_weight[chosen].to(codes.device, torch.float64)
    share = share / share.sum()
    means = share @ codes.double()
    deviations = (share @ (codes.double() - means).square()).sqrt()

    def rows_of(codes):
        return loss.to_data(autoencoder.decoder(codes)).double()

    rows = rows_of(codes)
    scale = np.ones(codes.shape[1])
    for k, (mean, deviation) in enumerate(zip(means, deviations, strict=True)):
        without = codes.clone()
        without[:, k] = mean
        effect = (share @ (rows - rows_of(without)).square().sum(dim=1)).sqrt()
        if effect > 0 and deviation > 0:
            scale[k] = deviation / effect
    return scale
