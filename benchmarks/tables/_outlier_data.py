"""Tables of numbers and categories with outliers: made, planted and labelled ones."""

import numpy as np
import pandas as pd

from .._data import labelled_sets
from ._mixed_data import BINNED_SETS, BUNDLED, MOST_ROWS, binned, made

N_ROWS, SHARE, SHARE_OF_GAPS = 2000, 0.05, 0.15

# Tables in which every level of an outlier is as common as elsewhere.
RARE_COMBINATIONS = (
    "made: rare pair",
    "made: rare pair, gaps",
    "made: rare triple",
    "made: category of another row",
    "made: category of another row, gaps",
    "breast cancer, planted",
    "diabetes, planted",
    "wine, planted",
)


def outlier_tables(folder, seed):
    """Return tables of numbers and categories with their labels, True for outliers, by name.

    The seed makes the tables, and draws the rows of others.
    """
    return _made_tables(seed) | _planted_tables(seed) | _labelled_tables(folder, seed)


def _made_tables(seed):
    rng = np.random.default_rng(seed)
    makers = {
        "made: rare pair": _rare_pair,
        "made: rare triple": _rare_triple,
        "made: category of another row": _other_category,
        "made: number given category": _number_given_category,
        "made: rare levels": _rare_levels,
    }
    tables = {name: make(rng, np.arange(N_ROWS) < SHARE * N_ROWS) for name, make in makers.items()}
    for name in ("made: rare pair", "made: category of another row"):
        table, y = tables[name]
        tables[f"{name}, gaps"] = table.mask(rng.random(table.shape) < SHARE_OF_GAPS), y
    return tables


def _table(numbers, codes):
    """Return a table of arrays of numbers and of codes of categories."""
    categories = {f"c{i}": _categories(one) for i, one in enumerate(np.transpose(codes))}
    return pd.DataFrame(numbers).add_prefix("x").assign(**categories)


def _categories(codes):
    return pd.Categorical([f"level {code}" for code in codes])


def _correlated(rng, n):
    """Return four numbers of two hidden ones."""
    hidden = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 4))
    return hidden + 0.5 * rng.normal(size=(n, 4))


def _rare_pair(rng, is_outlier):
    """Three pairs of columns: one tells two of five levels of the other; one pair breaks this."""
    n = len(is_outlier)
    first = rng.integers(5, size=(n, 3))
    step = rng.integers(2, size=(n, 3))
    broken = is_outlier[:, None] & (rng.integers(3, size=n)[:, None] == np.arange(3))
    second = (first + np.where(broken, rng.integers(2, 5, size=(n, 3)), step)) % 5
    others = rng.integers(5, size=(n, 2))
    return _table(_correlated(rng, n), np.column_stack([first, second, others])), is_outlier


def _rare_triple(rng, is_outlier):
    """Two triples of columns: two columns tell the third, but none tells another by itself."""
    n = len(is_outlier)
    first, second = rng.integers(4, size=(2, n, 2))
    broken = is_outlier[:, None] & (rng.integers(2, size=n)[:, None] == np.arange(2))
    third = (first + second + broken * rng.integers(1, 4, size=(n, 2))) % 4
    others = rng.integers(4, size=(n, 2))
    codes = np.column_stack([first, second, third, others])
    return _table(_correlated(rng, n), codes), is_outlier


def _other_category(rng, is_outlier):
    """Three hidden numbers make all columns; two categories of an outlier are another row's."""
    table = made(int(rng.integers(2**31)), len(is_outlier))
    return _with_other_categories(table, is_outlier, rng), is_outlier


def _with_other_categories(table, is_outlier, rng, n_changed=2):
    """Return a table in which categories of outliers are another level, as frequent as it is."""
    table = table.copy()
    names = [name for name, dtype in table.dtypes.items() if dtype == "category"]
    for i in np.flatnonzero(is_outlier):
        for name in rng.choice(names, n_changed, replace=False):
            levels = table[name]
            table.loc[table.index[i], name] = rng.choice(levels[levels != levels.iloc[i]])
    return table


def _number_given_category(rng, is_outlier):
    """Six kinds of rows with means of their own; an outlier has the name of another kind."""
    n = len(is_outlier)
    kind = rng.integers(6, size=n)
    numbers = 1.5 * rng.normal(size=(6, 4))[kind] + 0.5 * rng.normal(size=(n, 4))
    named = (kind + is_outlier * rng.integers(1, 6, size=n)) % 6
    others = rng.integers(5, size=(n, 4))
    numbers = np.column_stack([numbers, _correlated(rng, n)])
    return _table(numbers, np.column_stack([named, others])), is_outlier


def _rare_levels(rng, is_outlier):
    """Independent categories; two of eight have a rare level, which others seldom have, too."""
    n = len(is_outlier)
    codes = rng.choice(5, size=(n, 8), p=[0.4, 0.3, 0.2, 0.09, 0.01])
    chosen = rng.random((n, 8)).argsort(axis=1) < 2
    codes[is_outlier[:, None] & chosen] = 4
    return _table(_correlated(rng, n), codes), is_outlier


def _planted_tables(seed):
    """Return scikit-learn's tables, every other column binned, with outliers put into them."""
    rng = np.random.default_rng(seed)
    tables = {}
    for name, load in BUNDLED.items():
        table = binned(load().data, seed)
        is_outlier = np.arange(len(table)) < SHARE * len(table)
        tables[f"{name}, planted"] = _with_other_categories(table, is_outlier, rng), is_outlier
    return tables


def _labelled_tables(folder, seed):
    tables = {}
    for name, X, y in labelled_sets(folder):
        if name in BINNED_SETS:
            table = binned(X, seed)
            tables[f"{name}, binned"] = table, y[table.index] == 1
        elif name in _TYPED_SETS:
            rows = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
            tables[name] = _TYPED_SETS[name](X[rows]), y[rows] == 1
    return tables


def _with_few_values(X):
    """Return a table in which columns of at most three values are categories.

    A value between whole numbers is the mean that someone put into gaps, which it becomes again.
    """
    columns = {}
    for i, values in enumerate(X.T):
        if len(np.unique(values)) <= 3:
            names = pd.Series([f"level {value:.0f}" for value in values])
            values = pd.Categorical(names.where(values == values.round()))
        columns[f"x{i}"] = values
    return pd.DataFrame(columns)


def _with_joined_ones(X):
    """Return a table in which neighbouring columns that add up to one are a category."""
    columns, start = {}, 0
    while start < X.shape[1]:
        is_one = (X[:, start:].cumsum(axis=1) == 1).all(axis=0)
        stop = start + 1 + is_one.argmax()
        cells = X[:, start:stop]
        columns[f"x{start}"] = _categories(cells.argmax(axis=1)) if is_one.any() else cells[:, 0]
        start = stop
    return pd.DataFrame(columns)


# Sets that once had categories.
_TYPED_SETS = {
    "Hepatitis": _with_few_values,
    "campaign": _with_joined_ones,
    "donors": _with_few_values,
}
