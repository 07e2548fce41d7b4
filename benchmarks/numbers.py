"""R² with few labels that are numbers: one column of a table from the others."""

from functools import partial

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skae import AutoencoderRegressor

from ._data import labelled_sets

SEEDS = range(5)
LEAST_ROWS, MOST_ROWS = 300, 1_500
# A ridge regression whose penalty is chosen by left-out labels.
PENALTIES = np.logspace(-2, 4, 20)


def run_numbers(folder):
    """Measure numbers with 30 and 100 labels: means over five draws, and over the tables.

    Yields
    ------
    results : DataFrame
        R² on new rows of each method, and the worst of ours.
    """
    for n_labels in (30, 100):
        rows = []
        for name, X, y in _tables(folder):
            draws = pd.DataFrame([_measure(X, y, n_labels, seed) for seed in SEEDS])
            worst = draws["skae"].min()
            rows.append({"data": name, "labels": n_labels, **draws.mean(), "skae, worst": worst})
            print(rows[-1], flush=True)
        yield with_mean(rows)


def with_mean(rows):
    """Return results of tables, all with as many labels, as a DataFrame with their mean below."""
    table = pd.DataFrame(rows)
    mean = {"data": "mean", **table.mean(numeric_only=True), "labels": rows[0]["labels"]}
    return pd.concat([table, pd.DataFrame([mean])])


def _tables(folder):
    """Yield name, rows and numbers: of a table without these, its column of most values."""
    yield "diabetes", *datasets.load_diabetes(return_X_y=True)
    others = [
        ("wine", datasets.load_wine().data),
        ("breast cancer", datasets.load_breast_cancer().data),
    ]
    for name, X, _ in labelled_sets(folder):
        if name not in ("mnist", "optdigits") and len(X) >= LEAST_ROWS:
            others.append((name, X))
    for name, X in others:
        place = np.argmax([len(np.unique(column)) for column in X.T])
        yield name, np.delete(X, place, axis=1), X[:, place]


def _measure(X, y, n_labels, seed):
    """Return the R² of each method on new rows."""
    if len(X) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, random_state=seed)
    X, new, y, y_new = train_test_split(X, y, test_size=0.3, random_state=seed)
    scaler = StandardScaler().fit(X)
    X, new = scaler.transform(X), scaler.transform(new)
    known = np.zeros(len(y), dtype=bool)
    known[np.random.RandomState(seed).permutation(len(y))[:n_labels]] = True
    ours = partial(AutoencoderRegressor, random_state=seed)
    return {
        "skae": ours().fit(X, np.where(known, y, np.nan)).score(new, y_new),
        "labels alone": ours().fit(X[known], y[known]).score(new, y_new),
        "RidgeCV": RidgeCV(PENALTIES).fit(X[known], y[known]).score(new, y_new),
        "HistGradientBoosting": HistGradientBoostingRegressor()
        .fit(X[known], y[known])
        .score(new, y_new),
    }
