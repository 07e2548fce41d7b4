"""P-values of many tests from the same permutations, each alone and corrected for all."""

import numpy as np

# Statistics that differ by less, relative to the largest, are equal but for rounding.
_ROUNDING = 1e-9

# The share of the permutations whose statistics say how the tail falls, and fewest of them.
_TAIL, _FEWEST_IN_TAIL = 0.1, 5


def permutation_p_values(statistics: np.ndarray) -> np.ndarray:
    """Return the p-value of each test: the share of the splits with a statistic as large.

    Statistics are of shape (n_splits, n_tests); the first split is the observed one.
    """
    rounding = _ROUNDING * np.abs(statistics).max(axis=0, initial=0)
    return np.mean(statistics >= statistics[0] - rounding, axis=0)


def adjusted_p_values(kinds: list[np.ndarray]) -> list[np.ndarray]:
    """Return p-values corrected for all tests of all kinds; the kinds have equal weights.

    Each kind has the statistics of its tests, of shape (n_splits, n_tests); the first split is the
    observed one. This is the min-P procedure of Westfall and Young (1993), once among the tests of
    a kind and once among the kinds. It allows for the dependence of the tests, so that the smallest
    p-value is exact, and wide codes or many columns do not weaken the other kinds.
    """
    surprise = [np.column_stack([-tail_log_p(one, one) for one in kind.T]) for kind in kinds]
    largest = [one.max(axis=1) for one in surprise]
    of_kinds = np.column_stack([-tail_log_p(one, one) for one in largest]).max(axis=1)
    adjusted = []
    for one, of_kind in zip(surprise, largest, strict=True):
        observed = -tail_log_p(of_kind, one[0])
        as_large = of_kinds[:, np.newaxis] >= observed - _ROUNDING * (1 + observed)
        adjusted.append(as_large.mean(axis=0))
    return adjusted


def tail_log_p(statistics: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return logarithms of the p-values of statistics, from those of all splits.

    In the body of the distribution a p-value is a share of the splits. Above, it falls
    exponentially, at the rate of the splits there: p-values from a thousand splits could not tell
    apart which of a thousand tests is the most surprising (Knijnenburg et al., 2009).
    """
    ordered = np.sort(statistics)
    n_splits = len(ordered)
    rounding = _ROUNDING * np.abs(ordered).max()
    n_in_tail = min(n_splits, max(_FEWEST_IN_TAIL, int(_TAIL * n_splits)))
    start = ordered[-n_in_tail]
    excess = ordered[ordered > start + rounding] - start
    # The body, and the tail's share of the splits.
    n_as_large = n_splits - np.searchsorted(ordered, np.minimum(at, start) - rounding)
    log_p = np.log(n_as_large / n_splits)
    if len(excess):
        log_p -= np.maximum(at - start, 0) / excess.mean()
    return log_p
