"""Clusters of outliers: rows that are alike, far from most others."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

# Neighbours whose mean distance tells how dense rows are, the row itself not counted. The
# smallest cluster that can be found has as many rows.
_NEIGHBOURS = 10

# A cluster is searched among rows whose squared distance from the centre is so many times the
# upper quartile. They are dense if their distance to neighbours, divided by that which is typical
# so far from the centre, is below this quantile of the same ratio of the rows nearer to it.
_REMOTE, _QUANTILE = 1.5, 0.01

# Dense remote rows are clusters if they are so many times as many as the quantile lets expect,
# three standard errors more, and at most this share of all rows: more are a kind of their own.
_TIMES, _STANDARD_ERRORS, _MOST = 3, 3, 0.125

# Times that rows join a cluster if half of their neighbours belong to it.
_ROUNDS = 5

# Groups of rows at similar distances from the centre; the farthest rows belong to none. Fewer rows
# do not show what is typical.
_GROUPS, _LEFT_OUT, _FEWEST_ROWS = 16, 0.1, 160

# What is added to distances, times the root of the number of columns, as rows may be equal.
_PADDING = 1e-3


class Clusters:
    """The clusters of outliers among whitened rows, most of which lie around zero.

    Far from the centre ordinary rows are sparse. Remote rows that are closer together than nearly
    all others are, for how far out they lie, have something in common. Where many central rows are
    as close together, as in a table of few distinct values, this means nothing.
    """

    def __init__(self, white: np.ndarray) -> None:
        self._found: np.ndarray | None = None
        if len(white) < _FEWEST_ROWS:
            return
        self._neighbours = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(white)
        distances, neighbours = self._neighbours.kneighbors()
        found = _are_dense(white, distances.mean(axis=1))
        if not found.any():
            return
        for _ in range(_ROUNDS):
            found |= found[neighbours].mean(axis=1) >= 0.5
        if found.mean() <= _MOST:
            self._found = found

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
    # Further out, rows are further from each other; a cluster there changes nothing.
    typical = np.maximum.accumulate([np.median(distances[group]) for group in groups])
    centers = [np.median(squares[group]) for group in groups]
    padding = _PADDING * n_columns**0.5
    ratio = (distances + padding) / (np.interp(squares, centers, typical) + padding)
    is_remote = squares > _REMOTE * np.quantile(squares, 0.75)
    is_dense = is_remote & (ratio < np.quantile(ratio[~is_remote], _QUANTILE))
    # Where central rows are equal to others, too, this means nothing.
    is_dense &= (distances > 0) | (np.quantile(distances[~is_remote], _QUANTILE) > 0)
    expected = _QUANTILE * is_remote.sum()
    enough = _TIMES * expected + _STANDARD_ERRORS * expected**0.5
    return is_dense if is_dense.sum() > max(enough, _NEIGHBOURS / 2) else np.zeros(n_rows, bool)
