"""Statistics of two samples, for the observed split of their rows and for permuted ones."""

from math import lcm

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import ks_2samp
from sklearn.utils import gen_batches

# Up to this many pairs of rows the exact distribution costs milliseconds; above it differs from
# the asymptotic one by less than a hundredth.
_PAIRS_FOR_EXACT = 10_000_000

# Steps that walks of the Kolmogorov-Smirnov statistic make at once: they fit into a cache.
_STEPS = 2**18

# Permutations whose discrepancy is computed at once.
_BLOCK = 1000


def ks_test(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Return statistic and p-value of the Kolmogorov-Smirnov test of two samples of numbers.

    With tied values the p-value is an upper bound.
    """
    method = "exact" if len(a) * len(b) <= _PAIRS_FOR_EXACT else "asymp"
    result = ks_2samp(a, b, method=method)
    return float(result.statistic), float(result.pvalue)


def ks_statistics(columns: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return the Kolmogorov-Smirnov statistic of each column for each split.

    Columns are of shape (n_rows, n_columns), splits of shape (n_rows, n_splits), True for rows of
    the second sample. The statistics are of shape (n_splits, n_columns), and exact: splits that
    differ by the same amount have equal ones.
    """
    n_rows, n_splits = splits.shape
    n_second = int(splits[:, 0].sum())
    up, down = _walk_steps(n_rows - n_second, n_second)
    size = up * n_second
    dtype = np.int32 if size < 2**31 else np.int64
    steps = np.where(np.ascontiguousarray(splits.T), up, down).astype(dtype)
    orders = np.argsort(columns, axis=0, kind="stable").T
    # A walk counts after the last of equal values, and ends at zero.
    ordered = np.take_along_axis(columns.T, orders, axis=1)
    last = np.pad(ordered[:, 1:] != ordered[:, :-1], ((0, 0), (0, 1)), constant_values=True)
    found = np.empty((n_splits, columns.shape[1]))
    for part in gen_batches(n_splits, max(1, _STEPS // n_rows)):
        for i, (order, counts) in enumerate(zip(orders, last, strict=True)):
            walk = np.take(steps[part], order, axis=1)
            np.cumsum(walk, axis=1, out=walk)
            walk = walk if counts.all() else walk[:, counts]
            found[part, i] = np.maximum(walk.max(axis=1), -walk.min(axis=1))
    return found / size


def _walk_steps(n_reference: int, n_batch: int) -> tuple[int, int]:
    """Return whole steps for a row of the batch and of the reference that sum up to zero.

    A walk of one step per row, in the order of a column, is the difference of the two distribution
    functions times the least common multiple of the numbers of rows.
    """
    both = lcm(n_reference, n_batch)
    return both // n_batch, -(both // n_reference)


def gaussian_kernel(rows: np.ndarray) -> np.ndarray:
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


def squared_mmd(kernel: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Return the squared maximum mean discrepancy for each split; see `ks_statistics`.

    It is unbiased, so that it may be below zero. Each sample has two rows at least.
    """
    blocks = gen_batches(splits.shape[1], _BLOCK)
    return np.concatenate([_of_some_splits(kernel, splits[:, block].T) for block in blocks])


def _of_some_splits(kernel: np.ndarray, splits: np.ndarray) -> np.ndarray:
    splits = splits.astype(kernel.dtype)
    n = splits[0].sum()
    m = len(kernel) - n
    in_first = np.einsum("ij,ij->i", splits @ kernel, splits)
    from_first = splits @ kernel.sum(axis=1)
    between = from_first - in_first
    in_second = kernel.sum() - from_first - between
    return in_first / (n * (n - 1)) + in_second / (m * (m - 1)) - 2 * between / (n * m)


def witness(kernel: np.ndarray, in_second: np.ndarray) -> np.ndarray:
    """Return by how much each row is nearer to the second sample than to the first.

    This is the witness function of the discrepancy (Gretton et al., 2012). No row counts as its
    own neighbour.
    """
    to_second = kernel @ in_second
    to_first = kernel.sum(axis=1) - to_second
    n = np.sum(in_second)
    m = len(in_second) - n
    return to_second / (n - in_second) - to_first / (m - ~in_second)
