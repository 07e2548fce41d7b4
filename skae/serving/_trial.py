"""Rows on which an estimator is tried, to see what it answers and which cells may be missing."""

import warnings
from collections import defaultdict
from contextlib import contextmanager
from numbers import Real

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from skae._compat import safe_indexing


@contextmanager
def quiet():
    """Keep back warnings, which say nothing here: the rows are made up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trial_rows(estimator, n_features):
    """Yield rows, of which an estimator takes one or the other.

    Zero is no value before a logarithm; encoders refuse all but the categories that they know.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.
    n_features : int
        How many columns it takes.

    Yields
    ------
    row : ndarray of shape (1, n_features)
    """
    yield np.zeros((1, n_features))
    yield np.ones((1, n_features))
    known = np.ones((1, n_features))
    for step, columns in _parts(estimator, np.arange(n_features)):
        if _knows_categories(step, columns):
            for column, (category, *_) in zip(columns, step.categories_, strict=True):
                known[0, column] = category if isinstance(category, Real) else 1
    yield known


def missing_cells(estimator, takes, row):
    """Return which cells of a row may be missing, or None if none may.

    Columns that go through the same steps are tried together, as each trial takes time. Encoders
    know a missing value in some of their columns only.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.
    takes : callable
        Whether it answers a row.
    row : ndarray of shape (1, n_features)
        A row that it answers.

    Returns
    -------
    missing : ndarray of bool of shape (n_features,) or None
    """
    n_features = row.shape[1]
    ways = [()] * n_features
    for number, (step, columns) in enumerate(_parts(estimator, np.arange(n_features))):
        alone = _knows_categories(step, columns)
        for column in columns:
            ways[column] += (number, column if alone else None)
    groups = defaultdict(list)
    for column, way in enumerate(ways):
        groups[way].append(column)
    missing = np.zeros(n_features, dtype=bool)
    for columns in groups.values():
        changed = row.copy()
        changed[0, columns] = np.nan
        missing[columns] = takes(changed)
    return missing if missing.any() else None


def _parts(step, columns):
    """Yield the steps of an estimator, however deep, each with the columns that it gets.

    Behind a step that changes columns these are still the columns that the Pipeline gets.

    Parameters
    ----------
    step : estimator or str
        A fitted one, "passthrough" or "drop".
    columns : ndarray of int
        The columns that it gets.

    Yields
    ------
    step : estimator or str
    columns : ndarray of int
    """
    if isinstance(step, ColumnTransformer) and step.n_features_in_ == len(columns):
        names = getattr(step, "feature_names_in_", None)
        table = columns[None] if names is None else pd.DataFrame([columns], columns=names)
        for _, part, chosen in step.transformers_:
            yield from _parts(part, np.ravel(safe_indexing(table, chosen, axis=1)))
    elif isinstance(step, Pipeline | FeatureUnion):
        for _, part in getattr(step, "steps", None) or step.transformer_list:
            yield from _parts(part, columns)
    elif hasattr(step, "best_estimator_"):
        yield from _parts(step.best_estimator_, columns)
    else:
        yield step, columns


def _knows_categories(step, columns):
    """Whether a step has a list of categories for each of its columns."""
    return len(getattr(step, "categories_", ())) == len(columns) > 0
