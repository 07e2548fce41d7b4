"""Gaps in numbers, filled with what the other numbers of a row say of them."""

from typing import Self

import numpy as np

# Added to the variances, so that nearly equal columns do not blow each other up.
_RIDGE = 0.01

# Times that the covariance is learned from filled rows, and that the gaps of a row are filled.
_ROUNDS, _SWEEPS = 3, 5


class LinearFill:
    """Fills gaps with their conditional means under a Gaussian of mean zero."""

    def fit(self, rows: np.ndarray) -> Self:
        """Learn how columns depend on one another; rows are float64 with NaN for gaps."""
        filled = np.nan_to_num(rows, nan=0.0)
        for _ in range(_ROUNDS if np.isnan(rows).any() else 1):
            covariance = filled.T @ filled / len(filled) + _RIDGE * np.eye(rows.shape[1])
            self._precision = np.linalg.inv(covariance)
            filled = self(rows)
        return self

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return rows without gaps."""
        missing, filled = np.isnan(rows), np.nan_to_num(rows, nan=0.0)
        if not missing.any():
            return filled
        for _ in range(_SWEEPS):
            for i in np.flatnonzero(missing.any(axis=0)):
                mine = missing[:, i]
                # The mean of one cell given all others, in terms of the precision matrix.
                slope = self._precision[i] / self._precision[i, i]
                filled[mine, i] -= filled[mine] @ slope
        return filled
