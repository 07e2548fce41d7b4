"""Clusters of outliers: rows that are alike, far from most others."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

# Neighbours whose mean distance tells how dense rows are, the row itself not counted.
_NEIGHBOURS = 10

# A cluster is searched among remote rows: their squared distance from the centre is as far above
# the upper quartile as that is above the median. They are dense if their distance to neighbours,
# divided by that which is typical so far from the centre, is below this quantile of the same ratio
# of the rows nearer to it.
_QUANTILE = 0.01

# The median ratio of dense rows is at most this share of the quantile. Ordinary rows of real tables
# stay above it.
_CLEARLY = 0.8

# The quantile alone marks one remote row in a hundred. A cluster needs three times as many dense
# rows, plus three standard errors, and at least six.
_TIMES, _STANDARD_ERRORS, _FEWEST_DENSE = 3, 3, 6

# Largest share of all rows that one cluster is, and that all are together: more are ordinary kinds.
_MOST, _MOST_TOGETHER = 0.125, 0.25

# Times that rows join a cluster if half of their neighbours belong to it.
_ROUNDS = 5

# Groups of rows at similar distances from the centre; the farthest rows belong to none. Fewer rows
# do not show what is typical.
_GROUPS, _LEFT_OUT, _FEWEST_ROWS = 16, 0.1, 160

# Padding of distances, divided by the root of the number of columns. The distance of equal rows is
# zero, and ratios of zeros are not defined.
_PADDING = 1e-3


class Clusters:
    """The clusters of outliers among whitened rows, most of which lie around zero.

    Far from the centre ordinary rows are sparse. Remote rows that are closer together than nearly
    all others are, for how far out they lie, have something in common. If there are equal rows
    near the centre, too, as in a table of few distinct values, equal rows are no cluster.
    """

    def __init__(self, white: np.ndarray) -> None:
        self._found: np.ndarray | None = None
        if len(white) < _FEWEST_ROWS:
            return
        self._neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(white)
        distances, neighbours = self._neighbours.kneighbors()
        found = _are_dense(white, distances.mean(axis=1))
        for _ in range(_ROUNDS if found.any() else 0):
            found |= found[neighbours].mean(axis=1) >= 0.5
        found = _rare(found, neighbours)
        if found.any():
            self._found = found

    @property
    def are_none(self) -> bool:
        """Whether there is no cluster."""
        return self._found is None

    def contain(self, white: np.ndarray) -> np.ndarray:
        """Return which rows are of a cluster: those that half of their neighbours are."""
        if self._found is None:
            return np.zeros(len(white), dtype=bool)
        neighbours = self._neighbours.kneighbors(white, return_distance=False)
        return self._found[neighbours].mean(axis=1) >= 0.5


def _are_dense(white: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Return which rows are remote, and dense for this, given distances to their neighbours."""
    n_rows, n_columns = white.shape
    squares = (white**2).sum(axis=1)
    order = np.argsort(squares, kind="stable")[: int((1 - _LEFT_OUT) * n_rows)]
    groups = np.array_split(order, _GROUPS)
    # It only rises with the distance from the centre, as among ordinary rows: those of a cluster
    # are not typical.
    typical = np.maximum.accumulate([np.median(distances[group]) for group in groups])
    centers = [np.median(squares[group]) for group in groups]
    padding = _PADDING * n_columns**0.5
    ratio = (distances + padding) / (np.interp(squares, centers, typical) + padding)
    middle, third = np.quantile(squares, [0.5, 0.75])
    is_remote = squares > 2 * third - middle
    densest = np.quantile(ratio[~is_remote], _QUANTILE)
    is_dense = is_remote & (ratio < densest)
    if np.quantile(distances[~is_remote], _QUANTILE) == 0:
        is_dense &= distances > 0
    expected = _QUANTILE * is_remote.sum()
    enough = _TIMES * expected + _STANDARD_ERRORS * expected**0.5
    if is_dense.sum() < max(enough, _FEWEST_DENSE):
        return np.zeros(n_rows, dtype=bool)
    return is_dense & (np.median(ratio[is_dense]) < _CLEARLY * densest)


def _rare(found: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return the rows of those clusters that are small enough; neighbours share a cluster."""
    rows = np.flatnonzero(found)
    places = np.repeat(np.arange(len(found)), _NEIGHBOURS), neighbours.ravel()
    links = sparse.csr_array((np.ones(neighbours.size), places), shape=(len(found), len(found)))
    _, cluster = connected_components(links[rows][:, rows], directed=False)
    share = np.bincount(cluster, minlength=1)[cluster] / len(found)
    rare = np.zeros_like(found)
    rare[rows[share <= _MOST]] = True
    return rare & (rare.mean() <= _MOST_TOGETHER)
