"""Which rows are near most others: a first look at a table, before networks learn it."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.random import RandomState
from sklearn.utils import gen_batches

from skae.tables import dense

from ._clusters import Clusters
from ._least_scales import LEAST_SCALE
from ._members import Rows
from ._mixed_columns import MixedColumns
from ._ordinary_scores import n_ordinary_scores
from ._outlier_scores import SCORES
from ._robust_gaussians import RobustGaussians
from ._robust_start import weighted_quantile

# A network that learns every row it sees is not shown rows that are far from the centre: beyond
# the upper quartile by more than so many times the range of the quartiles. They are at most this
# share of the rows.
_RANGES, _MOST = 2.0, 0.15

# Rare values of a column do not set a row apart if nearly all others are one value: these have less
# than this share of its variance. A tenth of outliers, as far away as cells can be, leaves .01 to
# the half of the rows that is nearest.
_LEAST_SHARE = 0.003

# Rows that the Gaussian is fitted to, and cells that are read at once.
_ENOUGH_ROWS, _CELLS = 5000, 2**22


class OrdinaryRows:
    """The robust Gaussian of some known rows, and clusters far from its centre.

    Of mixed columns it is that of the numbers.
    """

    def __init__(
        self,
        known: Rows,
        weight: np.ndarray,
        scoring: str,
        rng: RandomState,
        columns: MixedColumns | None = None,
    ) -> None:
        self._only_near = SCORES[scoring].needs_ordinary_rows
        self._n_rows = max(2, min(_ENOUGH_ROWS, _CELLS // known.shape[1]))
        some = rng.permutation(known.shape[0])[: self._n_rows]
        self._columns = columns
        rows = self._numbers(known[some])
        self._gaussian = RobustGaussians(0, LEAST_SCALE, _LEAST_SHARE).fit(rows, weight[some], rng)
        self._clusters = Clusters(self._gaussian.whitened(rows))
        self._known, self._weight = self._squares(known), weight
        self.in_cluster = self._are_in_cluster(known)

    @property
    def whitening(self) -> np.ndarray | None:
        """The matrix that whitens most rows less their centre; none of wide tables."""
        coordinates = self._gaussian.coordinates_
        if coordinates.directions_ is not None:
            return None
        return self._gaussian.whitening_ / coordinates.unit_

    def choose(self, rows: list[np.ndarray], Z: Rows | None = None) -> list[np.ndarray]:
        """Return those rows that are of no cluster and, for some scorings, no further than most.

        Rows are given by their indices in `Z`, the known rows by default. If fewer than two known
        rows would be left, all of them are.
        """
        known = Z is None
        chosen = ~(self.in_cluster if known else self._are_in_cluster(Z))
        if self._only_near:
            chosen &= (self._known if known else self._squares(Z)) <= self._farthest()
        few = [mine[chosen[mine]] for mine in rows]
        if not known:
            return few
        return [some if len(some) > 1 else mine for some, mine in zip(few, rows, strict=True)]

    def are_no_blatant_outliers(self) -> np.ndarray:
        """Return for each known row whether the tail of the others reaches that far."""
        order = np.sort(self._known)
        return (self._known <= order[n_ordinary_scores(order) - 1]) & ~self.in_cluster

    def _farthest(self) -> float:
        """Return the square beyond which rows are further from the centre than most."""
        lengths = np.sqrt(self._known)
        shares = [0.25, 0.75, 1 - _MOST]
        first, third, most = weighted_quantile(lengths, shares, self._weight)
        # A few rows may have most of the weight: half of the rows count in any case.
        return max(third + _RANGES * (third - first), most, np.median(lengths)) ** 2

    def _numbers(self, Z: Rows) -> np.ndarray:
        """Return the numbers of rows, without gaps."""
        if self._columns is None:
            return dense(Z)
        return self._columns.numbers(self._columns.with_numbers(torch.from_numpy(Z)).numpy())

    def _are_in_cluster(self, Z: Rows) -> np.ndarray:
        if self._clusters.are_none:
            return np.zeros(Z.shape[0], dtype=bool)

        def contain(rows: np.ndarray) -> np.ndarray:
            return self._clusters.contain(self._gaussian.whitened(rows))

        return self._by_batches(contain, Z)

    def _squares(self, Z: Rows) -> np.ndarray:
        return self._by_batches(self._gaussian.distances, Z)

    def _by_batches(self, function: Callable[[np.ndarray], np.ndarray], Z: Rows) -> np.ndarray:
        batches = gen_batches(Z.shape[0], self._n_rows)
        return np.concatenate([function(self._numbers(Z[rows])) for rows in batches])
