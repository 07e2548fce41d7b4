"""How unusual a row is, by what one autoencoder makes of it."""

import numpy as np
from scipy import sparse
from sklearn import config_context
from sklearn.utils import gen_batches

from skae._compat import threadpool_controller

from ._robust_gaussians import RobustGaussians

# Rows that are looked at in one go, so that memory stays bounded.
_ROWS = 4096

# Smallest standard deviation of a residual, in that of its column, and of a code: a column that is
# constant in training, or follows from the others, makes no row unusual by a hair's breadth.
_LEAST_SCALE = 1e-2

_MOST_KINDS = 10


class RowScore:
    """How unusual rows are to a fitted autoencoder.

    Subclasses say it in `_unusual`, and in `_parts` which cells are to blame.

    Parameters
    ----------
    autoencoder : BaseAutoencoder
        What is asked.
    """

    def __init__(self, autoencoder):
        self.autoencoder = autoencoder

    def fit(self, X, weight, random_state):
        """Learn what residuals and codes of training rows look like.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows, as the autoencoder was given them.
        weight : ndarray of shape (n_samples,)
            How much each row counts.
        random_state : RandomState
            Source of what is drawn.
        """
        batches = [self._there_and_back(X[some]) for some in gen_batches(X.shape[0], _ROWS)]
        expected, residual, codes = map(np.concatenate, zip(*batches, strict=True))
        self.usual_ = np.average(expected, axis=0, weights=weight)
        mean = np.average(residual, axis=0, weights=weight)
        spread = np.sqrt(np.average((residual - mean) ** 2, axis=0, weights=weight))
        self.residual_scale_ = np.maximum(spread, _LEAST_SCALE)
        with on_one_thread():
            self._fit(residual, codes, weight, random_state)
        return self

    def unusual(self, X):
        """Return how unusual each row is: higher is more.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        unusual : ndarray of shape (n_samples,)
        """
        with on_one_thread():
            return np.concatenate([self._unusual(X[s]) for s in gen_batches(X.shape[0], _ROWS)])

    def explain(self, X):
        """Return what is behind `unusual`, cell by cell.

        Parameters
        ----------
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        expected : ndarray of shape (n_samples, n_features)
            What the autoencoder expects in the cells.
        residual : ndarray of shape (n_samples, n_features)
            How far the cells are from it, in standard deviations of the training rows.
        parts : ndarray of shape (n_samples, n_features)
            What each cell adds to `unusual`.
        """
        expected, residual, codes = self._there_and_back(X)
        return expected, residual / self.residual_scale_, self._parts(X, expected, residual, codes)

    def _there_and_back(self, X):
        codes = codes_of(self.autoencoder, X)
        expected = self.autoencoder.inverse_transform(codes).astype(np.float64)
        rows = X.toarray() if sparse.issparse(X) else X
        return expected, rows - expected, codes.astype(np.float64)

    def _fit(self, residual, codes, weight, random_state):
        pass


class ReconstructionScore(RowScore):
    """The mean square of the standardised residuals."""

    def _unusual(self, X):
        _, residual, _ = self._there_and_back(X)
        return ((residual / self.residual_scale_) ** 2).mean(axis=1)

    def _parts(self, X, expected, residual, codes):
        return (residual / self.residual_scale_) ** 2 / residual.shape[1]


class LikelihoodScore(RowScore):
    """Minus the log-likelihood, shared out by the squares of the standardised residuals."""

    def _unusual(self, X):
        return -self.autoencoder.score_samples(X)

    def _parts(self, X, expected, residual, codes):
        blame = (residual / self.residual_scale_) ** 2
        return _shared_out(self._unusual(X), blame)


class MahalanobisScore(RowScore):
    """The distance of residual and code from the centre of the training rows."""

    _most_kinds = 0

    def _fit(self, residual, codes, weight, random_state):
        self._gaussians = RobustGaussians(self._most_kinds, _LEAST_SCALE)
        self._gaussians.fit(np.hstack([residual, codes]), weight, random_state)

    def _unusual(self, X):
        _, residual, codes = self._there_and_back(X)
        return self._gaussians.distances(np.hstack([residual, codes]))

    def _parts(self, X, expected, residual, codes):
        parts = self._gaussians.parts(np.hstack([residual, codes]))
        n_features = residual.shape[1]
        # A code is as unusual as the row that it stands for.
        blame = (expected - self.usual_) ** 2
        return parts[:, :n_features] + _shared_out(parts[:, n_features:].sum(axis=1), blame)


class MixtureScore(MahalanobisScore):
    """The same, averaged with the distance from the nearest kind of training rows."""

    _most_kinds = _MOST_KINDS


def on_one_thread():
    """Keep small matrix products on one thread: more would wait for one another, and k-means
    would add up in another order every time.
    """
    return threadpool_controller().limit(limits=1)


def codes_of(autoencoder, X):
    """Return codes as an array, whatever transformers are told to return."""
    with config_context(transform_output="default"):
        return autoencoder.transform(X)


def _shared_out(total, blame):
    """Share a total of each row among its cells in proportion to their blame."""
    blame = blame + np.finfo(np.float64).tiny
    return total[:, None] * (blame / blame.sum(axis=1, keepdims=True))


SCORES = {
    "mixture": MixtureScore,
    "mahalanobis": MahalanobisScore,
    "reconstruction": ReconstructionScore,
    "likelihood": LikelihoodScore,
}
