"""Gaussians that withstand outliers, and the distance of rows from them."""

from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from numpy import ndarray
from numpy.random import RandomState
from scipy.linalg import cholesky
from sklearn.cluster import KMeans
from sklearn.covariance import empirical_covariance, ledoit_wolf_shrinkage, shrunk_covariance

from skae._typing import ArrayOf

from ._coordinates import Coordinates
from ._fixed_chunks import in_fixed_chunks
from ._gaussian_distances import GaussianDistances
from ._robust_start import start_distances, weighted_quantile

# The shares of the rows, those nearest to the last Gaussian, that the next one is fitted to, and
# the share in which kinds are searched.
_SUPPORTS = (0.5, 0.5, 0.5, 0.75, 0.9)
_SUPPORT_OF_KINDS = 0.98

# Most rows for the search of kinds, and the rows that a kind needs, at least and for each value.
_ENOUGH_ROWS = 4000
_ROWS_PER_KIND = 20
_ROWS_PER_VALUE = 4

# Smallest variance of a kind, as a share of that of all rows: a few equal values do not prove that
# the value is constant.
_LEAST_VARIANCE = 1e-3

_Centers = Annotated[ndarray, ArrayOf("float", "n_kinds", "n_coordinates")]
_Matrices = Annotated[ndarray, ArrayOf("float", "n_kinds", "n_coordinates", "n_coordinates")]


@dataclass(eq=False)
class RobustGaussians:
    """One Gaussian for most rows, and one for each kind of rows.

    Covariances are shrunk (Ledoit and Wolf, 2004), as there may be few rows for many values. The
    farthest rows may be outliers. The first Gaussian is therefore that of the half of the rows
    nearest to the spatial median, and each of the next that of the rows nearest to the last one,
    up to nine tenths of them (the concentration steps of Rousseeuw and Van Driessen, 1999).

    With a `least_share`, covariances are shrunk in units of the nearest rows, so that a value that
    a cluster stretches is not called near. But one that hardly varies among these rows, with less
    than this share of its variance, has the variance that it has in all rows: where a value is zero
    nearly everywhere, another is rare and no proof of an outlier.

    k-means divides the whitened rows into at most `most_kinds` kinds. No value has a standard
    deviation below `least_scale`.
    """

    most_kinds: int
    least_scale: float
    least_share: float = 0.0
    coordinates_: Coordinates = field(init=False)
    center_: Annotated[ndarray, ArrayOf("float", "n_coordinates")] = field(init=False)
    whitening_: Annotated[ndarray, ArrayOf("float", "n_coordinates", "n_coordinates")] = field(
        init=False
    )
    # Of the kinds, in whitened coordinates; there may be none.
    centers_: _Centers = field(init=False)
    whitenings_: _Matrices = field(init=False)
    penalties_: Annotated[ndarray, ArrayOf("float", "n_kinds")] = field(init=False)

    def fit(self, values: ndarray, weight: ndarray, rng: RandomState) -> Self:
        """Find the Gaussians of float64 values of shape (n_samples, n_values)."""
        self.coordinates_ = Coordinates().fit(values, weight, self.least_scale, rng)
        rows, outside = self.coordinates_(values)
        outside /= self.coordinates_.rest_
        least_variance = self.coordinates_.least_variance(self.least_scale)
        of_all = _variances(rows, weight)
        distance = start_distances(rows, weight) + outside
        for support in _SUPPORTS:
            # A few rows may have most of the weight: half of the rows count in any case,
            # and two.
            half = max(np.median(distance), np.partition(distance, 1)[1])
            farthest = max(weighted_quantile(distance, support, weight), half)
            near = distance <= farthest
            center, whitening = self._of_nearest(rows[near], weight[near], of_all, least_variance)
            white = (rows - center) @ whitening.T
            distance = (white**2).sum(axis=1) + outside
        self.center_, self.whitening_ = center, whitening.astype(np.float32)
        farthest = weighted_quantile(distance, _SUPPORT_OF_KINDS, weight)
        near = np.flatnonzero(distance <= farthest)
        some = rng.permutation(near)[:_ENOUGH_ROWS]
        self._find_kinds(white[some], weight[some], rng)
        return self

    def _of_nearest(
        self, rows: ndarray, weight: ndarray, of_all: ndarray, least_variance: ndarray | float
    ) -> tuple[ndarray, ndarray]:
        """Return the centre of the nearest rows, and the matrix that whitens them."""
        if not self.least_share:
            return _gaussian(rows, weight, least_variance)[:2]
        variance = _variances(rows, weight)
        is_rare = variance < self.least_share * of_all
        unit = np.sqrt(np.where(is_rare, of_all, np.maximum(variance, least_variance)))
        center, whitening, _ = _gaussian(rows / unit, weight, 1.0)
        return center * unit, whitening / unit

    def _find_kinds(self, white: ndarray, weight: ndarray, rng: RandomState) -> None:
        """Find a Gaussian for each kind of the whitened rows."""
        n_rows, n_values = white.shape
        n_kinds = min(self.most_kinds, n_rows // max(_ROWS_PER_KIND, _ROWS_PER_VALUE * n_values))
        n_kinds = min(n_kinds, len(np.unique(white, axis=0)))
        kinds = []
        if n_kinds > 1:
            kmeans = KMeans(n_kinds, n_init=1, random_state=rng)
            labels = kmeans.fit_predict(white, sample_weight=weight)
            for label in range(n_kinds):
                mine = labels == label
                # A single row has no spread.
                if mine.sum() > 1:
                    gaussian = _gaussian(white[mine], weight[mine], ridge=_LEAST_VARIANCE)
                    kinds.append((*gaussian, weight[mine].sum()))
        self.centers_ = np.array([center for center, *_ in kinds]).reshape(-1, n_values)
        factors = [factor for _, factor, *_ in kinds]
        self.whitenings_ = np.array(factors, dtype=np.float32).reshape(-1, n_values, n_values)
        penalties = np.array([volume - np.log(share) for *_, volume, share in kinds])
        self.penalties_ = penalties - penalties.min(initial=np.inf) if kinds else penalties

    def whitened(self, values: ndarray) -> ndarray:
        """Return rows less the centre, in units in which most have the variance of one."""
        return (self.coordinates_(values)[0] - self.center_) @ self.whitening_.T

    def distances(self, values: ndarray) -> ndarray:
        """Return half the squared Mahalanobis distance of each row, of zero or more.

        Where there are kinds of rows, the distance from the centre of all rows is averaged with
        that from the nearest kind, in nats below the density at the centre of the most frequent
        kind. A row alone gives the same bits as in a batch.
        """
        module = GaussianDistances([self])
        return in_fixed_chunks(lambda chunk: module(chunk[None])[0], values)

    @property
    def n_values(self) -> int:
        """Number of values of a row."""
        return len(self.coordinates_.unit_)

    def _check_consistency(self) -> None:
        n_coordinates = {self.coordinates_.n_coordinates, len(self.center_), len(self.centers_.T)}
        if len(n_coordinates) > 1:
            raise ValueError("Gaussians of all rows and of kinds have other numbers of values")


def _variances(rows: ndarray, weight: ndarray) -> ndarray:
    """Return the weighted variance of each column."""
    return np.average((rows - np.average(rows, axis=0, weights=weight)) ** 2, 0, weight)


def _gaussian(
    rows: ndarray, weight: ndarray, least_variance: ndarray | float = 0.0, ridge: float = 1e-9
) -> tuple[ndarray, ndarray, float]:
    """Return the centre of rows, a matrix that whitens them, and the log of their volume."""
    center = np.average(rows, axis=0, weights=weight)
    weighted = (rows - center) * np.sqrt(weight / weight.mean())[:, None]
    # `ledoit_wolf` is the same, but takes twice as long. Rounding may end below zero.
    shrinkage = max(0.0, ledoit_wolf_shrinkage(weighted, assume_centered=True))
    covariance = shrunk_covariance(empirical_covariance(weighted, assume_centered=True), shrinkage)
    variance = np.maximum(np.diag(covariance), least_variance) + ridge
    np.fill_diagonal(covariance, variance)
    factor = cholesky(covariance, lower=True)
    return center, np.linalg.inv(factor), np.log(np.diag(factor)).sum()
