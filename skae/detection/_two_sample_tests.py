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


def ks_test(a, b):
    """Compare two samples of a number by the Kolmogorov-Smirnov test.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples,)
        The samples.

    Returns
    -------
    statistic : float
        Largest distance between the two empirical distribution functions.
    p_value : float
        Its p-value; with tied values an upper bound of it.
    """
    method = "exact" if len(a) * len(b) <= _PAIRS_FOR_EXACT else "asymp"
    result = ks_2samp(a, b, method=method)
    return float(result.statistic), float(result.pvalue)


def mmd_test(a, b, n_permutations, rng):
    """Compare two samples of vectors by the maximum mean discrepancy.

    Parameters
    ----------
    a, b : ndarray of shape (n_samples, n_features)
        The samples, of at least two rows each.
    n_permutations : int
        How many times the rows are dealt anew to find the p-value.
    rng : numpy.random.Generator
        Deals them.

    Returns
    -------
    statistic : float
        Unbiased estimate of the squared discrepancy; may be below zero.
    p_value : float
        Exact, whatever the distribution: the observed deal counts as one more permutation.
    """
    kernel = _gaussian_kernel(np.concatenate([a, b]))
    in_a = (np.arange(len(kernel)) < len(a)).astype(np.float64)
    observed = _squared_mmd(kernel, in_a[np.newaxis])[0]
    n_as_large = 1
    for block in gen_batches(n_permutations, _BLOCK):
        deals = rng.permuted(np.tile(in_a, (block.stop - block.start, 1)), axis=1)
        n_as_large += np.sum(_squared_mmd(kernel, deals) >= observed - _ROUNDING)
    return float(observed), float(n_as_large / (n_permutations + 1))


def _gaussian_kernel(rows):
    """Return the kernel of each pair of rows, and zero for a row with itself.

    Its width comes from the distances between all rows, of both samples, so that it is the same
    for each permutation: only then are these as likely as what was observed.
    """
    squares = pdist(rows, "sqeuclidean")
    # Where most rows are equal the median says nothing, where all are equal nothing can.
    typical = np.median(squares) or squares.mean() or 1.0
    # Half the median distance. The whole of it sees means, as the tests of each code do, and
    # hardly the correlations that they cannot see.
    squared_width = typical / 4
    return squareform(np.exp(-squares / (2 * squared_width)))


def _squared_mmd(kernel, deals):
    """Return the squared discrepancy for each deal, a row of ones (first sample) and zeros."""
    n = deals[0].sum()
    m = len(kernel) - n
    in_first = np.einsum("ij,ij->i", deals @ kernel, deals)
    from_first = deals @ kernel.sum(axis=1)
    between = from_first - in_first
    in_second = kernel.sum() - from_first - between
    return in_first / (n * (n - 1)) + in_second / (m * (m - 1)) - 2 * between / (n * m)


def holm(p_values, weights):
    """Adjust p-values for being many, by the weighted procedure of Holm.

    Parameters
    ----------
    p_values : ndarray of shape (n_tests,)
        The p-values.
    weights : ndarray of shape (n_tests,)
        How much each test counts, above zero; equal ones for the procedure that is better known.

    Returns
    -------
    p_adjusted : ndarray of shape (n_tests,)
        Those at most alpha can be rejected, with a probability of at most alpha that one of
        them is true.
    """
    order = np.argsort(p_values / weights, kind="stable")
    weights = weights[order]
    # What each weighs among the tests that are left once those before it are rejected.
    factors = np.cumsum(weights[::-1])[::-1] / weights
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(p_values[order] * factors).clip(max=1)
    return adjusted
