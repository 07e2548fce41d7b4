"""Columns divided by their robust standard deviations, with far cells clipped."""

from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf

from ._robust_moments import FARTHEST, moments_of_known, robust_moments

# A constant column is divided by a power of two if its value is more than two to this power. What
# float32 rounds of it is then far below the deviations that scores count.
_LARGEST_CONSTANT = 11

# Rounding to float32: relative to a number, and of the smallest ones.
_EPS = float(np.finfo(np.float32).eps)
_LEAST = float(np.finfo(np.float32).smallest_subnormal)


_OfColumns = Annotated[np.ndarray, ArrayOf("float", "n_features")]
# Losses that need the data's own unit leave cells as they are: no bound is finite.
_Bounds = Annotated[np.ndarray, ArrayOf("float", "n_features", may_be_infinite=True)]


@dataclass(init=False, eq=False)
class ColumnScaling:
    """Divides columns by their standard deviations and clips cells that are far outside.

    A cell further out than eight standard deviations would dominate training and scores. Neither
    depends on a few absurd cells: see `robust_moments`. `scale` is what the columns are
    divided by, `shift` is added after that, and `center` are their means then. Only columns that
    are constant, or were at first, are shifted, so sparse matrices stay sparse: a constant becomes
    zero, also when it is rounded to float32. Its scale is 1 as in StandardScaler, or more if it is
    above 2,048. Without `changes`, columns stay as they are. Model files hold the attributes by
    these names.

    Of a table with categories or gaps `is_number` is a mask of the columns of numbers. All of these
    are shifted to a mean of zero, codes of categories stay, and gaps (NaN) do, too.
    """

    scale: _OfColumns
    center: _OfColumns
    shift: _OfColumns
    _low: _Bounds
    _high: _Bounds
    # Distance from zero up to which a cell is the constant of its column; zero for other columns.
    _rounding: _OfColumns

    def __init__(
        self,
        X: Any,
        weight: np.ndarray | None,
        changes: bool,
        is_number: np.ndarray | None = None,
    ) -> None:
        if is_number is None:
            mean, deviation = robust_moments(X, weight)
        else:
            mean, deviation = np.zeros(X.shape[1]), np.ones(X.shape[1])
            mean[is_number], deviation[is_number] = moments_of_known(X[:, is_number], weight)
        if not changes:
            self.scale, self.center = np.ones_like(mean), mean
            self.shift = self._rounding = np.zeros_like(mean)
            self._low, self._high = np.full_like(mean, -np.inf), np.full_like(mean, np.inf)
            return
        constant = deviation == 0
        large = np.maximum(np.frexp(mean)[1] - _LARGEST_CONSTANT, 0)
        self.scale = np.where(constant, np.ldexp(1.0, large), deviation)
        center = mean / self.scale
        self.shift = np.where(constant, -center, 0.0)
        self.center = np.where(constant, 0.0, center)
        self._rounding = np.where(constant, _EPS * np.abs(center) + _LEAST, 0.0)
        if is_number is not None:
            self.shift, self.center = -center, np.zeros_like(center)
        self._low, self._high = self.center - FARTHEST, self.center + FARTHEST
        if is_number is not None:
            self._low[~is_number], self._high[~is_number] = -np.inf, np.inf

    def learned_from(self, X: Any, weight: np.ndarray) -> Self:
        """Return the scaling in which columns that were constant so far have the scale of `X`.

        That is this scaling itself if no such column varies in these rows. Networks know the
        constant as zero: it stays zero or, if it is far outside the new values, their mean becomes
        zero.
        """
        columns = np.flatnonzero(self._rounding)
        if not len(columns):
            return self
        X = X if sparse.issparse(X) else np.asarray(X)
        moments = robust_moments if sparse.issparse(X) else moments_of_known
        mean, deviation = moments(X[:, columns], weight)
        varies = deviation > 0
        if not varies.any():
            return self
        columns, mean, deviation = columns[varies], mean[varies], deviation[varies]
        constant = -self.shift[columns] * self.scale[columns]
        with np.errstate(over="ignore"):
            distance = (mean - constant) / deviation
        near = np.abs(distance) <= FARTHEST
        learned = copy(self)
        for name, values in {
            "scale": deviation,
            "shift": -np.where(near, constant, mean) / deviation,
            "center": np.where(near, distance, 0.0),
            "_rounding": 0.0,
        }.items():
            array = getattr(self, name).copy()
            array[columns] = values
            setattr(learned, name, array)
        learned._low, learned._high = self._low.copy(), self._high.copy()
        learned._low[columns] = learned.center[columns] - FARTHEST
        learned._high[columns] = learned.center[columns] + FARTHEST
        return learned

    def __call__(self, X: Any) -> Any:
        """Return rows in the units of their columns, in the dtype of `X`."""
        if not sparse.issparse(X):
            return self._scaled(np.asarray(X), slice(None)).astype(X.dtype, copy=False)
        Z = sparse.csr_array(X, copy=True)
        Z.sum_duplicates()
        Z.data = self._scaled(Z.data, Z.indices)
        # Columns in which a zero that is not stored becomes another value: few, and hardly sparse.
        far = np.flatnonzero((self._low > 0) | (self._high < 0) | (self.shift != 0))
        if len(far):
            Z = Z.tolil()
            Z[:, far] = self._scaled(X[:, far].toarray(), far)
        return Z.tocsr().astype(X.dtype)

    def _scaled(self, cells: np.ndarray, columns: slice | np.ndarray) -> np.ndarray:
        """Return cells of these columns scaled, in double precision, as scales may need it."""
        with np.errstate(over="ignore"):
            Z = cells / self.scale[columns] + self.shift[columns]
        rounding = self._rounding[columns]
        if rounding.any():
            Z[np.abs(Z) <= rounding] = 0.0
        return np.clip(Z, self._low[columns], self._high[columns])

    @property
    def means(self) -> np.ndarray:
        """The means of the columns, in the unit of the data."""
        return self.inverse(self.center)

    def inverse(self, Z: np.ndarray) -> np.ndarray:
        """Return scaled rows in the unit of the data, in double precision."""
        return (Z - self.shift) * self.scale


def dense(X: Any) -> np.ndarray:
    """Return rows or answers, sparse or of any array type, as a NumPy array."""
    return X.toarray() if sparse.issparse(X) else np.asarray(X)
