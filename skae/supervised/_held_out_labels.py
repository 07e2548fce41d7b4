"""The labelled rows that judge the epochs of a training."""

from typing import Any

import numpy as np

from skae.estimators.base import MIN_VALIDATION_ROWS

from ._labels import KnownLabels


def held_out_labels(
    labels: KnownLabels, strata: np.ndarray, params: Any, rng: np.random.RandomState
) -> np.ndarray:
    """Return a mask of the labelled rows that judge, a share of those of each stratum.

    The last row of a stratum is never held out. `params` is the estimator whose parameters say how
    many are.
    """
    held_out = np.zeros(len(labels.known), dtype=bool)
    if params.early_stopping is False:
        return held_out
    share = params.validation_fraction
    for stratum in np.unique(strata[labels.known]):
        members = rng.permutation(np.flatnonzero(labels.known & (strata == stratum)))
        held_out[members[: min(len(members) - 1, round(share * len(members)))]] = True
    n_held_out = int(held_out.sum())
    if params.early_stopping == "auto":
        return held_out if n_held_out >= MIN_VALIDATION_ROWS else np.zeros_like(held_out)
    if n_held_out == 0:
        raise ValueError(
            f"early_stopping=True holds out validation_fraction={share} of the labelled rows, "
            f"which is none of the {int(labels.known.sum())}. Raise it, or set "
            f"early_stopping='auto'."
        )
    return held_out
