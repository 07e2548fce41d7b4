"""Rubin's rules: one answer from those for several imputations."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.utils import check_array

# Less than this of a variance is nothing: degrees of freedom are then those of a normal.
_LEAST_SHARE = 1e-9


class PooledEstimates(NamedTuple):
    """Estimates from several imputations as one: a named tuple of arrays, or of numbers.

    Parameters
    ----------
    estimate : ndarray of shape (n_estimates,), or float
        The mean over the imputations.
    standard_error : ndarray of shape (n_estimates,), or float
        The square root of the variance within imputations plus that between them.
    degrees_of_freedom : ndarray of shape (n_estimates,), or float
        Those of the t distribution of the estimate.
    lower, upper : ndarray of shape (n_estimates,), or float
        The bounds of the confidence interval.
    missing_information : ndarray of shape (n_estimates,), or float
        The share of the variance that is due to gaps.

    See Also
    --------
    pool_estimates : Makes it.

    Examples
    --------
    >>> from skae.imputation import pool_estimates
    >>> pooled = pool_estimates([1.0, 1.2, 1.1], [0.04, 0.05, 0.03], confidence=0.9)
    >>> print(f"{pooled.lower:.2f} to {pooled.upper:.2f}")
    0.71 to 1.49
    """

    estimate: np.ndarray | float
    standard_error: np.ndarray | float
    degrees_of_freedom: np.ndarray | float
    lower: np.ndarray | float
    upper: np.ndarray | float
    missing_information: np.ndarray | float


def pool_estimates(
    estimates: ArrayLike, variances: ArrayLike, *, confidence: float = 0.95
) -> PooledEstimates:
    """Combine estimates from several imputations of one table (Rubin, 1987).

    Parameters
    ----------
    estimates : array-like of shape (n_imputations,) or (n_imputations, n_estimates)
        The estimates from each imputation, such as the coefficients of a regression.
    variances : array-like of the same shape
        Their squared standard errors, as if the table had been complete.
    confidence : float, default=0.95
        Coverage of the intervals, in (0, 1).

    Returns
    -------
    pooled : PooledEstimates
        Named arrays of shape (n_estimates,), or numbers: the estimate, its standard error, the
        confidence interval, and the share of the variance that is due to gaps.

    Raises
    ------
    ValueError
        If there are fewer than two imputations, shapes differ, or a variance is negative.

    See Also
    --------
    PooledEstimates : Describes the answer.
    skae.AutoencoderImputer.sample_imputations : The imputations.

    References
    ----------
    D. B. Rubin, 1987. Multiple imputation for nonresponse in surveys. Wiley.

    Examples
    --------
    >>> from skae.imputation import pool_estimates
    >>> pooled = pool_estimates([1.0, 1.2, 1.1], [0.04, 0.05, 0.03])
    >>> print(f"{pooled.estimate:.2f} +- {pooled.standard_error:.2f}")
    1.10 +- 0.23
    """
    given = estimates, variances
    values, within = (
        check_array(one, ensure_2d=False, dtype=np.float64, ensure_min_samples=2, input_name=name)
        for one, name in zip(given, ("estimates", "variances"), strict=True)
    )
    if values.shape != within.shape or (within < 0).any():
        raise ValueError(
            f"variances must be those of the estimates, none of them negative: got shape "
            f"{within.shape} and a least value of {within.min():.3g}, for estimates of shape "
            f"{values.shape}. Give squared standard errors."
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}.")
    n = len(values)
    between = (1 + 1 / n) * values.var(axis=0, ddof=1)
    total = within.mean(axis=0) + between
    share = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    freedom = (n - 1) / np.maximum(share, _LEAST_SHARE) ** 2
    estimate, error = values.mean(axis=0), np.sqrt(total)
    reach = stats.t.ppf((1 + confidence) / 2, freedom) * error
    pooled = estimate, error, freedom, estimate - reach, estimate + reach, share
    # Numbers are plain ones, as those of NumPy say their type where they are shown.
    return PooledEstimates(*(one if np.ndim(one) else float(one) for one in pooled))
