"""Features of codes whose linear models are smooth functions of any shape."""

import math

import numpy as np
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import pairwise_distances

# Rows from which the features are made, at most.
_N_COMPONENTS = 300

# Nystroem features have a length of at most one, too short for scikit-learn's default penalties.
# The kernel is that many times larger.
_SCALE = 10.0


def kernel_features(codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Return features of shape (n_samples, n_features) whose products are a Gaussian kernel.

    The kernel is as wide as the median distance between rows, and its features are those of
    Nystroem's method (Williams and Seeger, 2001).
    """
    some = codes[rng.permutation(len(codes))[:_N_COMPONENTS]]
    squares = pairwise_distances(some, metric="sqeuclidean")
    apart = squares[squares > 0]
    gamma = 1 / np.median(apart) if len(apart) else 1.0
    kernel = Nystroem(gamma=gamma, n_components=len(some), random_state=0)
    return math.sqrt(_SCALE) * kernel.fit(some).transform(codes)
