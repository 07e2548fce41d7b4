"""The values of a row in units, or, where they are many, along their leading directions."""

from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from numpy import ndarray
from numpy.random import RandomState
from scipy.linalg import eigh

from skae._typing import ArrayOf

from ._robust_start import spatial_signs

# Values that are all coordinates. Of more values, this many directions at most are kept, each for
# four rows: fewer do not tell a direction from noise.
_MOST_COORDINATES = 256
_ROWS_PER_DIRECTION = 4


@dataclass(eq=False)
class Coordinates:
    """Turns the values of rows into a few coordinates, and the squared length that these miss.

    Up to 256 values are coordinates themselves, in units of their standard deviations. Of more,
    there are the leading directions of the spatial signs (as PCA's, but outliers do not turn
    them), and the length of what is left, as in probabilistic PCA (Tipping and Bishop, 1999). So
    memory grows with the number of values, not with its square.
    """

    center_: Annotated[ndarray, ArrayOf("float", "n_values")] = field(init=False)
    unit_: Annotated[ndarray, ArrayOf("float", "n_values")] = field(init=False)
    directions_: Annotated[ndarray, ArrayOf("float", "n_values", "n_coordinates")] | None = field(
        init=False
    )
    # Mean square, in each direction that is none of the leading ones.
    rest_: float = field(init=False)

    def fit(self, values: ndarray, weight: ndarray, least: float, rng: RandomState) -> Self:
        """Find units, of at least `least`, and directions of float64 values."""
        n_rows, n_values = values.shape
        self.center_ = np.average(values, axis=0, weights=weight)
        variance = np.average((values - self.center_) ** 2, axis=0, weights=weight)
        self.unit_ = np.maximum(np.sqrt(variance), least)
        self.directions_, self.rest_ = None, 1.0
        if n_values > _MOST_COORDINATES:
            some = rng.permutation(n_rows)[: _MOST_COORDINATES * _ROWS_PER_DIRECTION]
            units = (values[some] - self.center_) / self.unit_
            n_directions = max(1, len(some) // _ROWS_PER_DIRECTION)
            self.directions_ = _leading_directions(units, weight[some], n_directions)
            rest = np.median(self(values)[1])
            self.rest_ = max(rest / (n_values - n_directions), least**2)
        return self

    def __call__(self, values: ndarray) -> tuple[ndarray, ndarray]:
        """Return coordinates and the squared lengths outside, in float64."""
        units = (values - self.center_) / self.unit_
        if self.directions_ is None:
            return units, np.zeros(len(units))
        coordinates = units @ self.directions_
        return coordinates, (units**2).sum(axis=1) - (coordinates**2).sum(axis=1)

    def least_variance(self, least: float) -> ndarray:
        """Return the variance of each coordinate if each value has a deviation of `least`."""
        variance = (least / self.unit_) ** 2
        if self.directions_ is None:
            return variance
        return np.full(self.n_coordinates, variance.mean())

    def _check_consistency(self) -> None:
        if self.unit_.min() <= 0 or self.rest_ <= 0:
            raise ValueError("units of values, and the spread of the rest, must be above zero")

    @property
    def directions_or_identity(self) -> ndarray:
        """Directions, those of the values themselves if these are the coordinates."""
        return np.eye(len(self.unit_)) if self.directions_ is None else self.directions_

    @property
    def n_coordinates(self) -> int:
        return len(self.unit_) if self.directions_ is None else self.directions_.shape[1]


def _leading_directions(units: ndarray, weight: ndarray, n_directions: int) -> ndarray:
    """Return the leading eigenvectors of the covariance of spatial signs, as columns."""
    _, signs = spatial_signs(units, weight)
    # There are fewer rows than values: their products are the smaller matrix.
    largest = (len(signs) - n_directions, len(signs) - 1)
    _, vectors = eigh(signs @ signs.T, subset_by_index=largest)
    return np.linalg.qr(signs.T @ vectors)[0].astype(np.float32)
