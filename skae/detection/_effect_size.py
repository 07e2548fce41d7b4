"""The size of a difference between two samples, with its interval."""

import numpy as np
from scipy.stats import t as student


def superiority(
    reference: np.ndarray, batch: np.ndarray, level: float, window: int | None
) -> tuple[float, float, float]:
    """Return the probability that a value of the batch is above one of the reference.

    Ties count half. With it come the ends of an interval that covers it with probability `level`:
    Wilson's (1927), for the number of rows at which a share has the variance of DeLong et al.
    (1988). With a `window`, this variance is that of blocks of dependent rows.
    """
    of_batch = _share_below(reference, batch)
    of_reference = 1 - _share_below(batch, reference)
    effect = of_batch.mean()
    variance = of_batch.var(ddof=1) / len(batch) + of_reference.var(ddof=1) / len(reference)
    freedom = len(batch) + len(reference) - 2
    n_rows: float = min(len(batch), len(reference))
    if window is not None:
        ratio, freedom = _inflation([of_reference - effect, of_batch - effect], window)
        variance, n_rows = variance * ratio, max(1, n_rows / ratio)
    if variance > 0:
        n_rows = effect * (1 - effect) / variance
    low, high = _wilson(effect, n_rows, student.isf((1 - level) / 2, freedom))
    return float(effect), low, high


def _share_below(sample: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the share of a sample that is below each value; equal ones count half."""
    ordered = np.sort(sample)
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + up_to) / (2 * len(ordered))


def _wilson(share: float, n_rows: float, quantile: float) -> tuple[float, float]:
    shrinkage = quantile**2 / n_rows
    center = (share + shrinkage / 2) / (1 + shrinkage)
    half = np.sqrt(shrinkage * (share * (1 - share) + shrinkage / 4)) / (1 + shrinkage)
    # The share is in the interval, also after rounding.
    return float(min(share, max(0, center - half))), float(max(share, min(1, center + half)))


def _inflation(samples: list[np.ndarray], window: int) -> tuple[float, int]:
    """Return the factor by which dependence raises variances of means, and the number of blocks.

    The samples are centred, and ordered in time. The variance is that of the means of blocks.
    These vary too little by what is between two blocks; the difference to blocks of half the
    length corrects this (Vats and Flegal, 2022).
    """
    length = max(window, int(np.sqrt(sum(map(len, samples)))))
    of_rows = sum(one @ one for one in samples)
    if of_rows == 0:
        return 1.0, sum(map(len, samples)) - 2
    whole, n_blocks = _of_blocks(samples, length)
    half, _ = _of_blocks(samples, max(1, length // 2))
    freedom = max(1, n_blocks - 2)
    corrected = max(whole, 2 * whole - half) * n_blocks / freedom
    return float(corrected / of_rows), freedom


def _of_blocks(samples: list[np.ndarray], length: int) -> tuple[float, int]:
    """Return the sum of the squared sums of blocks, and the number of blocks."""
    sums = np.concatenate(
        [
            np.add.reduceat(
                one, np.linspace(0, len(one), max(1, len(one) // length) + 1)[:-1].astype(int)
            )
            for one in samples
        ]
    )
    return float(sums @ sums), len(sums)
