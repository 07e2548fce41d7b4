"""Mean, variance and extremes of the columns of a table, read chunk by chunk."""

from collections.abc import Iterator
from typing import Any

import torch
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis
from torch import Tensor

from skae._chunks import CPU, rows_in_chunk, slices
from skae._threads import one_thread

from ._scaled_rows import ScaledRows

# Numbers between the values of a column that rounding may pass over.
_ROUNDING = 4

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
    constant column is exactly zero. A column is constant if rounding alone may have made its
    largest value differ from its smallest: they are at most four numbers apart in the dtype of `X`.
    """
    single = str(X.dtype).endswith("float32")
    unit = 1.0 if single else _largest(X) or 1.0
    mean, variance = _mean_and_variance(X, sample_weight, unit)
    # Sums over all rows are rounded, so those of such a column are mostly or only rounding.
    eps = torch.finfo(torch.float32 if single else torch.float64).eps
    rounding = max(10 * eps, 1000 * X.shape[0] ** 0.5 * torch.finfo(torch.float64).eps)
    # Those of sparse columns may even be below zero.
    doubtful = (variance != 0) & (variance.clamp(min=0).sqrt() <= rounding * mean.abs())
    if doubtful.any():
        columns = doubtful.nonzero().ravel()
        found = _moments_near_a_constant(X, sample_weight, unit, columns, eps)
        mean[columns], variance[columns] = found
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
    moments: Moments | None = None
    with one_thread():
        for selection in _selections(X):
            chunk = _in_double(X[selection])
            if unit != 1:
                chunk /= unit
            moments = merge_moments(moments, _moments_of(chunk, sample_weight, selection))
    assert moments is not None
    return moments[1], moments[2]


def _moments_near_a_constant(
    X: Any, sample_weight: Any, unit: float, columns: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Return mean and variance of columns that hardly vary, from differences that are exact."""
    index = columns if isinstance(X, Tensor) else columns.numpy()
    first = lowest = highest = _in_double(X[:1][:, index])[0]
    moments: Moments | None = None
    with one_thread():
        for selection in _selections(X):
            chunk = _in_double(X[selection][:, index])
            lowest = torch.minimum(lowest, chunk.amin(dim=0))
            highest = torch.maximum(highest, chunk.amax(dim=0))
            found = _moments_of(chunk.sub_(first).div_(unit), sample_weight, selection)
            moments = merge_moments(moments, found)
    assert moments is not None
    _, mean, variance = moments
    between_numbers = torch.ldexp(torch.full_like(first, eps), torch.frexp(first).exponent - 1)
    variance[highest - lowest <= _ROUNDING * between_numbers] = 0.0
    return first / unit + mean, variance


def _selections(X: Any) -> Iterator[slice]:
    """Yield slices of some rows at a time."""
    device = X.device if isinstance(X, Tensor) else CPU
    return slices(X.shape[0], rows_in_chunk(X.shape[1], device))


def _in_double(rows: Any) -> Tensor:
    """Return rows as a new dense tensor of float64, on their device."""
    if isinstance(rows, Tensor):
        return rows.to(torch.float64, copy=True)
    rows = rows.toarray() if sparse.issparse(rows) else rows
    return torch.from_numpy(rows.astype("float64", order="C"))


def _moments_of(chunk: Tensor, sample_weight: Any, selection: slice) -> Moments:
    """Return the moments of the selected rows, which are overwritten."""
    if sample_weight is None:
        mean = chunk.mean(dim=0)
        return len(chunk), mean, chunk.sub_(mean).square_().mean(dim=0)
    weight = torch.as_tensor(sample_weight)[selection].to(chunk)
    total = weight.sum()
    mean = weight @ chunk / total
    return total, mean, weight @ chunk.sub_(mean).square_() / total


def column_extremes(X: Any) -> Tensor:
    """Return smallest and largest value of each column: (2, n_columns) in float64, where X is."""
    rows = ScaledRows(X)
    low = torch.full((X.shape[1],), torch.inf, dtype=rows.dtype, device=rows.device)
    high = -low
    for _, chunk in rows.chunks():
        # Both at once, as aminmax, take three times as long.
        low, high = torch.minimum(low, chunk.amin(dim=0)), torch.maximum(high, chunk.amax(dim=0))
    return torch.stack([low, high]).double()
