"""Columns divided by their standard deviations, with far cells clipped."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf

from ._moments import column_moments

# Standard deviations from the mean of its column beyond which a cell is clipped: far enough to be
# unusual; a cell further out would dominate training and scores.
_FARTHEST = 8.0


_OfColumns = Annotated[np.ndarray, ArrayOf("float", "n_features")]
# Losses that need the data's own unit leave cells as they are: no bound is finite.
_Bounds = Annotated[np.ndarray, ArrayOf("float", "n_features", may_be_infinite=True)]


@dataclass(init=False, eq=False)
class ColumnScaling:
    """Divides columns by their standard deviations and clips cells that are far outside.

    Sparse matrices stay sparse, as nothing is shifted. `scale` is what the columns are divided by,
    1 for a constant column as in StandardScaler, and `center` their means after that. Without
    `changes`, columns stay as they are. Model files hold the attributes by these names.
    """

    scale: _OfColumns
    center: _OfColumns
    _low: _Bounds
    _high: _Bounds

    def __init__(self, X: Any, weight: np.ndarray | None, changes: bool) -> None:
        mean, variance, unit = column_moments(X, weight)
        deviation = unit * variance.sqrt().numpy()
        self.scale = np.where(deviation > 0, deviation, 1.0)
        farthest = _FARTHEST
        if not changes:
            self.scale, farthest = np.ones(X.shape[1]), np.inf
        self.center = unit * mean.numpy() / self.scale
        self._low, self._high = self.center - farthest, self.center + farthest

    def __call__(self, X: Any) -> Any:
        """Return rows in the units of their columns, in the dtype of `X`."""
        # In double precision, as the scales may leave the range of float32.
        scale, low, high = self.scale, self._low, self._high
        if not sparse.issparse(X):
            return np.clip(np.asarray(X) / scale, low, high).astype(X.dtype, copy=False)
        Z = sparse.csr_array(X, copy=True)
        Z.sum_duplicates()
        Z.data = np.clip(Z.data / scale[Z.indices], low[Z.indices], high[Z.indices])
        # Columns in which a zero that is not stored is far outside: few, and hardly sparse.
        far = np.flatnonzero((low > 0) | (high < 0))
        if len(far):
            Z = Z.tolil()
            Z[:, far] = np.clip(X[:, far].toarray() / scale[far], low[far], high[far])
        return Z.tocsr().astype(X.dtype)


def dense(X: Any) -> np.ndarray:
    """Return rows or answers, sparse or of any array type, as a NumPy array."""
    return X.toarray() if sparse.issparse(X) else np.asarray(X)
