"""Rows on which an estimator is tried, to see what it answers and which cells may be missing."""

import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd

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
    ones = np.ones((1, n_features))
    yield ones
    names = getattr(estimator, "feature_names_in_", None)
    for column, category in _categories(estimator, np.arange(n_features), names):
        ones[0, column] = category
    yield ones


def takes_missing(takes, row):
    """Return which cells of a row may be missing, or None if none may.

    Parameters
    ----------
    takes : callable
        Whether the estimator answers a row.
    row : ndarray of shape (1, n_features)
        A row that it answers.

    Returns
    -------
    missing : ndarray of bool of shape (n_features,) or None
    """
    if takes(np.full_like(row, np.nan)):
        return np.ones(row.shape[1], dtype=bool)
    missing = np.zeros(row.shape[1], dtype=bool)
    for column in range(row.shape[1]):
        changed = row.copy()
        changed[0, column] = np.nan
        missing[column] = takes(changed)
    return missing if missing.any() else None


def _categories(step, columns, names):
    """Yield columns of encoders, which may be steps of others, and a number that each knows.

    Parameters
    ----------
    step : estimator or str
        A fitted one, "passthrough" or "drop".
    columns : ndarray of int
        The columns that it gets.
    names : array-like of str or None
        Their names, by which a ColumnTransformer may know them.

    Yields
    ------
    column : int
    category : number
    """
    if hasattr(step, "transformers_"):
        table = columns[None] if names is None else pd.DataFrame([columns], columns=names)
        for _, part, chosen in step.transformers_:
            some = np.ravel(safe_indexing(table, chosen, axis=1))
            yield from _categories(part, some, chosen)
    elif hasattr(step, "steps"):
        for _, part in step.steps:
            yield from _categories(part, columns, names)
    elif hasattr(step, "transformer_list"):
        for _, part in step.transformer_list:
            yield from _categories(part, columns, names)
    elif hasattr(step, "best_estimator_"):
        yield from _categories(step.best_estimator_, columns, names)
    elif len(getattr(step, "categories_", ())) == len(columns):
        for column, categories in zip(columns, step.categories_, strict=True):
            if np.isreal(categories[0]):
                yield column, categories[0]
