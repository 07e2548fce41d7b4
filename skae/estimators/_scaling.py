"""The shift and the one scalar that bring a table into the network's range."""

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from skae.engine import ScaledRows, merge_moments

# Losses are given in the square of the unit of the data, which must be a number.
_LARGEST_SCALE = 1e150


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
    largest = _largest(X) or 1.0
    mean, variance = _mean_and_variance(X, sample_weight, largest)
    # What is left of a constant column is rounding.
    variance[np.sqrt(variance) <= 10 * np.finfo(X.dtype).eps * np.abs(mean)] = 0.0
    if loss.centered:
        scale = largest * np.sqrt(variance.mean()) or 1.0
    elif loss.scaled:
        scale = largest * mean.mean() or 1.0
    else:
        scale = 1.0
    mean = largest * mean if loss.centered else np.zeros_like(mean)
    if not scale < _LARGEST_SCALE:
        raise ValueError(
            f"X holds values up to {largest:.3g}, too large to compute with in {X.dtype}. "
            f"Scale the data, for example with RobustScaler."
        )
    return mean, float(scale)


def _largest(X):
    """Return the largest absolute value, without touching how a sparse matrix is stored."""
    values = X.data if sparse.issparse(X) else X
    return max(-float(values.min()), float(values.max())) if values.size else 0.0


def _mean_and_variance(X, sample_weight, largest):
    """Return mean and variance of each feature of X / largest, in float64."""
    if sparse.issparse(X):
        return mean_variance_axis(X.astype(np.float64) / largest, axis=0, weights=sample_weight)
    weights = np.ones(len(X)) if sample_weight is None else sample_weight
    moments = None
    for selection, chunk in ScaledRows(X, np.zeros(X.shape[1]), largest).chunks():
        chunk = chunk.astype(np.float64, copy=False)
        share = weights[selection] / weights[selection].sum()
        mean = share @ chunk
        chunk -= mean
        variance = share @ np.square(chunk, out=chunk)
        moments = merge_moments(moments, (weights[selection].sum(), mean, variance))
    return moments[1:]
