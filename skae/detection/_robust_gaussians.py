"""Gaussians that withstand outliers, and the distance of rows from them."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from numpy import ndarray
from numpy.random import RandomState
from scipy.linalg import cholesky
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf

from skae._threads import one_thread
from skae._typing import ArrayOf

# Rounds that leave out the farthest rows and fit the Gaussian again, and the share of the rows
# that stays: for the Gaussian of most rows, and for the search of kinds.
_CONCENTRATION_STEPS = 3
_SUPPORT = 0.9
_SUPPORT_OF_KINDS = 0.98

# Most rows for the search of kinds, and the rows that a kind needs, at least and for each value.
_ENOUGH_ROWS = 4000
_ROWS_PER_KIND = 20
_ROWS_PER_VALUE = 2

# Runs of k-means: whitened rows can be divided in many ways, and no single one should decide.
_PARTITIONS = 3

# Smallest variance of a kind, as a share of that of all rows: a few equal values do not prove that
# the value is constant.
_LEAST_VARIANCE = 1e-3

_Vector = Annotated[ndarray, ArrayOf("float", "n_values")]
_Matrix = Annotated[ndarray, ArrayOf("float", "n_values", "n_values")]


@dataclass(eq=False)
class Gaussian:
    """A Gaussian, given by its centre and a matrix that whitens the rows around it."""

    center: _Vector
    whitening: _Matrix
    penalty: float = 0.0

    def distances(self, rows: ndarray) -> ndarray:
        """Return half the squared distance of each row from the centre, plus the penalty."""
        # The limit on torch's threads holds for this thread of Python, that on NumPy's for all.
        with one_thread():
            white = torch.from_numpy(rows - self.center) @ torch.from_numpy(self.whitening.T)
            return (white.square_().sum(dim=1) / 2 + self.penalty).numpy()


@dataclass(eq=False)
class RobustGaussians:
    """One Gaussian for most rows, and one for each kind of rows.

    Covariances are shrunk (Ledoit and Wolf, 2004), as there may be few rows for many values. The
    farthest rows may be outliers: each round leaves out those that are farthest from the last fit
    (the concentration steps of Rousseeuw and Van Driessen, 1999). k-means divides the rest into at
    most `most_kinds` kinds, several times; distances are averaged over these partitions. No value
    has a standard deviation below `least_scale`.
    """

    # Weight of the distance from the centre of all rows beside that from the nearest kind: a few
    # outliers that are alike may form a kind, but one far from that centre.
    weight_of_center: ClassVar[float] = 0.25

    most_kinds: int
    least_scale: float
    unit_: _Vector = field(init=False)
    all_: Gaussian = field(init=False)
    partitions_: list[list[Gaussian]] = field(init=False)

    def fit(self, rows: ndarray, weight: ndarray, rng: RandomState) -> Self:
        """Find the Gaussians of float64 rows of shape (n_samples, n_values)."""
        mean = np.average(rows, axis=0, weights=weight)
        unit = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weight))
        unit = np.maximum(unit, self.least_scale)
        least_variance = (self.least_scale / unit) ** 2
        counted = np.ones(len(rows), dtype=bool)
        for _ in range(_CONCENTRATION_STEPS):
            center, whitening, _ = _gaussian(rows[counted] / unit, weight[counted], least_variance)
            white = (rows / unit - center) @ whitening.T
            distance = (white**2).sum(axis=1)
            counted = distance <= np.quantile(distance, _SUPPORT)
        self.unit_ = unit
        self.all_ = Gaussian(center, whitening)
        near = np.flatnonzero(distance <= np.quantile(distance, _SUPPORT_OF_KINDS))
        needed = max(_ROWS_PER_KIND, _ROWS_PER_VALUE * rows.shape[1])
        n_kinds = min(self.most_kinds, len(near) // needed)
        self.partitions_ = []
        for _ in range(_PARTITIONS if n_kinds > 1 else 0):
            some = rng.permutation(near)[:_ENOUGH_ROWS]
            kinds = self._find_kinds(white[some], weight[some], n_kinds, rng)
            self.partitions_.append(kinds)
        return self

    def _find_kinds(
        self, white: ndarray, weight: ndarray, n_kinds: int, rng: RandomState
    ) -> list[Gaussian]:
        """Return a Gaussian for each kind of the whitened rows."""
        n_kinds = min(n_kinds, len(np.unique(white, axis=0)))
        kmeans = KMeans(n_kinds, n_init=1, random_state=rng)
        labels = kmeans.fit_predict(white, sample_weight=weight)
        center, whitening = self.all_.center, self.all_.whitening
        back = np.linalg.inv(whitening)
        kinds = []
        for label in np.unique(labels):
            mine = labels == label
            if mine.sum() < 2:
                # A single row has no spread.
                continue
            mean, factor, log_volume = _gaussian(white[mine], weight[mine], ridge=_LEAST_VARIANCE)
            penalty = log_volume - np.log(weight[mine].sum())
            kinds.append(Gaussian(center + back @ mean, factor @ whitening, penalty))
        least = min(kind.penalty for kind in kinds)
        for kind in kinds:
            kind.penalty -= least
        return kinds

    def distances(self, rows: ndarray) -> ndarray:
        """Return half the squared Mahalanobis distance of each row, of zero or more.

        Where there are kinds of rows, the distance from the centre of all rows is averaged with
        that from the nearest kind, in nats below the density at the centre of the most frequent
        kind.
        """
        rows = rows / self.unit_
        from_center = self.all_.distances(rows)
        if not self.partitions_:
            return from_center
        from_kind = np.mean(
            [
                np.min([kind.distances(rows) for kind in kinds], axis=0)
                for kinds in self.partitions_
            ],
            axis=0,
        )
        return (self.weight_of_center * from_center + from_kind) / (self.weight_of_center + 1)

    def _check_consistency(self) -> None:
        gaussians = [self.all_, *(kind for kinds in self.partitions_ for kind in kinds)]
        n_values = {len(self.unit_), *(len(one.center) for one in gaussians)}
        if not all(self.partitions_) or len(n_values) > 1:
            raise ValueError("Gaussians of kinds are missing, or have other numbers of values")


def _gaussian(
    rows: ndarray, weight: ndarray, least_variance: ndarray | float = 0.0, ridge: float = 1e-9
) -> tuple[ndarray, ndarray, float]:
    """Return the centre of rows, a matrix that whitens them, and the log of their volume."""
    center = np.average(rows, axis=0, weights=weight)
    weighted = (rows - center) * np.sqrt(weight / weight.mean())[:, None]
    covariance, _ = ledoit_wolf(weighted, assume_centered=True)
    variance = np.maximum(np.diag(covariance), least_variance) + ridge
    np.fill_diagonal(covariance, variance)
    factor = cholesky(covariance, lower=True)
    return center, np.linalg.inv(factor), np.log(np.diag(factor)).sum()
