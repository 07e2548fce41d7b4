"""Codes of unit variance, or in the scale of their effect on the decoded rows."""

import numpy as np
import torch
from torch import Tensor

from skae.networks import Autoencoder
from skae.objectives import TableLoss

from ._training import TrainingFlow

# Codes that suffice to measure the effect of each component.
_ENOUGH_CODES = 256


class StandardizedCodes(TrainingFlow):
    """The parameter of autoencoders whose codes have no scale of their own.

    Parameters
    ----------
    standardize : bool, default=True
        Whether codes have unit variance, which suits classifiers. With False the standard
        deviation of each code is the change of the reconstruction without it, in the unit of the
        data (root of the sum of squares over the features), as for the components of PCA.
        Stacked autoencoders need False: the scale tells the next one which codes count.
    """

    standardize: bool = True

    def _scale_of_codes(self, variance: np.ndarray, codes: Tensor, weight: Tensor) -> np.ndarray:
        if self.standardize:
            return super()._scale_of_codes(variance, codes, weight)
        module = self.net_.module_
        divisors = scale_by_effect(module, codes, weight, self._fitted_loss)
        return divisors / self._unit_of_answers


@torch.no_grad()
def scale_by_effect(
    autoencoder: Autoencoder, codes: Tensor, sample_weight: Tensor, loss: TableLoss
) -> np.ndarray:
    """Return the divisors after which a code varies as much as its effect on the rows.

    Codes are divided by it; it is 1 for a component without effect. The effect of a component is
    the change of the decoded rows, in the unit of the scaled rows, when it is replaced by its
    mean. For PCA, that is its standard deviation. `codes` are those of training rows, of shape
    (n_codes, n_components), as the latent gives them.
    """
    chosen = slice(None, None, -(-len(codes) // _ENOUGH_CODES))
    codes = codes[chosen].to(autoencoder.code_mean)
    share = sample_weight[chosen].to(codes.device, torch.float64)
    share = share / share.sum()
    means = share @ codes.double()
    deviations = (share @ (codes.double() - means).square()).sqrt()

    def rows_of(codes: Tensor) -> Tensor:
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
