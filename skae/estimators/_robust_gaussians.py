"""Gaussians that withstand outliers, and how far a row is from the nearest of them."""

import numpy as np
from scipy.linalg import cholesky, sqrtm
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf

# Rounds in which the farthest rows are left out and the rest is looked at again, and the share
# of the rows that stays: first to find what most rows have in common, then to find their kinds.
_CONCENTRATION_STEPS = 3
_SUPPORT = 0.9
_SUPPORT_OF_KINDS = 0.95

# Rows of which kinds are found, and how many a kind needs, at least and for each value.
_ENOUGH_ROWS = 4000
_ROWS_PER_KIND = 20
_ROWS_PER_VALUE = 2

# Smallest variance of a kind, of that of all rows: what its rows have in common is no proof
# that it could not be otherwise.
_LEAST_VARIANCE = 1e-2


class RobustGaussians:
    """One Gaussian for most rows, or one for each kind of rows.

    Covariances are shrunk (Ledoit and Wolf, 2004), as there may be few rows for many values.
    The farthest rows are left out, and again those that are the farthest from what is found then
    (the concentration steps of Rousseeuw and Van Driessen, 1999), as they may be outliers. Kinds
    are what k-means finds among the rest.

    Parameters
    ----------
    n_components : int
        Largest number of Gaussians; there are fewer where rows are few.
    least_scale : float
        Smallest standard deviation of a value.
    """

    def __init__(self, n_components, least_scale):
        self.n_components = n_components
        self.least_scale = least_scale

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
        self.centers_, self.whitenings_ = center[None], whitening[None]
        self.penalties_ = np.zeros(1)
        kept = np.flatnonzero(distance <= np.quantile(distance, _SUPPORT_OF_KINDS))
        kept = random_state.permutation(kept)[:_ENOUGH_ROWS]
        n_values = rows.shape[1]
        needed = max(_ROWS_PER_KIND, _ROWS_PER_VALUE * n_values)
        n_kinds = min(self.n_components, len(kept) // needed)
        if n_kinds > 1:
            self._find_kinds(white[kept], weight[kept], n_kinds, random_state)
        return self

    def _find_kinds(self, white, weight, n_kinds, random_state):
        """Put a Gaussian for each kind of rows in place of the one for all."""
        kmeans = KMeans(min(n_kinds, len(np.unique(white, axis=0))), random_state=random_state)
        kind = kmeans.fit_predict(white, sample_weight=weight)
        (center,), (whitening,) = self.centers_, self.whitenings_
        back = np.linalg.inv(whitening)
        centers, whitenings, penalties = [], [], []
        for i in np.unique(kind):
            mine = kind == i
            if mine.sum() < 2:
                # One row says nothing of a spread.
                continue
            mean, factor, log_volume = _gaussian(white[mine], weight[mine], ridge=_LEAST_VARIANCE)
            centers.append(center + back @ mean)
            whitenings.append(factor @ whitening)
            penalties.append(log_volume - np.log(weight[mine].sum()))
        self.centers_, self.whitenings_ = np.stack(centers), np.stack(whitenings)
        self.penalties_ = np.array(penalties) - min(penalties)

    def distances(self, rows):
        """Return half the squared Mahalanobis distances to the nearest Gaussian.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_values)
            The rows.

        Returns
        -------
        distances : ndarray of shape (n_samples,)
            Zero or more: less than the density at the centre of the most frequent Gaussian, in
            nats.
        """
        return self._to_each(rows / self.unit_).min(axis=1)

    def parts(self, rows):
        """Return what each value adds to `distances`, zero or more.

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_values)
            The rows.

        Returns
        -------
        parts : ndarray of shape (n_samples, n_values)
        """
        rows = rows / self.unit_
        distances = self._to_each(rows)
        nearest = distances.argmin(axis=1)
        parts = np.empty_like(rows)
        for i in np.unique(nearest):
            # Of all coordinates in which the covariance is the identity, the nearest to the values.
            root = sqrtm(self.whitenings_[i].T @ self.whitenings_[i]).real
            mine = nearest == i
            squares = ((rows[mine] - self.centers_[i]) @ root) ** 2 + np.finfo(float).tiny
            total = squares.sum(axis=1, keepdims=True)
            parts[mine] = squares / total * distances[mine, i][:, None]
        return parts

    def _to_each(self, rows):
        distances = np.empty((len(rows), len(self.centers_)))
        for i, (center, whitening) in enumerate(zip(self.centers_, self.whitenings_, strict=True)):
            white = (rows - center) @ whitening.T
            distances[:, i] = (white**2).sum(axis=1) / 2 + self.penalties_[i]
        return distances


def _gaussian(rows, weight, least_variance=0.0, ridge=1e-9):
    """Return the centre, what whitens the rows around it, and the log of its volume."""
    center = np.average(rows, axis=0, weights=weight)
    weighted = (rows - center) * np.sqrt(weight / weight.mean())[:, None]
    covariance, _ = ledoit_wolf(weighted, assume_centered=True)
    variance = np.maximum(np.diag(covariance), least_variance) + ridge
    np.fill_diagonal(covariance, variance)
    factor = cholesky(covariance, lower=True)
    return center, np.linalg.inv(factor), np.log(np.diag(factor)).sum()
