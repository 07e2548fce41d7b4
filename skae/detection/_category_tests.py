"""Statistics of the categories of two samples."""

import numpy as np
from scipy import sparse
from scipy.special import xlogy
from sklearn.utils import gen_batches

# Permutations that are counted at once.
_BLOCK = 100


def g_statistics(columns: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return the statistic of the G-test of each column for each split; see `ks_statistics`.

    Columns hold codes of categories. The statistic is twice the logarithm of the ratio of
    likelihoods: of one distribution for each sample, and of one for both.
    """
    n_rows, n_splits = splits.shape
    n_second = splits[:, 0].sum()
    found = np.empty((n_splits, columns.shape[1]))
    for i, codes in enumerate(columns.T):
        _, place, total = np.unique(codes, return_inverse=True, return_counts=True)
        counting = sparse.csr_array((np.ones(n_rows), (place, np.arange(n_rows))))
        sizes = np.array([n_rows - n_second, n_second])
        together = _log_likelihood(total) + _log_likelihood(sizes) - _log_likelihood(sizes.sum())
        for block in gen_batches(n_splits, _BLOCK):
            second = counting @ splits[:, block].astype(np.float64)
            apart = _log_likelihood(second) + _log_likelihood(total[:, None] - second)
            found[block, i] = 2 * np.maximum(apart - together, 0)
    return found


def _log_likelihood(counts: np.ndarray) -> np.ndarray:
    """Return that of the counts in each column, up to the factor that all share."""
    return np.atleast_1d(xlogy(counts, counts)).sum(axis=0)


def grown_categories(reference: np.ndarray, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for rows of both samples whether their category has a larger share of the batch.

    The share of such rows differs between the samples by the total variation distance.
    """
    _, place = np.unique(np.concatenate([reference, batch]), return_inverse=True)
    n_categories, n_reference = place.max() + 1, len(reference)
    before = np.bincount(place[:n_reference], minlength=n_categories) / n_reference
    now = np.bincount(place[n_reference:], minlength=n_categories) / len(batch)
    grown = (now > before)[place].astype(np.float64)
    return grown[:n_reference], grown[n_reference:]
