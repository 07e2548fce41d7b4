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
    expected, so that nearly no row of a clean table is beyond it. Up to a fifth of the rows may
    be, and none of fewer than forty.
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
    return int(n[known & (next_one > limit)].min(initial=len(scores)))
