"""Weights of columns of categories: copies of a column share the weight of one."""

from itertools import combinations

import numpy as np

# Rows that tell whether columns are copies.
_ENOUGH_ROWS = 2000

# Columns that agree at least so far say the same.
_COPIES = 0.9


def weights_of_columns(X: np.ndarray, n_levels: list[int]) -> np.ndarray:
    """Return the weight of each column of encoded rows: one for numbers, and shared by copies.

    A category that comes in several columns, such as a country and its code, would count several
    times. Ten copies together have the weight of one column.
    """
    levels = np.asarray(n_levels)
    total = np.ones(len(levels))
    some = X[:: -(-len(X) // _ENOUGH_ROWS)]
    for i, k in combinations(np.flatnonzero(levels), 2):
        known = (some[:, i] >= 0) & (some[:, k] >= 0)
        one, other = some[known, i].astype(int), some[known, k].astype(int)
        agreement = min(_told(one, other), _told(other, one))
        if agreement >= _COPIES:
            total[[i, k]] += agreement
    return 1 / total


def _told(by: np.ndarray, codes: np.ndarray) -> float:
    """Return how much better codes are guessed by other codes than without, between 0 and 1.

    The guess is the most frequent code among the other rows of the same code (the lambda of Goodman
    and Kruskal, 1954, with each row left out).
    """
    if len(codes) < 2:
        return 0.0
    pairs = by * (codes.max() + 1) + codes
    _, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    most = np.zeros(by.max() + 1, dtype=int)
    np.maximum.at(most, by, counts[place])
    right = np.mean((counts[place] == most[by]) & (counts[place] > 1))
    usual = np.bincount(codes).max() / len(codes)
    return max(0.0, (right - usual) / (1 - usual)) if usual < 1 else 0.0
