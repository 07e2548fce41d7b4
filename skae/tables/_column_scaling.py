"""Columns in units of their own, without what is far beyond them."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf

from ._scaling import column_moments

# Standard deviations from its mean beyond which a cell counts as if it were so far: that is far
# enough to be unusual, and what lies further would decide alone, in training as in scores.
_FARTHEST = 8.0


_OfColumns = Annotated[np.ndarray, ArrayOf("float", "n_features")]
# Losses that need the data's own unit leave cells as they are: no bound is finite.
_Bounds = Annotated[np.ndarray, ArrayOf("float", "n_features", may_be_infinite=True)]


@dataclass(init=False, eq=False)
class ColumnScaling:
    """Divide columns by their standard deviations, and bring in what is far outside.

    Sparse matrices stay sparse, as nothing is shifted.

    Parameters
    ----------
    X : {ndarray, CSR matrix} of shape (n_samples, n_features)
        Training rows.
    weight : ndarray of shape (n_samples,)
        How much each row counts.
    changes : bool
        Whether anything may be done to the columns; if not, they are left as they are.

    Attributes
    ----------
    scale : ndarray of shape (n_features,)
        What the columns are divided by.
    center : ndarray of shape (n_features,)
        Their means after that.
    """

    scale: _OfColumns
    center: _OfColumns
    _low: _Bounds
    _high: _Bounds

    def __init__(self, X, weight, changes):
        mean, self.scale = column_moments(X, weight)
        farthest = _FARTHEST
        if not changes:
            self.scale, farthest = np.ones(X.shape[1]), np.inf
        self.center = mean / self.scale
        self._low, self._high = self.center - farthest, self.center + farthest

    def __call__(self, X):
        """Return rows in the units of their columns, in the dtype of `X`."""
        # In double precision, as the scales may leave the range of float32.
        scale, low, high = self.scale, self._low, self._high
        if not sparse.issparse(X):
            return np.clip(X / scale, low, high).astype(X.dtype, copy=False)
        Z = sparse.csr_array(X, copy=True)
        Z.sum_duplicates()
        Z.data = np.clip(Z.data / scale[Z.indices], low[Z.indices], high[Z.indices])
        # Columns in which a zero that is not stored is far outside: few, and hardly sparse.
        far = np.flatnonzero((low > 0) | (high < 0))
        if len(far):
            Z = Z.tolil()
            Z[:, far] = np.clip(X[:, far].toarray() / scale[far], low[far], high[far])
        return Z.tocsr().astype(X.dtype)


def dense(X):
    """Return rows as an array."""
    return X.toarray() if sparse.issparse(X) else X
