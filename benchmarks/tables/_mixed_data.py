"""Tables of numbers and categories: made ones, and tables of numbers of which some are binned."""

import numpy as np
import pandas as pd
from sklearn import datasets

from .._data import labelled_sets

MOST_ROWS = 3000
BINNED_SETS = ("cardio", "fault", "pendigits", "annthyroid")
BUNDLED = {
    "breast cancer": datasets.load_breast_cancer,
    "diabetes": datasets.load_diabetes,
    "wine": datasets.load_wine,
}


def binned(X, seed):
    """Return a table in which every other column is one of three to six bins, in any order.

    Its index says which rows of `X` were drawn.
    """
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X))[:MOST_ROWS]
    X = X[rows]
    columns = {}
    for i, values in enumerate(X.T):
        bins = pd.qcut(values, rng.integers(3, 7), duplicates="drop", labels=False)
        if i % 2 and len(np.unique(bins)) > 1:
            names = rng.permutation(list("abcdef"))
            columns[f"c{i}"] = pd.Categorical(names[bins])
        elif np.ptp(values) > 0:
            columns[f"x{i}"] = values
    return pd.DataFrame(columns, index=rows)


def made(seed, n_rows=MOST_ROWS, n_numbers=8, n_categories=8):
    """Return a table that three hidden numbers make, by curves and by boundaries."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_rows, 3))
    columns = {}
    for i in range(n_numbers):
        bent = np.tanh(hidden @ rng.normal(size=3)) + 0.5 * (hidden @ rng.normal(size=3)) ** 2
        columns[f"x{i}"] = bent + 0.2 * rng.normal(size=n_rows)
    for i in range(n_categories):
        centres = rng.normal(size=(rng.integers(3, 9), 3))
        distances = ((hidden[:, None] - centres) ** 2).sum(axis=2)
        found = (distances + rng.gumbel(scale=0.3, size=distances.shape)).argmin(axis=1)
        columns[f"c{i}"] = pd.Categorical([f"level {code}" for code in found])
    return pd.DataFrame(columns)


def binned_tables(folder):
    """Return tables of numbers and categories, by name."""
    tables = {f"made {seed}": made(seed) for seed in (0, 1)}
    tables |= {name: binned(load().data, 0) for name, load in BUNDLED.items()}
    sets = {name: X for name, X, _ in labelled_sets(folder) if name in BINNED_SETS}
    return tables | {name: binned(X, 0) for name, X in sets.items()}
