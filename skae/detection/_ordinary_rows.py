"""Which rows are ordinary enough for networks that learn every row they see."""

import numpy as np
from numpy.random import RandomState
from sklearn.utils import gen_batches

from skae.tables import dense

from ._members import Rows
from ._outlier_scores import LEAST_SCALE
from ._robust_gaussians import RobustGaussians

# Rows are left out that are further from the centre than the upper quartile by so many times the
# range of the quartiles, at most this share.
_RANGES, _MOST = 2.0, 0.15

# Rows that the Gaussian is fitted to, and cells that are read at once.
_ENOUGH_ROWS, _CELLS = 10_000, 2**22


def ordinary_rows(Z: Rows, known: Rows, weight: np.ndarray, rng: RandomState) -> np.ndarray:
    """Return for each row whether it is near enough to the centre of most known rows."""
    n_rows = max(2, min(_ENOUGH_ROWS, _CELLS // Z.shape[1]))
    some = rng.permutation(known.shape[0])[:n_rows]
    some_rows = dense(known[some])
    gaussian = RobustGaussians(0, LEAST_SCALE).fit(some_rows, weight[some], rng)
    distance = np.sqrt(gaussian.distances(some_rows))
    first, third, most = np.quantile(distance, [0.25, 0.75, 1 - _MOST])
    farthest = max(third + _RANGES * (third - first), most)
    batches = gen_batches(Z.shape[0], n_rows)
    squares = np.concatenate([gaussian.distances(dense(Z[rows])) for rows in batches])
    return np.sqrt(squares) <= farthest
