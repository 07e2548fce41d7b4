"""A graph of rows whose codes are close, over which labels spread."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import sparse
from sklearn.neighbors import NearestNeighbors

# Zhou et al. (2004) keep this share of what the neighbours say, and Iscen et al. (2019) as well.
_SHARE_OF_NEIGHBOURS, _ROUNDS = 0.99, 60

_N_NEIGHBOURS = 8


@dataclass(frozen=True)
class LabelGraph:
    """Rows joined with their eight nearest neighbours, in a symmetric normalised matrix.

    Neighbours count ``exp(-(d / d8)**2)``, where d8 is the distance to the eighth.
    """

    weights: sparse.csr_array

    @classmethod
    def of(cls, codes: np.ndarray) -> Self:
        """Return the graph of rows with these codes."""
        n_rows = len(codes)
        n_neighbours = min(_N_NEIGHBOURS, n_rows - 1)
        found = NearestNeighbors(n_neighbors=n_neighbours).fit(codes)
        # Without the rows themselves.
        distances, neighbours = found.kneighbors()
        farthest = np.maximum(distances[:, -1:], np.finfo(distances.dtype).tiny)
        closeness = np.exp(-((distances / farthest) ** 2))
        rows = np.repeat(np.arange(n_rows), n_neighbours)
        places = rows, neighbours.ravel()
        joined = sparse.csr_array((closeness.ravel(), places), shape=(n_rows, n_rows))
        joined = joined.maximum(joined.T)
        roots = sparse.diags_array(np.asarray(joined.sum(axis=1)).ravel() ** -0.5)
        return cls(sparse.csr_array(roots @ joined @ roots))

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return values of shape (n_samples, n_values) spread over the graph."""
        spread = np.zeros_like(values)
        for _ in range(_ROUNDS):
            spread = self.weights @ spread
            spread *= _SHARE_OF_NEIGHBOURS
            spread += (1 - _SHARE_OF_NEIGHBOURS) * values
        return spread
