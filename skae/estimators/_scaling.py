"""The shift and the one scalar that bring a table into the network's range."""

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis


def fit_scaling(X, sample_weight, loss):
    """Find the mean and the scale of a table, as far as the loss allows them.

    One scalar divides all features, so that the squared error of the scaled data is that
    of the data in another unit, as PCA's is; scaling each feature is StandardScaler's.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows.
    loss : Loss
        Says whether the data may be centred and scaled.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        In float64; zeros if the loss needs the data's own origin.
    scale : float
        Root of the features' mean variance, or the mean of all values where the data may
        not be centred, or 1 for constant data or a loss that needs the data's own unit.

    Raises
    ------
    ValueError
        If the values are too large for their variance to be a number.
    """
    # Dividing by the largest value first keeps the squares of extreme units in range.
    largest = float(abs(X).max()) or 1.0
    mean, variance = _mean_and_variance(X / X.dtype.type(largest), sample_weight)
    if loss.centered:
        scale = largest * np.sqrt(variance.mean())
    elif loss.scaled:
        scale = largest * mean.mean()
    else:
        scale = 1.0
    mean = largest * mean if loss.centered else np.zeros_like(mean)
    # What is left of constant columns is rounding.
    if scale <= 10 * np.finfo(X.dtype).eps * np.abs(mean).max():
        scale = 1.0
    if not np.isfinite(scale):
        raise ValueError(
            f"X holds values up to {largest:.3g}, too large to compute with in {X.dtype}. "
            f"Scale the data, for example with RobustScaler."
        )
    return mean, float(scale)


def _mean_and_variance(X, sample_weight):
    if isinstance(X, np.ndarray):
        mean = np.average(X, axis=0, weights=sample_weight)
        if sample_weight is None:
            return mean.astype(np.float64), X.var(axis=0, dtype=np.float64)
        return mean, np.average((X - mean) ** 2, axis=0, weights=sample_weight)
    weights = None if sample_weight is None else sample_weight.astype(X.dtype)
    mean, variance = mean_variance_axis(X, axis=0, weights=weights)
    return mean.astype(np.float64), variance.astype(np.float64)
