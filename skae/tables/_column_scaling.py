"""Columns divided by their robust standard deviations, with far cells clipped."""

from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Self

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

    Neither depends on a few absurd cells: see `robust_moments`. `scale` is what the columns are
    divided by, and `center` their means after that. A constant column has scale 1 as in
    StandardScaler, or more if it is above 2,048. `shift` is added to columns that got their scale
    later, and zero for all others, so that sparse matrices stay sparse. Without `changes`, columns
    stay as they are. Model files hold the attributes by these names.
    """

    scale: _OfColumns
    center: _OfColumns
    shift: _OfColumns
    _low: _Bounds
    _high: _Bounds
    # One for columns that were constant so far.
    _constant: Annotated[np.ndarray, ArrayOf("int", "n_features")]

    def __init__(self, X: Any, weight: np.ndarray | None, changes: bool) -> None:
        mean, deviation = robust_moments(X, weight)
        large = np.maximum(np.frexp(mean)[1] - _LARGEST_CONSTANT, 0)
        self.scale = np.where(deviation > 0, deviation, np.ldexp(1.0, large))
        self.shift = np.zeros(X.shape[1])
        self._constant = (deviation == 0).astype(np.int64)
        farthest = _FARTHEST
        if not changes:
            self.scale, farthest = np.ones(X.shape[1]), np.inf
            self._constant[:] = 0
        self.center = mean / self.scale
        self._low, self._high = self.center - farthest, self.center + farthest

    def learned_from(self, X: Any, weight: np.ndarray) -> Self:
        """Return the scaling in which columns that were constant so far have the scale of `X`.

        That is this scaling itself if no such column varies in these rows. Networks know the scaled
        value of the constant: it stays that of the constant or, if the constant is far outside the
        new values, becomes that of their mean.
        """
        columns = np.flatnonzero(self._constant)
        if not len(columns):
            return self
        X = X if sparse.issparse(X) else np.asarray(X)
        mean, deviation = robust_moments(X[:, columns], weight)
        varies = deviation > 0
        if not varies.any():
            return self
        columns, mean, deviation = columns[varies], mean[varies], deviation[varies]
        known = self.center[columns]
        constant = known * self.scale[columns]
        with np.errstate(over="ignore"):
            distance = (mean - constant) / deviation
        near = np.abs(distance) <= _FARTHEST
        learned = copy(self)
        for name, values in {
            "scale": deviation,
            "shift": known - np.where(near, constant, mean) / deviation,
            "center": known + np.where(near, distance, 0.0),
            "_constant": 0,
        }.items():
            array = getattr(self, name).copy()
            array[columns] = values
            setattr(learned, name, array)
        learned._low, learned._high = learned.center - _FARTHEST, learned.center + _FARTHEST
        return learned

    def __call__(self, X: Any) -> Any:
        """Return rows in the units of their columns, in the dtype of `X`."""
        # In double precision, as the scales may leave the range of float32.
        scale, shift, low, high = self.scale, self.shift, self._low, self._high
        with np.errstate(over="ignore"):
            if not sparse.issparse(X):
                Z = np.clip(np.asarray(X) / scale + shift, low, high)
                return Z.astype(X.dtype, copy=False)
            Z = sparse.csr_array(X, copy=True)
            Z.sum_duplicates()
            i = Z.indices
            Z.data = np.clip(Z.data / scale[i] + shift[i], low[i], high[i])
        # Columns in which a zero that is not stored becomes another value: few, and hardly sparse.
        far = np.flatnonzero((low > 0) | (high < 0) | (shift != 0))
        if len(far):
            Z = Z.tolil()
            Z[:, far] = np.clip(X[:, far].toarray() / scale[far] + shift[far], low[far], high[far])
        return Z.tocsr().astype(X.dtype)

    def inverse(self, Z: np.ndarray) -> np.ndarray:
        """Return scaled rows in the unit of the data, in double precision."""
        return (Z - self.shift) * self.scale


def dense(X: Any) -> np.ndarray:
    """Return rows or answers, sparse or of any array type, as a NumPy array."""
    return X.toarray() if sparse.issparse(X) else np.asarray(X)
