"""PCA of weighted, dense or sparse rows, as the start of training."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from scipy import sparse

from skae._threads import threads_for

# Up to this many features the covariance matrix is decomposed whole, ...
_EXACT = 2000

# ... and up to this many if a share of the variance asks for all of it.
_LARGEST = 10_000

_MAX_SWEEPS = 30


@dataclass
class PrincipalComponents:
    """Leading principal components of a table.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean row.
    components : ndarray of shape (n_components, n_features)
        Orthonormal directions of largest variance, those of no variance left out.
    variances : ndarray of shape (n_components,)
        Variance along each.
    total_variance : float
        Variance of all features together.
    """

    mean: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    total_variance: float

    @property
    def residual_variance(self):
        """Variance of all features together that the components leave."""
        # Where they leave none, what the difference holds is rounding, of either sign.
        return max(self.total_variance - self.variances.sum(), 0.0)


def principal_components(rows, sample_weight, n_components, rng):
    """Find the leading principal components of a table.

    Up to 2000 features this decomposes the covariance matrix, accumulated chunk by chunk;
    beyond, it iterates on a random subspace (Halko, Martinsson and Tropp, 2011), also
    chunk by chunk, until the variance that it holds settles. A sparse table never becomes
    dense as a whole.

    Parameters
    ----------
    rows : ScaledRows of shape (n_samples, n_features)
        The table.
    sample_weight : {ndarray, tensor} of shape (n_samples,) or None
        Weights of the rows.
    n_components : int or float
        How many components, or, in (0, 1), the share of the variance that they must hold.
    rng : RandomState
        Source of the random subspace.

    Returns
    -------
    PrincipalComponents
        No more of them than there are directions with variance.

    Raises
    ------
    ValueError
        If a share is asked for of more than 10,000 features.
    """
    n_features = rows.shape[1]
    share = not isinstance(n_components, Integral)
    if share and n_features > _LARGEST:
        raise ValueError(
            f"n_components={n_components} as a share of the variance needs the covariance of all "
            f"n_features={n_features} features, which is done up to {_LARGEST}. Pass an int."
        )
    if sample_weight is None:
        sample_weight = np.ones(len(rows))
    table = (_SparseTable if sparse.issparse(rows.X) else _DenseTable)(rows, sample_weight)
    whole = share or n_features <= _EXACT
    # One pass over the table is a step here; small tables get the same bits on any machine's
    # number of cores.
    with threads_for(len(rows) * n_features):
        if whole:
            values, vectors = torch.linalg.eigh(table.covariance_times())
        else:
            size = min(n_components + 10, *rows.shape)
            values, vectors = _leading_subspace(table, rng.normal(size=(n_features, size)))
    values, vectors = values.flip(0).cpu().numpy(), vectors.flip(1).T.cpu().numpy()
    present = values > max(values[0], 0) * np.finfo(np.float64).eps * n_features
    if share:
        explained = np.cumsum(values) / max(table.total_variance, np.finfo(float).tiny)
        n_components = int(np.searchsorted(explained, n_components, side="right")) + 1
    n_components = min(n_components, int(present.sum()))
    components = _fix_signs(vectors[:n_components])
    return PrincipalComponents(
        table.mean.cpu().numpy(), components, values[:n_components], table.total_variance
    )


class _DenseTable:
    """Products with the covariance matrix of weighted rows, a chunk in memory at a time."""

    def __init__(self, rows, weight):
        self.rows = rows
        self.weight = torch.as_tensor(weight).to(device=rows.device, dtype=torch.float64)
        total, squares = 0.0, 0.0
        for weight, chunk in self._chunks():
            total = total + weight @ chunk
            squares = squares + (weight @ chunk.square()).sum()
        self.mean = total / self.weight.sum()
        variance = squares / self.weight.sum() - self.mean.square().sum()
        self.total_variance = max(float(variance), 0.0)

    def _chunks(self):
        for selection, chunk in self.rows.chunks():
            yield self.weight[selection], chunk.double()

    def covariance_times(self, matrix=None):
        """Return the product of the covariance matrix with a matrix, or itself."""
        total = 0.0
        for weight, chunk in self._chunks():
            chunk = chunk - self.mean
            right = chunk if matrix is None else chunk @ matrix
            total = total + chunk.T @ (right * weight[:, None])
        return total / self.weight.sum()


class _SparseTable:
    """The same for a sparse table, which stays sparse: only its products are centred."""

    def __init__(self, rows, weight):
        self.X = sparse.csr_array(rows.X).astype(np.float64) / float(rows.scale)
        self.shift = rows.mean.astype(np.float64) / rows.scale
        self.share = weight / weight.sum()
        self.raw_mean = self.share @ self.X
        self.mean = torch.from_numpy(self.raw_mean - self.shift)
        squares = self.share @ (self.X * self.X)
        self.total_variance = max(float((squares - self.raw_mean**2).sum()), 0.0)

    def covariance_times(self, matrix=None):
        """Return the product of the covariance matrix with a matrix, or itself."""
        if matrix is None:
            weighted = sparse.diags_array(self.share) @ self.X
            second = (self.X.T @ weighted).toarray()
            return torch.from_numpy(second - np.outer(self.raw_mean, self.raw_mean))
        matrix = matrix.numpy()
        centered = self.X @ matrix - self.raw_mean @ matrix
        # The weighted rows of `centered` add up to zero, so centring the left side is no use.
        return torch.from_numpy(self.X.T @ (self.share[:, None] * centered))


def _leading_subspace(table, start):
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


def _fix_signs(components):
    """Make the largest entry of each component positive, as scikit-learn's PCA does."""
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return components * signs[:, None]
