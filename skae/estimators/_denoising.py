"""The denoising autoencoder."""

from collections.abc import Callable
from typing import Annotated, Any

import torch

from skae._typing import ArrayOf
from skae._warnings import warn_caller
from skae.objectives import Corruption, NoiseName
from skae.tables import CallerType, as_tensor, column_extremes

from .base import (
    BaseAutoencoder,
    ColumnParameters,
    NonNegative,
    StandardizedCodes,
    fitted,
    pairs_of,
)

# The share of the standard deviation of the data below which noise is too little to matter.
_TOO_LITTLE = 0.01


class DenoisingAutoencoder(StandardizedCodes, ColumnParameters, BaseAutoencoder):
    """Autoencoder that learns to remove noise from its input.

    Training corrupts every batch anew, and the loss compares the reconstruction with the clean
    rows (Vincent et al., 2008). The network has to learn how the features depend on each other.
    :meth:`reconstruct` is the denoiser; the codes of :meth:`transform` are often better
    features than those of the plain autoencoder, and may be wider than the input.

    If the noise is known from examples, `fit` takes pairs: ``fit(X, y)`` with rows `X` and what
    each should become in `y`, numbers of the same shape. Nothing is corrupted then.

    Parameters
    ----------
    noise : {"masking", "gaussian", "salt_and_pepper", "swap"} or callable, default="masking"
        The corruption of a batch. "masking" replaces a cell by the mean of its feature (by zero
        for losses that do not centre the data), "salt_and_pepper" by the smallest or largest
        value of the feature, and "swap" by the value of another row of the batch; "gaussian"
        adds normal noise. "masking" is the default because it does not depend on the unit of
        the data. A callable ``noise(x, generator)`` gets the batch in the unit of the data, a
        float64 tensor of shape (n_batch, n_features), and a random generator on its device, and
        returns a tensor of the same shape:
        ``lambda x, g: x + torch.randn(x.shape, generator=g, device=x.device)``.
    noise_level : float, default=0.25
        For "gaussian" the standard deviation, in the unit of the data: try half to twice their
        standard deviation. For the others the probability that a cell is changed, in [0, 1]
        (a quarter is in the middle of the range of Vincent et al., 2010). Ignored for a callable,
        and after a fit of pairs.
    init : {"pca", "random"}, default="pca"
        Where training starts. "pca" gives encoder and decoder a linear path beside the deep one
        and starts at PCA's solution. If the objective over the corrupted training rows ends
        above its start, `fit` goes back there. "random" is the plain network.

    Attributes
    ----------
    loss_ : float
        The objective over all training rows, corrupted, with the weights that were kept, in
        the unit of the data.
    loss_curve_ : list of float
        The mean objective over the corrupted training rows during each epoch.
    validation_loss_curve_ : list of float or None
        The objective over the corrupted held-out rows after each epoch; None if no rows were
        held out.
    best_validation_loss_ : float or None
        The objective over the corrupted held-out rows with the weights that were kept. None
        if the last call held no rows out.

    See Also
    --------
    AutoencoderTransformer : The same without noise.
    sklearn.impute.KNNImputer : Fills cells that are known to be missing.

    Notes
    -----
    Training draws fresh noise for every batch. `loss_` and the losses of held-out rows have the
    same noise every time, so that they can be compared; "swap" then takes values from rows that
    are near in the table.

    Codes and scores are computed without noise: :meth:`score` measures how well clean rows are
    reconstructed, which training with noise does not improve. To choose `noise_level`, compare
    ``reconstruct(noisy)`` with the clean rows, or the accuracies of a classifier on the codes.

    **Pairs** may be noisy and clean rows, rows of low and of high resolution, or rows with gaps and
    complete ones; gaps in `y` do not count. `y` has a unit of its own, in which
    :meth:`reconstruct`, :meth:`inverse_transform` and :meth:`sample` answer, so that a scaler may
    stand before in a Pipeline. Training starts at principal component regression with
    ``init="pca"``. :meth:`score` compares with the `y` that it is given, as in `cross_validate`.
    Noise of your own is worth more than pairs if you can make it: training then sees new noise in
    every epoch, but always the same pairs. Labels in `y`, one for each row, truth values, and a
    `y` that equals `X` are no pairs, and are ignored.

    "salt_and_pepper" uses the smallest and largest values of the first call of `fit` or
    `partial_fit`.

    References
    ----------
    P. Vincent, H. Larochelle, Y. Bengio and P.-A. Manzagol, 2008. Extracting and composing
    robust features with denoising autoencoders. International Conference on Machine Learning.

    P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol, 2010. Stacked denoising
    autoencoders. Journal of Machine Learning Research 11.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderTransformer, DenoisingAutoencoder
    >>> X = load_digits().data[:500]
    >>> noisy = X + np.random.default_rng(0).normal(scale=4, size=X.shape)
    >>> def error(ae):
    ...     return ((ae.fit(X).reconstruct(noisy) - X) ** 2).mean()
    >>> params = {"n_components": 16, "hidden_layer_sizes": (128,), "max_iter": 40}
    >>> params["random_state"] = 0
    >>> denoiser = DenoisingAutoencoder(noise="gaussian", noise_level=4, **params)
    >>> bool(error(denoiser) < 0.7 * error(AutoencoderTransformer(**params)))
    True

    Pairs of blurred and of sharp images:

    >>> blurred = (X + np.roll(X, 1, axis=1)) / 2
    >>> pairs = DenoisingAutoencoder(**params).fit(blurred[:400], X[:400])
    >>> bool(-pairs.score(blurred[400:], X[400:]) < 0.7 * ((blurred - X)[400:] ** 2).mean())
    True
    """

    noise: NoiseName | Callable[..., Any] = "masking"
    noise_level: NonNegative = 0.25

    # Smallest and largest value of each column, for "salt_and_pepper".
    _extremes: Annotated[Any, ArrayOf("float", 2, "n_features_in_")] | None = fitted()

    def _pairs_of(self, X: Any, y: Any) -> Any:
        return pairs_of(X, y)

    def _check_parameters(self, continued: bool) -> None:
        shares = isinstance(self.noise, str) and self.noise != "gaussian"
        if shares and self.noise_level > 1:
            raise ValueError(
                f"noise_level={self.noise_level} is a probability for noise={self.noise!r}, "
                f"expected at most 1."
            )
        if self.noise == "salt_and_pepper" and continued and self._extremes is None:
            raise ValueError(
                "noise='salt_and_pepper' needs the smallest and largest values of the first fit, "
                "which had another noise. Set noise back, or set warm_start=False and call fit."
            )

    def _learn_from(self, X: Any, caller: CallerType) -> None:
        self._extremes = None
        if self.noise == "salt_and_pepper":
            self._extremes = caller.to_caller(column_extremes(X))
        is_made = self.noise == "gaussian" and self._target is None and self._mixed is None
        if is_made and 0 < self.noise_level < _TOO_LITTLE * self.scale_:
            warn_caller(
                f"noise_level={self.noise_level} is less than a hundredth of the spread of the "
                f"data, scale_={self.scale_:.3g}, so that training hardly sees any noise. For "
                f"noise='gaussian' it is a standard deviation in the unit of the data: give that "
                f"of the noise that rows will have."
            )

    def _make_corruption(self) -> Corruption | None:
        if self._target is not None:
            # The first rows of pairs are corrupted as they are.
            return None
        extremes = None if self._extremes is None else as_tensor(self._extremes)
        mean = as_tensor(self.mean_).cpu()
        scale: Any = self.scale_
        if self._mixed is not None:
            numbers = torch.tensor([float(n_levels == 0) for n_levels in self._mixed.n_levels])
            scale = self._mixed.scale
        elif self._means is not None:
            numbers = torch.ones(len(mean))
        else:
            return Corruption(self.noise, self.noise_level, mean, scale, extremes)
        return Corruption(self.noise, self.noise_level, mean, scale, numbers=numbers)

    def _why_only_numbers(self) -> str | None:
        return self._why_no_gaps() or super()._why_only_numbers()

    def _why_no_gaps(self) -> str | None:
        numbers_only = callable(self.noise) or self.noise == "salt_and_pepper"
        return f"noise={self.noise!r}" if numbers_only else super()._why_no_gaps()
