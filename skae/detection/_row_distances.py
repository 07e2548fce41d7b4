"""How unusual a row is, by what one autoencoder makes of it."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import numpy as np
from sklearn import config_context
from sklearn.utils import gen_batches

from skae._compat import threadpool_controller
from skae._typing import ArrayOf
from skae.tables import dense

from ._robust_gaussians import RobustGaussians

# Rows that are looked at in one go, so that memory stays bounded.
_ROWS = 4096

# Smallest standard deviation of a residual, in that of its column, and of a code: a column that is
# constant in training, or follows from the others, makes no row unusual by a hair's breadth.
LEAST_SCALE = 1e-2

_MOST_KINDS = 10


class RowScore:
    """How unusual rows are to a fitted autoencoder.

    Subclasses say it in `_unusual`. The autoencoder, which this does not keep, is the same in
    every call.
    """

    def fit(self, autoencoder, X, weight, random_state):
        """Learn what residuals and codes of training rows look like.

        Parameters
        ----------
        autoencoder : BaseAutoencoder
            What is asked.
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Training rows, as the autoencoder was given them.
        weight : ndarray of shape (n_samples,)
            How much each row counts.
        random_state : RandomState
            Source of what is drawn.
        """
        some = gen_batches(X.shape[0], _ROWS)
        batches = [there_and_back(autoencoder, X[rows]) for rows in some]
        _, residual, codes = map(np.concatenate, zip(*batches, strict=True))
        # More threads would wait for one another, and k-means would add up in another order.
        with threadpool_controller().limit(limits=1):
            self._fit(residual, codes, weight, random_state)
        return self

    def unusual(self, autoencoder, X):
        """Return how unusual each row is: higher is more.

        Parameters
        ----------
        autoencoder : BaseAutoencoder
            What is asked.
        X : {ndarray, CSR matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        unusual : ndarray of shape (n_samples,)
        """
        some = gen_batches(X.shape[0], _ROWS)
        return np.concatenate([self._unusual(autoencoder, X[rows]) for rows in some])

    def _fit(self, residual, codes, weight, random_state):
        """Learn what `_unusual` needs to know."""

    def is_for(self, n_features, n_components):
        """Return whether this was fitted for an autoencoder of these widths."""
        return True


@dataclass(eq=False)
class ReconstructionScore(RowScore):
    """The mean square of the standardised residuals."""

    residual_scale_: Annotated[np.ndarray, ArrayOf("float", "n_values")] = field(init=False)

    def _fit(self, residual, codes, weight, random_state):
        mean = np.average(residual, axis=0, weights=weight)
        spread = np.sqrt(np.average((residual - mean) ** 2, axis=0, weights=weight))
        self.residual_scale_ = np.maximum(spread, LEAST_SCALE)

    def _unusual(self, autoencoder, X):
        _, residual, _ = there_and_back(autoencoder, X)
        return ((residual / self.residual_scale_) ** 2).mean(axis=1)

    def is_for(self, n_features, n_components):
        """Return whether this was fitted for an autoencoder of these widths."""
        return len(self.residual_scale_) == n_features


@dataclass(eq=False)
class LikelihoodScore(RowScore):
    """Minus the log-likelihood."""

    def fit(self, autoencoder, X, weight, random_state):
        """Learn nothing: the autoencoder knows; see `RowScore.fit`."""
        return self

    def _unusual(self, autoencoder, X):
        return -autoencoder.score_samples(X)


@dataclass(eq=False)
class MahalanobisScore(RowScore):
    """The distance of residual and code from the centre of the training rows."""

    _most_kinds: ClassVar[int] = 0

    _gaussians: RobustGaussians = field(init=False)

    def _fit(self, residual, codes, weight, random_state):
        self._gaussians = RobustGaussians(self._most_kinds, LEAST_SCALE)
        self._gaussians.fit(np.hstack([residual, codes]), weight, random_state)

    def _unusual(self, autoencoder, X):
        _, residual, codes = there_and_back(autoencoder, X)
        return self._gaussians.distances(np.hstack([residual, codes]))

    def is_for(self, n_features, n_components):
        """Return whether this was fitted for an autoencoder of these widths."""
        return len(self._gaussians.unit_) == n_features + n_components


@dataclass(eq=False)
class MixtureScore(MahalanobisScore):
    """The same, averaged with the distance from the nearest kind of training rows."""

    _most_kinds: ClassVar[int] = _MOST_KINDS


def there_and_back(autoencoder, X):
    """Return what the autoencoder makes of rows, their residuals, and their codes, in float64."""
    codes = codes_of(autoencoder, X)
    expected = rows_of(autoencoder, codes).astype(np.float64)
    return expected, dense(X) - expected, codes.astype(np.float64)


def codes_of(autoencoder, X):
    """Return codes as an array, whatever transformers are told to return."""
    with config_context(transform_output="default"):
        return np.asarray(autoencoder.transform(X))


def rows_of(autoencoder, codes):
    """Return decoded codes as an array, whatever transformers are told to return."""
    with config_context(transform_output="default"):
        return np.asarray(autoencoder.inverse_transform(codes))


SCORES = {
    "mixture": MixtureScore,
    "mahalanobis": MahalanobisScore,
    "reconstruction": ReconstructionScore,
    "likelihood": LikelihoodScore,
}
