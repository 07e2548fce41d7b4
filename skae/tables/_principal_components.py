"""PCA of weighted, dense or sparse rows, as the start of training."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.utils.extmath import svd_flip
from torch import Tensor

from skae._threads import threads_for

from ._scaled_rows import ScaledRows

# Up to this many features the covariance matrix is decomposed whole, ...
_EXACT = 2000

# ... and up to this many if a share of the variance asks for all of it.
_LARGEST = 10_000

_MAX_SWEEPS = 30


@dataclass
class PrincipalComponents:
    """Leading principal components of a table: orthonormal rows, and the variance along each."""

    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    total_variance: float

    @property
    def residual_variance(self) -> float:
        """Variance of all features together that the components leave."""
        # Where they leave none, the difference is rounding, of either sign.
        return max(self.total_variance - self.variances.sum(), 0.0)


def principal_components(
    rows: ScaledRows,
    sample_weight: Any,
    n_components: float,
    rng: np.random.RandomState,
    exact: int = _EXACT,
) -> PrincipalComponents:
    """Return the leading principal components of a table; none of them has no variance.

    Up to `exact` features this decomposes the covariance matrix, accumulated chunk by chunk;
    beyond, it iterates on a random subspace (Halko, Martinsson and Tropp, 2011), also
    chunk by chunk, until the variance that it holds settles. A sparse table never becomes
    dense as a whole. A float `n_components` in (0, 1) is the share of the variance that the
    components must hold, which raises a ValueError beyond 10,000 features.
    """
    n_features = rows.shape[1]
    share = not isinstance(n_components, Integral)
    if share and n_features > _LARGEST:
        raise ValueError(
            f"n_components={n_components} as a share of the variance needs the covariance of all "
            f"n_features={n_features} features, which is done up to {_LARGEST}. Pass an int."
        )
    table = (_SparseTable if sparse.issparse(rows.X) else _DenseTable)(rows, sample_weight)
    # One pass over the table is a step here; small tables get the same bits on any machine's
    # number of cores.
    with threads_for(len(rows) * n_features):
        if share or n_features <= exact:
            values, vectors = torch.linalg.eigh(table.covariance_times())
        else:
            size = min(int(n_components) + 10, *rows.shape)
            values, vectors = _leading_subspace(table, rng.normal(size=(n_features, size)))
    variances, components = values.flip(0).cpu().numpy(), vectors.flip(1).T.cpu().numpy()
    present = variances > max(variances[0], 0) * np.finfo(np.float64).eps * n_features
    if share:
        explained = np.cumsum(variances) / max(table.total_variance, np.finfo(float).tiny)
        n_components = int(np.searchsorted(explained, n_components, side="right")) + 1
    n_found = min(int(n_components), int(present.sum()))
    # The largest entry of each component is positive, as in scikit-learn's PCA. The copy lets go of
    # all other directions.
    _, components = svd_flip(None, np.array(components[:n_found]), u_based_decision=False)
    return PrincipalComponents(
        table.mean.cpu().numpy(), components, variances[:n_found], table.total_variance
    )


class _DenseTable:
    """Products with the covariance matrix of weighted rows, a chunk in memory at a time."""

    def __init__(self, rows: ScaledRows, weight: Any) -> None:
        self.rows = rows
        # None stands for ones: there may be more rows than memory has room for.
        self._weight = None if weight is None else torch.as_tensor(weight).to(rows.device).double()
        total: Any = 0.0
        squares: Any = 0.0
        self._total_weight: Any = 0.0
        for of_chunk, chunk in self._chunks():
            total = total + of_chunk @ chunk
            squares = squares + (of_chunk @ chunk.square()).sum()
            self._total_weight = self._total_weight + of_chunk.sum()
        self.mean = total / self._total_weight
        variance = squares / self._total_weight - self.mean.square().sum()
        self.total_variance = max(float(variance), 0.0)

    def _chunks(self) -> Iterator[tuple[Tensor, Tensor]]:
        for selection, chunk in self.rows.chunks():
            chunk = chunk.double()
            yield (
                chunk.new_ones(len(chunk)) if self._weight is None else self._weight[selection],
                chunk,
            )

    def covariance_times(self, matrix: Tensor | None = None) -> Tensor:
        """Return the product of the covariance matrix with a matrix, or itself."""
        total: Any = 0.0
        for weight, chunk in self._chunks():
            chunk = chunk - self.mean
            right = chunk if matrix is None else chunk @ matrix
            total = total + chunk.T @ (right * weight[:, None])
        return total / self._total_weight


class _SparseTable:
    """The same for a sparse table, which stays sparse: only its products are centred."""

    def __init__(self, rows: ScaledRows, weight: Any) -> None:
        weight = np.ones(len(rows)) if weight is None else weight
        self.X = sparse.csr_array(rows.X).astype(np.float64) / float(rows.scale)
        self.share = weight / weight.sum()
        self.raw_mean = self.share @ self.X
        self.mean = torch.from_numpy(self.raw_mean - rows.mean.astype(np.float64) / rows.scale)
        squares = self.share @ (self.X * self.X)
        self.total_variance = max(float((squares - self.raw_mean**2).sum()), 0.0)

    def covariance_times(self, matrix: Tensor | None = None) -> Tensor:
        """Return the product of the covariance matrix with a matrix, or itself."""
        if matrix is None:
            weighted = sparse.diags_array(self.share) @ self.X
            second = (self.X.T @ weighted).toarray()
            return torch.from_numpy(second - np.outer(self.raw_mean, self.raw_mean))
        right = matrix.numpy()
        centered = self.X @ right - self.raw_mean @ right
        # The weighted rows of `centered` add up to zero, so centring the left side is no use.
        return torch.from_numpy(self.X.T @ (self.share[:, None] * centered))


def _leading_subspace(
    table: _DenseTable | _SparseTable, start: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Return variances, ascending, and directions of the subspace that holds most variance."""
    image, held = table.mean.new_tensor(start), 0.0
    for _ in range(_MAX_SWEEPS):
        basis = torch.linalg.qr(image).Q
        image = table.covariance_times(basis)
        small = basis.T @ image
        before, held = held, float(small.trace())
        if held - before <= 1e-6 * held:
            break
    values, vectors = torch.linalg.eigh((small + small.T) / 2)
    return values, basis @ vectors
