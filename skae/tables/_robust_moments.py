"""Mean and standard deviation of each column of a table, without its far cells."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy import ndarray
from scipy import sparse

from skae._chunks import slices

# Spreads from the median of its column beyond which a cell is clipped before the mean and the
# standard deviation are computed: no cell of an ordinary column is so far outside.
FARTHEST = 8.0

# Interquartile range of the normal distribution of standard deviation one.
_NORMAL_RANGE = 1.349

# Numbers between a cell and the median of its column that rounding may pass over.
_ROUNDING = 2

# Beyond this value, differences of values may be no numbers.
_LARGE, _SHRINK = 1e300, 2.0**-10

# Cells that are sorted at a time, to bound memory.
_CELLS = 2**20


def robust_moments(X: Any, weight: ndarray | None) -> tuple[ndarray, ndarray]:
    """Return mean and standard deviation of the columns of `X`, their far cells clipped.

    A cell is far if it is more than eight spreads from the median of its column. The spread is the
    range of the quartiles, in units in which that of the normal distribution is its standard
    deviation. In a column of many equal values, as of zeros and ones, the quartiles may coincide:
    its spread is at least the median distance of the cells that differ from the median. Up to two
    numbers further in the dtype of `X` a cell counts as equal, as rounding makes such cells; the
    standard deviation is zero exactly if all cells are equal to the median.

    A weight counts as that many equal rows do. Sparse matrices stay sparse.
    """
    eps = float(np.finfo(X.dtype).eps)
    columns = _sparse_columns(X, weight) if sparse.issparse(X) else _dense_columns(X, weight)
    with np.errstate(over="ignore"):
        found = [_moments(*_in_order(values, weights), eps) for values, weights in columns]
    mean, deviation = np.hstack(found)
    return mean, deviation


def moments_of_known(X: ndarray, weight: ndarray | None) -> tuple[ndarray, ndarray]:
    """Return `robust_moments` of the cells that are not NaN; zeros for a column of gaps."""
    mean, deviation = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for i, known in enumerate(~np.isnan(X.T)):
        if known.any():
            of_known = None if weight is None else weight[known]
            mean[[i]], deviation[[i]] = robust_moments(X[known, i][:, None], of_known)
    return mean, deviation


def _dense_columns(X: Any, weight: ndarray | None) -> Iterator[tuple[ndarray, ndarray | None]]:
    """Yield some columns at a time, as the rows of an array, and the weights of their cells."""
    # Rows of a mapped file have no columns before they are read.
    X = X if isinstance(X, ndarray) else np.asarray(X)
    for part in slices(X.shape[1], max(1, _CELLS // len(X))):
        values = X[:, part].T.astype(np.float64, order="C")
        yield values, None if weight is None else np.broadcast_to(weight, values.shape)


def _sparse_columns(X: Any, weight: ndarray | None) -> Iterator[tuple[ndarray, ndarray]]:
    """Yield each column as its stored values and one zero with the weight of all that are not."""
    weight = np.ones(X.shape[0]) if weight is None else weight
    total, least = weight.sum(), weight.min()
    X = sparse.csc_array(X, dtype=np.float64)
    X.sum_duplicates()
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        values, weights = X.data[start:stop], weight[X.indices[start:stop]]
        if stop - start < X.shape[0]:
            # Rounding must not leave zeros that weigh nothing.
            weights = np.append(weights, max(total - weights.sum(), least))
            values = np.append(values, 0.0)
        yield values[None], weights[None]


def _in_order(values: ndarray, weight: ndarray | None) -> tuple[ndarray, ndarray | None]:
    """Return each row of `values` in ascending order, and the weights in the same order."""
    if weight is None:
        return np.sort(values, axis=1), None
    order = values.argsort(axis=1)
    return np.take_along_axis(values, order, 1), np.take_along_axis(weight, order, 1)


def _quantile(values: ndarray, weight: ndarray | None, share: float) -> ndarray:
    """Return the first of the ordered values up to which there is this share of the weight."""
    if weight is None:
        return values[:, [int(np.ceil(share * values.shape[1])) - 1]]
    until = weight.cumsum(axis=1)
    # Sums are rounded; those of equal rows are not.
    enough = until >= share * until[:, -1:] * (1 - 1e-9)
    return np.take_along_axis(values, enough.argmax(axis=1)[:, None], 1)


def _moments(values: ndarray, weight: ndarray | None, eps: float) -> tuple[ndarray, ndarray]:
    """Return the moments of each row of `values`, which are in ascending order."""
    largest = np.maximum(-values[:, :1], values[:, -1:])
    shrink = np.where(largest > _LARGE, _SHRINK, 1.0)
    if (shrink < 1).any():
        values = values * shrink
    first, median, third = (_quantile(values, weight, share) for share in (0.25, 0.5, 0.75))
    spread = (third - first) / _NORMAL_RANGE
    fraction, exponent = np.frexp(median)
    rounding = np.where(fraction == 0, 0.0, _ROUNDING * np.ldexp(eps, exponent - 1))
    tied = (median - first <= rounding) | (third - median <= rounding)
    for i in np.flatnonzero(tied):
        distance = np.abs(values[i] - median[i])
        differ = distance > rounding[i]
        weights = None if weight is None else weight[i, differ][None]
        if differ.any():
            typical = _quantile(*_in_order(distance[differ][None], weights), 0.5)
            spread[i] = max(spread[i], typical[0])
        else:
            spread[i] = 0.0
    varies = spread > 0
    unit = np.where(varies, spread, 1.0)
    # A cell too far for a number is clipped like any other.
    steps = ((values - median) / unit).clip(-FARTHEST, FARTHEST)
    mean = np.average(steps, axis=1, weights=weight)[:, None]
    variance = np.average((steps - mean) ** 2, axis=1, weights=weight)[:, None]
    mean = np.where(varies, median + unit * mean, median)
    # The least number, where the standard deviation of subnormal numbers is less.
    deviation = np.maximum(unit * np.sqrt(variance), np.nextafter(0, 1))
    deviation = np.where(varies, deviation, 0.0)
    return (mean / shrink)[:, 0], (deviation / shrink)[:, 0]
