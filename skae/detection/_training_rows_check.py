"""A warning for a reference of rows that the model was trained on."""

from typing import Any

import numpy as np
from scipy.stats import binom

from skae._fitted import last_step
from skae._warnings import warn_caller
from skae.estimators.base import BaseAutoencoder
from skae.tables import dense, detached

from ._fitted_detector import FittedDetector

# Codes in units of their standard deviations that differ by less are those of the same row.
_ROUNDING = 2e-5

# The same of means of codes.
_ROUNDING_OF_MEANS = 1e-6

# The rounding of a mean of codes of rows far from zero, in roundings of these rows.
_ROUNDINGS = 4

# Probability that rows the model has not seen raise the warning.
_RARE = 1e-6


def warn_of_training_rows(model: Any, codes: np.ndarray) -> None:
    """Warn if a model's codes of the reference are those of its training rows."""
    model = last_step(model)
    # A FrozenEstimator holds a fitted estimator, which may have steps.
    model = last_step(getattr(model, "estimator", model))
    if _has_moments(codes, _training_moments(model)) or _share_rows(_training_codes(model), codes):
        warn_caller(
            f"The reference holds rows that the model was trained on: their codes are those of "
            f"the training rows of this {type(model).__name__}. A model scores its training rows "
            f"better than any others, so drift will be found in every batch. Fit the detector on "
            f"rows that were held out: DriftDetector(model.fit(X_train)).fit(X_heldout)."
        )


def _training_moments(model: Any) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Return mean and standard deviation of the codes of all training rows, or None.

    The third value is what rounding of the rows may change of a mean.
    """
    if isinstance(model, BaseAutoencoder):
        center, scale = _units_of(model)
        _, mean, variance = model._code_moments
        return (mean - center) / scale, np.sqrt(variance) / scale, 0.0
    if hasattr(model, "explained_variance_"):
        # Principal components.
        spread = np.sqrt(np.asarray(detached(model.explained_variance_), dtype=np.float64))
        means, components = detached(model.mean_), detached(model.components_)
        rounding = _ROUNDINGS * float(np.linalg.norm(means)) * np.finfo(components.dtype).eps
        if getattr(model, "whiten", False):
            rounding, spread = rounding / spread.min(initial=1.0, where=spread > 0), spread**0
        return np.zeros_like(spread), spread, rounding
    return None


def _training_codes(model: Any) -> np.ndarray | None:
    """Return the codes of some training rows, or None."""
    if isinstance(model, FittedDetector):
        return np.asarray(model._ensemble.encode(dense(model._reference.rows)), dtype=np.float64)
    if isinstance(model, BaseAutoencoder) and model._some_codes is not None:
        center, scale = _units_of(model)
        return (np.asarray(detached(model._some_codes[0]), dtype=np.float64) - center) / scale
    return None


def _units_of(autoencoder: BaseAutoencoder) -> tuple[np.ndarray, np.ndarray]:
    """Return what is subtracted from the latent's codes, and their divisors."""
    module = autoencoder.net_.module_
    center, scale = (
        detached(one).astype(np.float64) for one in (module.code_mean, module.code_scale)
    )
    return center, scale


def _has_moments(codes: np.ndarray, moments: tuple[np.ndarray, np.ndarray, float] | None) -> bool:
    """Return whether codes have the mean of those of all training rows, but for rounding.

    The means of other rows differ from it by a thousandth of a standard deviation if there are a
    million of them.
    """
    if moments is None:
        return False
    mean, spread, of_rows = moments
    varies = spread > 0
    if len(mean) != codes.shape[1] or not varies.any():
        return False
    rounding = _ROUNDING_OF_MEANS * (spread + np.abs(mean)) + of_rows
    return bool((np.abs(codes.mean(axis=0) - mean) <= rounding)[varies].all())


def _share_rows(first: np.ndarray | None, second: np.ndarray) -> bool:
    """Return whether two samples of codes have more rows in common than chance explains.

    Independent rows may be equal, too, as in tables of zeros and ones. Where just two rows are
    equal, chance says whether they are in one sample or in both.
    """
    if first is None or first.shape[1] != second.shape[1]:
        return False
    rows = np.concatenate([first, second])
    spread = rows.std(axis=0)
    rows = rows[:, spread > 0] / spread[spread > 0]
    if rows.shape[1] == 0:
        return False
    # Equal rows have neighbouring places on any line.
    order = np.argsort(rows @ np.random.default_rng(0).normal(size=rows.shape[1]))
    same = np.abs(np.diff(rows[order], axis=0)).max(axis=1) <= _ROUNDING
    alone = ~np.concatenate([[False], same, [False]])
    is_pair = same & alone[:-2] & alone[2:]
    in_second = order >= len(first)
    n_split = np.sum(is_pair & (in_second[:-1] != in_second[1:]))
    n, m = len(first), len(second)
    chance = 2 * n * m / ((n + m) * (n + m - 1))
    return bool(binom.sf(n_split - 1, is_pair.sum(), chance) < _RARE)
