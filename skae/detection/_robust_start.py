"""Distances that a tight cluster of outliers cannot turn round: where a search of them starts."""

import numpy as np
from numpy import ndarray
from numpy.linalg import eigh, norm

# Steps towards the spatial median; more hardly move it.
_MEDIAN_STEPS = 10

# Interquartile range of the normal distribution of standard deviation one.
_NORMAL_RANGE = 1.349

# Smallest spread along a direction, and what is added to the covariance of signs: rows that do
# not vary in a direction do not prove that none ever will.
_LEAST_SPREAD = 1e-2
_RIDGE = 1e-6

_TINY = 1e-12


def weighted_quantile(values: ndarray, shares: float | list[float], weight: ndarray) -> ndarray:
    """Return quantiles along the first axis, where each row counts as much as its weight."""
    # Interpolated quantiles are the same for values of the other sign, which an axis may have.
    if (weight == weight[0]).all():
        return np.quantile(values, shares, axis=0)
    return np.quantile(values, shares, axis=0, weights=weight, method="inverted_cdf")


def spatial_signs(rows: ndarray, weight: ndarray) -> tuple[ndarray, ndarray]:
    """Return the spatial median of rows, and the direction of each row from there.

    A row counts as much as any other, however far it is (Visuri, Koivunen and Oja, 2000); the
    median is found by the steps of Weiszfeld (1937).
    """
    center = np.median(rows, axis=0)
    for _ in range(_MEDIAN_STEPS):
        nearness = weight / np.maximum(norm(rows - center, axis=1), _TINY)
        center = nearness @ rows / nearness.sum()
    signs = rows - center
    signs /= np.maximum(norm(signs, axis=1), _TINY)[:, None]
    return center, signs * np.sqrt(weight / weight.sum())[:, None]


def start_distances(rows: ndarray, weight: ndarray) -> ndarray:
    """Return the squared distance of each row from the spatial median.

    Its axes are those of the covariance of spatial signs, and their units the quartiles of the
    rows along them. The mean and the covariance, of which a cluster is part, call it near. Columns
    come in units of their quartiles, too: in those of a column that a cluster stretches, signs
    would hardly point to it.
    """
    first, third = weighted_quantile(rows, [0.25, 0.75], weight)
    spread = (third - first) / _NORMAL_RANGE
    rows = rows / np.where(spread > _LEAST_SPREAD, spread, 1.0)
    center, signs = spatial_signs(rows, weight)
    _, axes = eigh(signs.T @ signs + _RIDGE * np.eye(rows.shape[1]))
    along = (rows - center) @ axes
    first, third = weighted_quantile(along, [0.25, 0.75], weight)
    spread = np.maximum((third - first) / _NORMAL_RANGE, _LEAST_SPREAD)
    return ((along / spread) ** 2).sum(axis=1)
