"""Mean, variance and extremes of the columns of a table, read chunk by chunk."""

from typing import Any

import torch
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis
from torch import Tensor

from skae._chunks import CPU, rows_in_chunk, slices
from skae._threads import one_thread

from ._scaled_rows import ScaledRows

# Weight, mean and variance: numbers, arrays or tensors.
Moments = tuple[Any, Any, Any]


def merge_moments(first: Moments | None, second: Moments) -> Moments:
    """Return the moments of two tables together (Chan, Golub and LeVeque, 1983).

    None stands for an empty table.
    """
    if first is None:
        return second
    (n_a, mean_a, variance_a), (n_b, mean_b, variance_b) = first, second
    total = n_a + n_b
    share = n_b / total
    mean = mean_a + share * (mean_b - mean_a)
    between = share * (1 - share) * (mean_b - mean_a) ** 2
    return total, mean, (1 - share) * variance_a + share * variance_b + between


def column_moments(X: Any, sample_weight: Any) -> tuple[Tensor, Tensor, float]:
    """Return mean and variance of each column of ``X / unit``, in float64, and that unit.

    The unit is 1 or the largest absolute value: dividing by it keeps the squares of extreme values
    in range. Those of single precision are in the range of double precision. The variance of a
    constant column is exactly zero.
    """
    single = str(X.dtype).endswith("float32")
    unit = 1.0 if single else _largest(X) or 1.0
    mean, variance = _mean_and_variance(X, sample_weight, unit)
    # A constant column leaves rounding: of its values, and of the sums over all rows.
    eps = torch.finfo(torch.float32 if single else torch.float64).eps
    rounding = 10 * max(eps, X.shape[0] ** 0.5 * torch.finfo(torch.float64).eps)
    variance[variance.sqrt() <= rounding * mean.abs()] = 0.0
    return mean, variance, unit


def _largest(X: Any) -> float:
    """Return the largest absolute value; a sparse matrix stays as it is stored."""
    values = X.data if sparse.issparse(X) else X
    parts = (values[part] for part in slices(len(values), rows_in_chunk(X.shape[1])))
    return max((max(-float(part.min()), float(part.max())) for part in parts), default=0.0)


def _mean_and_variance(X: Any, sample_weight: Any, unit: float) -> tuple[Tensor, Tensor]:
    """Return mean and variance of each column of ``X / unit``, in float64, on the device of X."""
    if sparse.issparse(X):
        mean, variance = mean_variance_axis(X.astype("float64") / unit, 0, weights=sample_weight)
        return torch.from_numpy(mean), torch.from_numpy(variance)
    weights = None if sample_weight is None else torch.as_tensor(sample_weight)
    moments: Moments | None = None
    with one_thread():
        device = X.device if isinstance(X, Tensor) else CPU
        for selection in slices(len(X), rows_in_chunk(X.shape[1], device)):
            chunk = X[selection]
            if isinstance(X, Tensor):
                chunk = chunk.to(torch.float64, copy=True)
            else:
                chunk = torch.from_numpy(chunk.astype("float64", order="C"))
            if unit != 1:
                chunk /= unit
            if weights is None:
                mean = chunk.mean(dim=0)
                found: Moments = len(chunk), mean, chunk.sub_(mean).square_().mean(dim=0)
            else:
                weight = weights[selection].to(chunk)
                total = weight.sum()
                mean = weight @ chunk / total
                found = total, mean, weight @ chunk.sub_(mean).square_() / total
            moments = merge_moments(moments, found)
    assert moments is not None
    return moments[1], moments[2]


def column_extremes(X: Any) -> Tensor:
    """Return smallest and largest value of each column: (2, n_columns) in float64, where X is."""
    rows = ScaledRows(X)
    low = torch.full((X.shape[1],), torch.inf, dtype=rows.dtype, device=rows.device)
    high = -low
    for _, chunk in rows.chunks():
        # Both at once, as aminmax, take three times as long.
        low, high = torch.minimum(low, chunk.amin(dim=0)), torch.maximum(high, chunk.amax(dim=0))
    return torch.stack([low, high]).double()
