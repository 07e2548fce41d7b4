"""Rows on which an estimator is tried, to learn what it answers and which cells may be missing."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from skae._compat import safe_indexing


def trial_rows(estimator: Any, n_features: int) -> Iterator[np.ndarray]:
    """Yield rows of shape (1, n_features), until the estimator answers one.

    A logarithm refuses zero; encoders refuse all but the categories that they know.
    """
    yield np.zeros((1, n_features))
    yield np.ones((1, n_features))
    known = np.ones((1, n_features))
    for step, columns in _steps(estimator, np.arange(n_features)):
        if _knows_categories(step, columns):
            for column, (category, *_) in zip(columns, step.categories_, strict=True):
                known[0, column] = category if isinstance(category, Real) else 1
    yield known


def missing_cells(
    estimator: Any, answers: Callable[[np.ndarray], bool], row: np.ndarray
) -> np.ndarray | None:
    """Return which cells of a row that the estimator answers may be missing; None if none may.

    Columns that go through the same steps are tried together, as each trial takes time. Of an
    encoder each column is tried alone: it knows a missing value in some of its columns only.
    """
    n_features = row.shape[1]
    ways: list[tuple] = [()] * n_features
    for number, (step, columns) in enumerate(_steps(estimator, np.arange(n_features))):
        alone = _knows_categories(step, columns)
        for column in columns:
            ways[column] += (number, column if alone else None)
    groups = defaultdict(list)
    for column, way in enumerate(ways):
        groups[way].append(column)
    missing = np.zeros(n_features, dtype=bool)
    for group in groups.values():
        # A row without any value may be refused for that alone.
        parts = [group[:1], group[1:]] if len(group) == n_features > 1 else [group]
        missing[group] = all(answers(_without(row, part)) for part in parts)
    return missing if missing.any() else None


def _without(row: np.ndarray, columns: list[int]) -> np.ndarray:
    """Return a row without values in some columns."""
    changed = row.copy()
    changed[0, columns] = np.nan
    return changed


def _steps(step: Any, columns: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield all steps of an estimator, however deep, each with the numbers of its columns.

    Behind a step that changes columns these are still the columns that the Pipeline gets. A step
    may be "passthrough" or "drop".
    """
    if isinstance(step, ColumnTransformer) and step.n_features_in_ == len(columns):
        names = getattr(step, "feature_names_in_", None)
        table = columns[None] if names is None else pd.DataFrame([columns], columns=names)
        for _, part, chosen in step.transformers_:
            yield from _steps(part, np.ravel(safe_indexing(table, chosen, axis=1)))
    elif isinstance(step, Pipeline | FeatureUnion):
        for _, part in getattr(step, "steps", None) or step.transformer_list:
            yield from _steps(part, columns)
    elif hasattr(step, "best_estimator_"):
        yield from _steps(step.best_estimator_, columns)
    else:
        yield step, columns


def _knows_categories(step: Any, columns: np.ndarray) -> bool:
    """Whether a step has a list of categories for each of its columns."""
    return len(getattr(step, "categories_", ())) == len(columns) > 0
