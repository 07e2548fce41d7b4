"""Outlier scores: how unusual a row is, from its residual and its code by one autoencoder."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy import ndarray
from numpy.random import RandomState
from sklearn.utils import gen_batches

from skae._compat import threadpool_controller
from skae._typing import ArrayOf
from skae.estimators.base import BaseAutoencoder

from ._members import Rows, residuals_and_codes, scores_of
from ._robust_gaussians import RobustGaussians

# Rows that are encoded and decoded at once, so that memory stays bounded.
_ROWS = 4096

# Smallest standard deviation of a residual, in that of its column, and of a code, so that tiny
# deviations in a column that is constant in training or follows from the others do not count.
LEAST_SCALE = 1e-2

_MOST_KINDS = 10


class OutlierScore:
    """Base class of outlier scores: higher is more unusual.

    A score does not keep its autoencoder; every call passes the one of `fit`.
    """

    def fit(self, autoencoder: BaseAutoencoder, Z: Rows, weight: ndarray, rng: RandomState) -> Self:
        """Learn the spread of residuals and codes of training rows."""
        batches = gen_batches(Z.shape[0], _ROWS)
        values = [residuals_and_codes(autoencoder, Z[rows]) for rows in batches]
        residuals, codes = map(np.concatenate, zip(*values, strict=True))
        # More threads would wait for one another, and would change k-means' order of summation.
        with threadpool_controller().limit(limits=1):
            self._fit(residuals, codes, weight, rng)
        return self

    def outlier_scores(self, autoencoder: BaseAutoencoder, Z: Rows) -> ndarray:
        """Return the score of each row."""
        batches = gen_batches(Z.shape[0], _ROWS)
        return np.concatenate([self._outlier_scores(autoencoder, Z[rows]) for rows in batches])

    def fits(self, n_features: int, n_components: int) -> bool:
        """Return whether this is the score of an autoencoder of these widths."""
        return True

    def _fit(self, residuals: ndarray, codes: ndarray, weight: ndarray, rng: RandomState) -> None:
        raise NotImplementedError

    def _outlier_scores(self, autoencoder: BaseAutoencoder, Z: Rows) -> ndarray:
        raise NotImplementedError


@dataclass(eq=False)
class ReconstructionScore(OutlierScore):
    """The mean square of the standardised residuals."""

    residual_scale_: Annotated[ndarray, ArrayOf("float", "n_values")] = field(init=False)

    def fits(self, n_features: int, n_components: int) -> bool:
        return len(self.residual_scale_) == n_features

    def _fit(self, residuals: ndarray, codes: ndarray, weight: ndarray, rng: RandomState) -> None:
        mean = np.average(residuals, axis=0, weights=weight)
        spread = np.sqrt(np.average((residuals - mean) ** 2, axis=0, weights=weight))
        self.residual_scale_ = np.maximum(spread, LEAST_SCALE)

    def _outlier_scores(self, autoencoder: BaseAutoencoder, Z: Rows) -> ndarray:
        residuals, _ = residuals_and_codes(autoencoder, Z)
        return ((residuals / self.residual_scale_) ** 2).mean(axis=1)


@dataclass(eq=False)
class LikelihoodScore(OutlierScore):
    """Minus the log-likelihood, which the autoencoder itself computes."""

    def fit(self, autoencoder: BaseAutoencoder, Z: Rows, weight: ndarray, rng: RandomState) -> Self:
        """Learn nothing."""
        return self

    def _outlier_scores(self, autoencoder: BaseAutoencoder, Z: Rows) -> ndarray:
        return -scores_of(autoencoder, Z)


@dataclass(eq=False)
class MahalanobisScore(OutlierScore):
    """The distance of residual and code from the centre of the training rows."""

    _most_kinds: ClassVar[int] = 0

    _gaussians: RobustGaussians = field(init=False)

    def fits(self, n_features: int, n_components: int) -> bool:
        return len(self._gaussians.unit_) == n_features + n_components

    def _fit(self, residuals: ndarray, codes: ndarray, weight: ndarray, rng: RandomState) -> None:
        gaussians = RobustGaussians(self._most_kinds, LEAST_SCALE)
        self._gaussians = gaussians.fit(np.hstack([residuals, codes]), weight, rng)

    def _outlier_scores(self, autoencoder: BaseAutoencoder, Z: Rows) -> ndarray:
        return self._gaussians.distances(np.hstack(residuals_and_codes(autoencoder, Z)))


@dataclass(eq=False)
class MixtureScore(MahalanobisScore):
    """The Mahalanobis distance averaged with that from the nearest kind of training rows."""

    _most_kinds: ClassVar[int] = _MOST_KINDS


SCORES = {
    "mixture": MixtureScore,
    "mahalanobis": MahalanobisScore,
    "reconstruction": ReconstructionScore,
    "likelihood": LikelihoodScore,
}
