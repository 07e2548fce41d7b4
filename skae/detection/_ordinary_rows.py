"""Which rows are near most others: a first look at a table, before networks learn it."""

import numpy as np
from numpy.random import RandomState
from sklearn.utils import gen_batches

from skae.tables import dense

from ._members import Rows
from ._ordinary_scores import n_ordinary_scores
from ._outlier_scores import LEAST_SCALE
from ._robust_gaussians import RobustGaussians
from ._robust_start import weighted_quantile

# A network that learns every row it sees is not shown rows that are further from the centre than
# the upper quartile by so many times the range of the quartiles, at most this share.
_RANGES, _MOST = 2.0, 0.15

# Rows that the Gaussian is fitted to, and cells that are read at once.
_ENOUGH_ROWS, _CELLS = 5000, 2**22


class OrdinaryRows:
    """The robust Gaussian of some known rows, which tells how far rows are from most of them."""

    def __init__(self, known: Rows, weight: np.ndarray, rng: RandomState) -> None:
        self._n_rows = max(2, min(_ENOUGH_ROWS, _CELLS // known.shape[1]))
        some = rng.permutation(known.shape[0])[: self._n_rows]
        self._gaussian = RobustGaussians(0, LEAST_SCALE).fit(dense(known[some]), weight[some], rng)
        self._known, self._weight = self._squares(known), weight

    def choose(self, rows: list[np.ndarray], Z: Rows) -> list[np.ndarray]:
        """Return those of some rows, by their indices, that a network may learn."""
        shares = [0.25, 0.75, 1 - _MOST]
        first, third, most = weighted_quantile(np.sqrt(self._known), shares, self._weight)
        near = np.sqrt(self._squares(Z)) <= max(third + _RANGES * (third - first), most)
        return [mine[near[mine]] for mine in rows]

    def are_no_blatant_outliers(self) -> np.ndarray:
        """Return for each known row whether the tail of the others reaches that far."""
        order = np.sort(self._known)
        return self._known <= order[n_ordinary_scores(order) - 1]

    def _squares(self, Z: Rows) -> np.ndarray:
        batches = gen_batches(Z.shape[0], self._n_rows)
        return np.concatenate([self._gaussian.distances(dense(Z[rows])) for rows in batches])
