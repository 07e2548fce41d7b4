"""Which scores are beyond all that ordinary rows have."""

import numpy as np

# Quantiles of the scores of ordinary rows that tell how heavy their tail is.
_LOW, _MIDDLE, _HIGH = 0.05, 0.5, 0.8

# Largest share of outliers.
_MOST = 0.2

# Ordinary rows beyond the limit that are expected in a table.
_EXPECTED = 0.5

# Fewer scores do not tell how heavy their tail is. Of more, the tail may be heavier than it looks,
# by so many standard errors.
_FEWEST = 40
_STANDARD_ERRORS = 1.5

# The ranges before and beyond the gap are a factor of two wide. A group has more than 2.5 times as
# many scores beyond the gap as there are before it, plus one.
_WIDTH, _TIMES_BEFORE, _FEW = np.log(2), 2.5, 1

# The distance of the upper two quantiles for an exponential tail of scale one, and the standard
# error of that distance times the root of the number of scores.
_SPAN = np.log((1 - _MIDDLE) / (1 - _HIGH))
_ERROR_OF_SPAN = np.sqrt(1 / (1 - _HIGH) - 1 / (1 - _MIDDLE))


def n_ordinary_scores(scores: np.ndarray) -> int:
    """Return how many of the scores, which are in rising order, ordinary rows can have.

    The others are above the limit to which the tail of the ordinary ones reaches. The logarithm of
    their scores is taken to have an exponential tail, as heavy as that between the median and the
    80% quantile: that is a power law for the scores themselves, heavier than the tail of most
    tables. The fewer scores there are, the heavier it may be. The limit is where half a row is
    expected, so that nearly no row of a clean table is beyond it. Where some are, they have to be a
    group of their own. Up to a fifth of the rows may be, and none of fewer than forty.
    """
    if len(scores) < _FEWEST:
        return len(scores)
    n = len(scores) - np.arange(int(_MOST * len(scores)) + 1)
    low, middle, high = (scores[(share * (n - 1)).astype(int)] for share in (_LOW, _MIDDLE, _HIGH))
    # Where most rows are equal there is no tail to follow.
    known = (low < middle) & (middle < high)
    with np.errstate(all="ignore"):
        # Scores have no natural zero: it is as far below the low ones as the median is above.
        zero = 2 * low - middle
        slope = np.log((high - zero) / (middle - zero)) / _SPAN
        slope *= 1 + _STANDARD_ERRORS * _ERROR_OF_SPAN / _SPAN / np.sqrt(n)
        beyond = slope * np.log((1 - _HIGH) * n / _EXPECTED)
        limit = zero + (high - zero) * np.exp(beyond)
    next_one = np.append(scores, np.nan)[n]
    places = np.flatnonzero(known & (next_one > limit))
    if not len(places):
        return len(scores)
    last = places[-1]
    return int(n[last]) if _are_apart(scores, n[last], zero[last]) else len(scores)


def _are_apart(scores: np.ndarray, n_ordinary: int, zero: float) -> bool:
    """Return whether the scores above the ordinary ones are a group, and no end of their tail.

    A tail becomes thinner. Of a group there are more scores beyond the gap than before it, where
    neither range is wider than a factor of two.
    """
    logs = np.log(np.maximum(scores - zero, np.finfo(np.float64).tiny))
    beyond = logs[n_ordinary:]
    before = n_ordinary - np.searchsorted(logs, beyond[0] - _WIDTH)
    most = (np.searchsorted(beyond, beyond + _WIDTH) - np.arange(len(beyond))).max()
    return bool(most > _TIMES_BEFORE * (before + _FEW))
