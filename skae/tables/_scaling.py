"""The shift and the one scalar that bring a table into the network's range."""

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from skae._chunks import rows_in_chunk, slices
from skae._threads import one_thread

from ._moments import merge_moments
from ._scaled_rows import ScaledRows

# Losses are given in the square of the unit of the data, which must be a number.
_LARGEST_SCALE = 1e150


def fit_scaling(X, sample_weight, loss):
    """Find the mean and the scale of a table, as far as the loss allows them.

    One scalar divides all features, so that the squared error of the scaled data is that
    of the data in another unit, as PCA's is; scaling each feature is StandardScaler's.

    Parameters
    ----------
    X : {ndarray, CSR matrix, tensor} of shape (n_samples, n_features)
        Validated rows.
    sample_weight : {ndarray, tensor} of shape (n_samples,) or None
        Weights of the rows.
    loss : Loss
        Says whether the data may be centred and scaled.

    Returns
    -------
    mean : tensor of shape (n_features,)
        In float64, on the device of `X`; zeros if the loss needs the data's own origin.
    scale : float
        Root of the features' mean variance, or the mean of all values where the data may
        not be centred, or 1 for constant data or a loss that needs the data's own unit.
    deviations : tensor of shape (n_features,)
        Standard deviations of the features, in float64, on the device of `X`.

    Raises
    ------
    ValueError
        If the values are too large for their variance to be a number.
    """
    mean, variance, largest = _moments(X, sample_weight)
    if loss.centered:
        scale = largest * float(variance.mean().sqrt()) or 1.0
    elif loss.scaled:
        scale = largest * float(mean.mean()) or 1.0
    else:
        scale = 1.0
    mean = largest * mean if loss.centered else torch.zeros_like(mean)
    if not scale < _LARGEST_SCALE:
        raise ValueError(
            f"X holds values up to {largest:.3g}, too large to compute with in {X.dtype}. "
            f"Scale the data, for example with RobustScaler."
        )
    return mean, scale, largest * variance.sqrt()


def column_moments(X, sample_weight):
    """Find the mean and the standard deviation of each column of a table.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Validated rows.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the rows.

    Returns
    -------
    mean : ndarray of shape (n_features,)
        In float64.
    scale : ndarray of shape (n_features,)
        In float64; 1 for a constant column, as StandardScaler has it.
    """
    mean, variance, largest = _moments(X, sample_weight)
    scale = largest * variance.sqrt().numpy()
    return largest * mean.numpy(), np.where(scale > 0, scale, 1.0)


def _moments(X, sample_weight):
    """Return mean and variance of each column of X / largest, in float64, and that value."""
    # Dividing by the largest value first keeps the squares of extreme units in range; those of
    # single precision are in the range of double precision.
    single = str(X.dtype).endswith("float32")
    largest = 1.0 if single else _largest(X) or 1.0
    mean, variance = _mean_and_variance(X, sample_weight, largest)
    # What is left of a constant column is rounding: of its values, and of the sums of all rows.
    eps = torch.finfo(torch.float32 if single else torch.float64).eps
    rounding = 10 * max(eps, X.shape[0] ** 0.5 * torch.finfo(torch.float64).eps)
    variance[variance.sqrt() <= rounding * mean.abs()] = 0.0
    return mean, variance, largest


def _largest(X):
    """Return the largest absolute value, without touching how a sparse matrix is stored."""
    values = X.data if sparse.issparse(X) else X
    parts = (values[part] for part in slices(len(values), rows_in_chunk(X.shape[1])))
    return max((max(-float(part.min()), float(part.max())) for part in parts), default=0.0)


def _mean_and_variance(X, sample_weight, largest):
    """Return mean and variance of each feature of X / largest, in float64."""
    if sparse.issparse(X):
        X = X.astype("float64") / largest
        moments = mean_variance_axis(X, axis=0, weights=sample_weight)
        return tuple(torch.from_numpy(moment) for moment in moments)
    weights = None if sample_weight is None else torch.as_tensor(sample_weight)
    moments = None
    with one_thread():
        device = X.device if isinstance(X, torch.Tensor) else torch.device("cpu")
        for selection in slices(len(X), rows_in_chunk(X.shape[1], device)):
            chunk = X[selection]
            if isinstance(X, torch.Tensor):
                chunk = chunk.to(torch.float64, copy=True)
            else:
                chunk = torch.from_numpy(chunk.astype("float64", order="C"))
            if largest != 1:
                chunk /= largest
            if weights is None:
                total, mean = len(chunk), chunk.mean(dim=0)
                variance = chunk.sub_(mean).square_().mean(dim=0)
            else:
                weight = weights[selection].to(chunk)
                total = weight.sum()
                mean = weight @ chunk / total
                variance = weight @ chunk.sub_(mean).square_() / total
            moments = merge_moments(moments, (total, mean, variance))
    return moments[1:]


def extremes_of(X):
    """Find the smallest and the largest value of each feature.

    Parameters
    ----------
    X : {ndarray, CSR matrix, tensor} of shape (n_samples, n_features)
        Validated rows.

    Returns
    -------
    extremes : tensor of shape (2, n_features)
        In float64, on the device of `X`.
    """
    low = high = None
    for _, chunk in ScaledRows(X, torch.zeros(X.shape[1], device="cpu"), 1.0).chunks():
        least, most = chunk.double().aminmax(dim=0)
        low = least if low is None else torch.minimum(low, least)
        high = most if high is None else torch.maximum(high, most)
    return torch.stack([low, high])
