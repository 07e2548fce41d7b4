"""Tests of whether two samples come from one distribution, and Holm's correction of many."""

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import ks_2samp
from sklearn.utils import gen_batches

# Up to this many pairs of rows the exact distribution costs milliseconds; above it differs from
# the asymptotic one by less than a hundredth.
_PAIRS_FOR_EXACT = 10_000_000

# Permutations that are evaluated at once.
_BLOCK = 1000

# Values of MMD that differ by less are equal but for rounding.
_ROUNDING = 1e-12


def ks_test(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return statistic and p-value of the Kolmogorov-Smirnov test of two samples of numbers.

    With tied values the p-value is an upper bound.
    """
    method = "exact" if len(a) * len(b) <= _PAIRS_FOR_EXACT else "asymp"
    result = ks_2samp(a, b, method=method)
    return float(result.statistic), float(result.pvalue)


def mmd_test(
    a: np.ndarray, b: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the maximum mean discrepancy of two samples, unbiased and squared, and its p-value.

    The samples are of shape (n_samples, n_features), with two rows at least. The statistic may be
    below zero. The p-value is exact for every distribution, as the observed split of the rows
    counts as one more permutation.
    """
    kernel = _gaussian_kernel(np.concatenate([a, b]))
    in_a = (np.arange(len(kernel)) < len(a)).astype(np.float64)
    observed = _squared_mmd(kernel, in_a[np.newaxis])[0]
    n_as_large = 1
    for block in gen_batches(n_permutations, _BLOCK):
        splits = rng.permuted(np.tile(in_a, (block.stop - block.start, 1)), axis=1)
        n_as_large += np.sum(_squared_mmd(kernel, splits) >= observed - _ROUNDING)
    return float(observed), float(n_as_large / (n_permutations + 1))


def _gaussian_kernel(rows: np.ndarray) -> np.ndarray:
    """Return the kernel of each pair of rows, and zero for a row with itself.

    Its width comes from the distances between all rows, of both samples, so that it is the same
    for each permutation: only then are these as likely as the observed split.
    """
    squares = pdist(rows, "sqeuclidean")
    # The median is zero where most rows are equal, the mean where all are.
    typical = np.median(squares) or squares.mean() or 1.0
    # Half the median distance. The whole median detects shifts of the mean, as the tests of each
    # code do, and hardly the correlations that they cannot detect.
    squared_width = typical / 4
    return squareform(np.exp(-squares / (2 * squared_width)))


def _squared_mmd(kernel: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return the squared discrepancy for each split, a row of ones (first sample) and zeros."""
    n = splits[0].sum()
    m = len(kernel) - n
    in_first = np.einsum("ij,ij->i", splits @ kernel, splits)
    from_first = splits @ kernel.sum(axis=1)
    between = from_first - in_first
    in_second = kernel.sum() - from_first - between
    return in_first / (n * (n - 1)) + in_second / (m * (m - 1)) - 2 * between / (n * m)


def holm(p_values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by the weighted procedure of Holm.

    Rejecting all that are at most alpha rejects a true hypothesis with probability alpha at most.
    A test of larger weight is adjusted less; all weights are above zero.
    """
    order = np.argsort(p_values / weights, kind="stable")
    weights = weights[order]
    # The inverse share of each weight among the tests that remain once those before are rejected.
    factors = np.cumsum(weights[::-1])[::-1] / weights
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p_values[order] * factors).clip(max=1)
    return adjusted
