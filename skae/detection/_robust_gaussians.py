"""Gaussians that withstand outliers, and how far a row is from them."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
from scipy.linalg import cholesky
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf

from skae._threads import one_thread
from skae._typing import ArrayOf

# Rounds in which the farthest rows are left out and the rest is looked at again, and the share
# of the rows that stays: first to find what most rows have in common, then to find their kinds.
_CONCENTRATION_STEPS = 3
_SUPPORT = 0.9
_SUPPORT_OF_KINDS = 0.98

# Rows of which kinds are found, and how many a kind needs, at least and for each value.
_ENOUGH_ROWS = 4000
_ROWS_PER_KIND = 20
_ROWS_PER_VALUE = 2

# How often kinds are looked for: whitened rows fall into kinds in many ways, and which one k-means
# finds should not decide.
_PARTITIONS = 3

# What the distance from the centre of all rows counts beside that from the nearest kind: a few
# outliers that are alike may look like a kind, but not like one in the midst of the others.
_WEIGHT_OF_CENTER = 0.25

# Smallest variance of a kind, of that of all rows: what its rows have in common is no proof
# that it could not be otherwise.
_LEAST_VARIANCE = 1e-3


_OfValues = Annotated[np.ndarray, ArrayOf("float", "n_values")]


@dataclass(eq=False)
class Gaussian:
    """A Gaussian, given by its centre and a matrix that whitens what surrounds it."""

    center: _OfValues
    whitening: Annotated[np.ndarray, ArrayOf("float", "n_values", "n_values")]
    penalty: float = 0.0

    def distances(self, rows):
        """Return half the squared distance of each row from the centre, plus the penalty."""
        # Torch's threads are set for one thread of Python alone, those of NumPy for all.
        with one_thread():
            white = torch.from_numpy(rows - self.center) @ torch.from_numpy(self.whitening.T)
            return (white.square_().sum(dim=1) / 2 + self.penalty).numpy()


@dataclass(eq=False)
class RobustGaussians:
    """One Gaussian for most rows, and one for each kind of rows.

    Covariances are shrunk (Ledoit and Wolf, 2004), as there may be few rows for many values.
    The farthest rows are left out, and again those that are the farthest from what is found then
    (the concentration steps of Rousseeuw and Van Driessen, 1999), as they may be outliers. Kinds
    are what k-means finds among the rest, from several starts, over which distances are averaged.

    Parameters
    ----------
    most_kinds : int
        Largest number of kinds, 0 for none; there are fewer where rows are few.
    least_scale : float
        Smallest standard deviation of a value.
    """

    most_kinds: int
    least_scale: float
    unit_: _OfValues = field(init=False)
    all_: Gaussian = field(init=False)
    partitions_: list[list[Gaussian]] = field(init=False)

    def fit(self, rows, weight, random_state):
        """Find the Gaussians.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_values)
            The rows, in float64.
        weight : ndarray of shape (n_samples,)
            How much each row counts.
        random_state : RandomState
            Source of the rows that are looked at, and of the first centres of the kinds.
        """
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
            some = random_state.permutation(near)[:_ENOUGH_ROWS]
            kinds = self._find_kinds(white[some], weight[some], n_kinds, random_state)
            self.partitions_.append(kinds)
        return self

    def _find_kinds(self, white, weight, n_kinds, random_state):
        """Return a Gaussian for each kind of rows, given in coordinates that whiten them."""
        n_kinds = min(n_kinds, len(np.unique(white, axis=0)))
        kmeans = KMeans(n_kinds, n_init=1, random_state=random_state)
        labels = kmeans.fit_predict(white, sample_weight=weight)
        center, whitening = self.all_.center, self.all_.whitening
        back = np.linalg.inv(whitening)
        kinds = []
        for i in np.unique(labels):
            mine = labels == i
            if mine.sum() < 2:
                # One row says nothing of a spread.
                continue
            mean, factor, log_volume = _gaussian(white[mine], weight[mine], ridge=_LEAST_VARIANCE)
            penalty = log_volume - np.log(weight[mine].sum())
            kinds.append(Gaussian(center + back @ mean, factor @ whitening, penalty))
        least = min(kind.penalty for kind in kinds)
        for kind in kinds:
            kind.penalty -= least
        return kinds

    def distances(self, rows):
        """Return half the squared Mahalanobis distance of each row.

        Where there are kinds of rows, this is the distance from the nearest, in nats below the
        density at the centre of the most frequent one, averaged with that from the centre of all
        rows.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_values)
            The rows.

        Returns
        -------
        distances : ndarray of shape (n_samples,)
            Zero or more.
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
        return (_WEIGHT_OF_CENTER * from_center + from_kind) / (_WEIGHT_OF_CENTER + 1)

    def _check_consistency(self) -> None:
        kinds = [kind for kinds in self.partitions_ for kind in kinds]
        sizes = {len(gaussian.center) for gaussian in (self.all_, *kinds)}
        if not all(self.partitions_) or sizes != {len(self.unit_)}:
            raise ValueError("Gaussians of kinds are missing, or have other numbers of values")


def _gaussian(rows, weight, least_variance=0.0, ridge=1e-9):
    """Return the centre, what whitens the rows around it, and the log of its volume."""
    center = np.average(rows, axis=0, weights=weight)
    weighted = (rows - center) * np.sqrt(weight / weight.mean())[:, None]
    covariance, _ = ledoit_wolf(weighted, assume_centered=True)
    variance = np.maximum(np.diag(covariance), least_variance) + ridge
    np.fill_diagonal(covariance, variance)
    factor = cholesky(covariance, lower=True)
    return center, np.linalg.inv(factor), np.log(np.diag(factor)).sum()
