"""Detectors that no package offers in the form that is compared here."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from ._fitting import outlyingness


class Norm(BaseEstimator):
    """The distance from zero: what a detector is worth that learns nothing."""

    def fit(self, X, y=None):
        """Learn nothing but the number of columns."""
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        """Return minus the norm of each row."""
        return -np.linalg.norm(X, axis=1)


class PCAReconstruction(BaseEstimator):
    """The reconstruction error of PCA that keeps 70% of the variance.

    There is no default to take: scikit-learn's keeps all components, which leaves no error, and
    PyOD's PCA is another score (distances from the eigenvectors, divided by their variances; it
    is infinite where columns are linearly dependent). 70% is in favour of PCA: of 50, 70, 90 and
    95% and half and a quarter of the columns it is the best on the sets measured here, by the mean
    AUROC of the unsupervised protocol, and within 0.3 points of it in the other.
    """

    def fit(self, X, y=None):
        """Fit the components."""
        self.pca_ = PCA(0.7).fit(X)
        return self

    def score_samples(self, X):
        """Return minus the squared error of each row."""
        return -np.square(X - self.pca_.inverse_transform(self.pca_.transform(X))).sum(axis=1)


class DiffusionTime(BaseEstimator):
    """The non-parametric estimate of diffusion time, DTE-NP (Livernoche et al., 2024).

    The time after which diffusion would have carried a training row to this row has an inverse
    gamma distribution, whose scale is the mean squared distance to the five nearest training rows.
    Its mode is proportional to that mean, which therefore ranks rows as the mode does. The
    authors' program rounds the mode to one of 300 steps, where far rows tie; this does not.
    """

    def fit(self, X, y=None):
        """Keep the training rows."""
        self.neighbors_ = NearestNeighbors(n_neighbors=min(5, len(X))).fit(X)
        return self

    def score_samples(self, X):
        """Return minus the mean squared distance to the nearest training rows."""
        return -np.square(self.neighbors_.kneighbors(X)[0]).mean(axis=1)


class FirstAccepted(BaseEstimator):
    """The first of several settings of a detector that does not refuse the rows.

    Parameters
    ----------
    detectors : list of detectors
        The same detector with its default and then with what its error message advises. They
        refuse rows with a ValueError.
    """

    def __init__(self, detectors):
        self.detectors = detectors

    def fit(self, X, y=None):
        """Fit one after the other until one accepts the rows."""
        for detector in self.detectors[:-1]:
            try:
                self.detector_ = clone(detector).fit(X)
                return self
            except ValueError:
                continue
        self.detector_ = clone(self.detectors[-1]).fit(X)
        return self

    def score_samples(self, X):
        """Return the scores of the one that was fitted."""
        return -outlyingness(self.detector_, X)
