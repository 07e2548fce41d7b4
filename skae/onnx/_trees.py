"""Trees that no converter can express."""

from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ._probes import column_that_may_be_missing

_CURE = "Fill in what is missing in a step before, SimpleImputer for example, and fit again."


def check_trees(steps, rows, answer):
    """Refuse trees whose way with missing values skl2onnx loses.

    It sends them to the right at every split, where scikit-learn's trees learn a side. And a split
    between missing values and all others has an infinite threshold, for which it looks for the next
    number without an end.

    Parameters
    ----------
    steps : list of (str, estimator)
        What the model does one after the other; the trees may be anywhere in them.
    rows : ndarray or DataFrame
        Rows that the model takes.
    answer : callable
        Returns what the model gives for rows.

    Raises
    ------
    ValueError
        If there is such a tree. Sides matter only if missing values come to it.
    """
    for i, (name, step) in enumerate(steps):
        trees = [tree for one in _estimators_in(step, set()) if (tree := _tree_of(one)) is not None]
        if any(np.isinf(tree.threshold).any() for tree in trees):
            raise ValueError(
                f"Step {name!r} has trees that were fitted on missing values and split at them, "
                f"which has no converter. {_CURE}"
            )
        if any(tree.missing_go_to_left.any() for tree in trees):
            before = Pipeline(steps[:i]) if i else None
            column = column_that_may_be_missing(rows, partial(_with_gaps_in_step, before, answer))
            if column is not None:
                raise ValueError(
                    f"NaN in column {column!r} comes to the trees of step {name!r}, which learned "
                    f"a side for it at each split. The converter knows one side only. {_CURE}"
                )


def _with_gaps_in_step(before, answer, row):
    """Return what a step gets of a row that the model takes; raise if nothing is missing in it."""
    answer(row)
    X = row if before is None else before.transform(row)
    cells = X.toarray() if sparse.issparse(X) else np.asarray(X)
    if not pd.isna(cells).any():
        raise ValueError("Nothing is missing.")
    return X


def _tree_of(estimator):
    tree = getattr(estimator, "tree_", None)
    return tree if hasattr(tree, "missing_go_to_left") else None


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
