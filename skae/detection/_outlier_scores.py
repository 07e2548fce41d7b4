"""Outlier scores: how unusual a row is, from its residual, its code and its cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy import ndarray
from numpy.random import RandomState
from torch import Tensor, nn

from skae._compat import threadpool_controller
from skae._typing import ArrayOf
from skae.estimators.base import BaseAutoencoder
from skae.tables import dense

from ._fixed_chunks import in_fixed_chunks
from ._gaussian_distances import GaussianDistances
from ._isolation import Isolation
from ._least_scales import LEAST_SCALE
from ._members import MemberValues, Rows
from ._robust_gaussians import RobustGaussians
from ._score_modules import MeanSquares

_MOST_KINDS = 10


# Most rows that a score is fitted to, and most values, to bound time and memory.
_ENOUGH_ROWS, _MOST_VALUES = 5000, 2**25


class OutlierScore:
    """Base class of outlier scores: higher is more unusual.

    A score does not keep its autoencoder; every call passes the one of `fit`.
    """

    # Whether the score is one of `MemberValues`; if not, the autoencoder itself scores them.
    is_of_values: ClassVar[bool] = True

    # Whether the score is multiplied by how isolated a row is, which is learned afterwards.
    times_isolation: ClassVar[bool] = False
    isolation_: Isolation

    # Whether the network, which learns all rows that it sees, must not see outliers.
    needs_ordinary_rows: ClassVar[bool] = False

    def fit(
        self,
        autoencoder: BaseAutoencoder,
        Z: Rows,
        weight: ndarray,
        rng: RandomState,
        completed: Callable[[Tensor], Tensor] | None = None,
    ) -> Self:
        """Learn the spread of residuals and codes of training rows.

        ``completed`` returns rows without gaps, on the device of the autoencoder's values.
        """
        if not self.is_of_values:
            return self
        n_values = 2 * Z.shape[1] + autoencoder.n_components_
        most = min(_ENOUGH_ROWS, max(2, _MOST_VALUES // n_values))
        if Z.shape[0] > most:
            some = np.sort(rng.permutation(Z.shape[0])[:most])
            Z, weight = Z[some], weight[some]
        Z = dense(Z)
        # More threads would wait for one another, and would change k-means' order of summation.
        with threadpool_controller().limit(limits=1):
            values_of = MemberValues(autoencoder)
            completed = completed or (lambda rows: rows.to(values_of.device))
            values = in_fixed_chunks(lambda rows: values_of(completed(rows)), Z)
            self._fit(values, Z.shape[1], weight, rng)
        return self

    @staticmethod
    def module_of(scores: Sequence[Any]) -> nn.Module:
        """Return the scores of several members in torch, given the values of rows.

        These are residuals, codes and cells, side by side, of shape
        (n_members, n_samples, n_values) and dtype float64.
        """
        raise NotImplementedError

    def fits(self, n_features: int, n_values: int) -> bool:
        """Return whether this is the score of an autoencoder of so many columns and values."""
        return True

    def _fit(self, values: ndarray, n_features: int, weight: ndarray, rng: RandomState) -> None:
        raise NotImplementedError


@dataclass(eq=False)
class ReconstructionScore(OutlierScore):
    """The mean square of the standardised residuals."""

    needs_ordinary_rows: ClassVar[bool] = True

    residual_scale_: Annotated[ndarray, ArrayOf("float", "n_values")] = field(init=False)

    def fits(self, n_features: int, n_values: int) -> bool:
        return len(self.residual_scale_) == n_features

    def _fit(self, values: ndarray, n_features: int, weight: ndarray, rng: RandomState) -> None:
        residuals = values[:, :n_features]
        mean = np.average(residuals, axis=0, weights=weight)
        spread = np.sqrt(np.average((residuals - mean) ** 2, axis=0, weights=weight))
        self.residual_scale_ = np.maximum(spread, LEAST_SCALE)

    @staticmethod
    def module_of(scores: Sequence[Any]) -> nn.Module:
        return MeanSquares(scores)


@dataclass(eq=False)
class LikelihoodScore(OutlierScore):
    """Minus the log-likelihood, which the autoencoder itself computes."""

    is_of_values: ClassVar[bool] = False
    needs_ordinary_rows: ClassVar[bool] = True


@dataclass(eq=False)
class MahalanobisScore(OutlierScore):
    """The distance of residual, code and row from the centre of the training rows.

    Residual and code say how the cells agree. The row itself is a value, too, as a network may
    have learned to give outliers small residuals and ordinary codes.
    """

    times_isolation: ClassVar[bool] = True
    _most_kinds: ClassVar[int] = 0

    isolation_: Isolation = field(init=False)
    _gaussians: RobustGaussians = field(init=False)

    def fits(self, n_features: int, n_values: int) -> bool:
        return self._gaussians.n_values == n_values

    def _fit(self, values: ndarray, n_features: int, weight: ndarray, rng: RandomState) -> None:
        gaussians = RobustGaussians(self._most_kinds, LEAST_SCALE)
        self._gaussians = gaussians.fit(values, weight, rng)

    @staticmethod
    def module_of(scores: Sequence[Any]) -> nn.Module:
        return GaussianDistances([score._gaussians for score in scores])


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
