"""Columns divided by their robust standard deviations, with far cells clipped."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf

from ._robust_moments import robust_moments

# Standard deviations from the mean of its column beyond which a cell is clipped: far enough to be
# unusual; a cell further out would dominate training and scores.
_FARTHEST = 8.0

# A constant column is divided by a power of two if its value is more than two to this power. What
# float32 rounds of it is then far below the deviations that scores count.
_LARGEST_CONSTANT = 11


_OfColumns = Annotated[np.ndarray, ArrayOf("float", "n_features")]
# Losses that need the data's own unit leave cells as they are: no bound is finite.
_Bounds = Annotated[np.ndarray, ArrayOf("float", "n_features", may_be_infinite=True)]


@dataclass(init=False, eq=False)
class ColumnScaling:
    """Divides columns by their standard deviations and clips cells that are far outside.

    Neither depends on a few absurd cells: see `robust_moments`. Sparse matrices stay sparse, as
    nothing is shifted. `scale` is what the columns are divided by, and `center` their means after
    that. A constant column has scale 1 as in StandardScaler, or more if it is above 2,048. Without
    `changes`, columns stay as they are. Model files hold the attributes by these names.
    """

    scale: _OfColumns
    center: _OfColumns
    _low: _Bounds
    _high: _Bounds

    def __init__(self, X: Any, weight: np.ndarray | None, changes: bool) -> None:
        mean, deviation = robust_moments(X, weight)
        large = np.maximum(np.frexp(mean)[1] - _LARGEST_CONSTANT, 0)
        self.scale = np.where(deviation > 0, deviation, np.ldexp(1.0, large))
        farthest = _FARTHEST
        if not changes:
            self.scale, farthest = np.ones(X.shape[1]), np.inf
        self.center = mean / self.scale
        self._low, self._high = self.center - farthest, self.center + farthest

    def __call__(self, X: Any) -> Any:
        """Return rows in the units of their columns, in the dtype of `X`."""
        # In double precision, as the scales may leave the range of float32.
        scale, low, high = self.scale, self._low, self._high
        with np.errstate(over="ignore"):
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
