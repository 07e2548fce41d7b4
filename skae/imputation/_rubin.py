"""Rubin's rules: one answer from those for several imputations."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from sklearn.utils import check_array

# Less than this of a variance is nothing: degrees of freedom are then those of a normal.
_LEAST_SHARE = 1e-9


class PooledEstimates(NamedTuple):
    """Estimates from several imputations as one; see :func:`skae.imputation.pool_estimates`."""

    estimate: np.ndarray
    standard_error: np.ndarray
    degrees_of_freedom: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    missing_information: np.ndarray


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
        Named arrays of shape (n_estimates,), or numbers:

        - `estimate`, the mean over the imputations;
        - `standard_error`, of the variance within imputations plus that between them;
        - `degrees_of_freedom` of its t distribution;
        - `lower` and `upper`, the bounds of the confidence interval;
        - `missing_information`, the share of the variance that is due to gaps.

    Raises
    ------
    ValueError
        If there are fewer than two imputations, shapes differ, or a variance is negative.

    See Also
    --------
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
    return PooledEstimates(estimate, error, freedom, estimate - reach, estimate + reach, share)
