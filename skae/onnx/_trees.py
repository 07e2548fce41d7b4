"""Trees that no converter can express."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skae.tables import dense

from ._outputs import ModelOutput
from ._probes import column_that_may_be_missing
from ._sample import Columns, Sample

_CURE = "Fill in what is missing in a step before, SimpleImputer for example, and fit again."


def check_trees(output: ModelOutput, sample: Sample) -> None:
    """Refuse trees whose way with missing values skl2onnx loses, anywhere in a model.

    It sends them to the right at every split, where scikit-learn's trees learn a side, which
    matters only if missing values come to them. And a split between missing values and all others
    has an infinite threshold, for which it looks for the next number without an end.
    """
    for i, (name, step) in enumerate(output.steps):
        trees = [tree for one in _estimators_in(step, set()) if (tree := _tree_of(one)) is not None]
        if any(np.isinf(tree.threshold).any() for tree in trees):
            raise ValueError(
                f"Step {name!r} has trees that were fitted on missing values and split at them, "
                f"which has no converter. {_CURE}"
            )
        if not any(tree.missing_go_to_left.any() for tree in trees):
            continue
        before = Pipeline(output.steps[:i]) if i else None

        def with_gaps_in_step(columns: Columns, before: Pipeline | None = before) -> np.ndarray:
            """Return a row as the step gets it, if the model takes it and a cell is missing."""
            row = sample.rows(columns)
            output.of(row)
            X = row if before is None else before.transform(row)
            cells = dense(X)
            if not pd.isna(cells).any():
                raise ValueError("Nothing is missing.")
            return cells

        column = column_that_may_be_missing(sample, with_gaps_in_step)
        if column is not None:
            raise ValueError(
                f"NaN in column {column!r} comes to the trees of step {name!r}, which learned "
                f"a side for it at each split. The converter knows one side only. {_CURE}"
            )


def _tree_of(estimator: BaseEstimator) -> Any:
    """Return the tree of scikit-learn that an estimator is, or None."""
    tree = getattr(estimator, "tree_", None)
    return tree if hasattr(tree, "missing_go_to_left") else None


def _estimators_in(value: Any, seen: set[int]) -> Iterator[BaseEstimator]:
    """Yield all estimators that an object consists of."""
    if id(value) in seen:
        return
    seen.add(id(value))
    parts: Any = ()
    if isinstance(value, BaseEstimator):
        yield value
        parts = vars(value).values()
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value
    elif isinstance(value, np.ndarray) and value.dtype == "O":
        parts = value.ravel()
    for part in parts:
        yield from _estimators_in(part, seen)
