"""Trees that no converter can express."""

import numpy as np
from sklearn.base import BaseEstimator


def check_trees(model):
    """Refuse trees with a split between missing values and all others.

    Its threshold is infinite, and skl2onnx looks for the number next to that without an end.

    Parameters
    ----------
    model : estimator
        Fitted; the trees may be anywhere in it.

    Raises
    ------
    ValueError
        If there is such a tree.
    """
    for estimator in _estimators_in(model, set()):
        thresholds = getattr(getattr(estimator, "tree_", None), "threshold", None)
        if thresholds is not None and np.isinf(thresholds).any():
            raise ValueError(
                f"A {type(estimator).__name__} of the model was fitted on missing values and "
                f"splits at them, which has no converter. Fill in what is missing in a step "
                f"before, SimpleImputer for example, and fit again."
            )


def _estimators_in(value, seen):
    """Yield all estimators that an object consists of."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, BaseEstimator):
        yield value
        parts = vars(value).values()
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == "O"):
        parts = np.ravel(value) if isinstance(value, np.ndarray) else value
    else:
        return
    for part in parts:
        yield from _estimators_in(part, seen)
