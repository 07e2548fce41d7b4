"""How well gaps are filled, beside other imputers: errors of hidden cells of rows that are new."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from skae import AutoencoderImputer

from .._data import labelled_sets

SEEDS = (0, 1, 2)
MOST_ROWS = 3000
SMALL = 200

# Tables of more columns are left out for trees in every column: they take minutes.
_MOST_FOR_TREES = 40


@dataclass
class IterativePCA:
    """Fills gaps by a PCA of the filled rows, again and again (Josse and Husson, 2012)."""

    n_components: int = 4
    n_rounds: int = 100

    def fit(self, X):
        """Learn mean and directions."""
        self.mean_, self.directions_ = np.nanmean(X, axis=0), None
        filled = self._rounds(X)
        self.mean_ = filled.mean(axis=0)
        self.directions_ = self._directions(filled)
        return self

    def transform(self, X):
        """Return rows without gaps."""
        return self._rounds(X)

    def _rounds(self, X):
        gaps = np.isnan(X)
        filled = np.where(gaps, self.mean_, X)
        for _ in range(self.n_rounds):
            mean, directions = self.mean_, self.directions_
            if directions is None:
                mean, directions = filled.mean(axis=0), self._directions(filled)
            answers = (filled - mean) @ directions.T @ directions + mean
            before, filled = filled, np.where(gaps, answers, X)
            if np.abs(filled - before).max() < 1e-4:
                break
        return filled

    def _directions(self, filled):
        k = min(self.n_components, filled.shape[1] - 1)
        return np.linalg.svd(filled - filled.mean(axis=0), full_matrices=False)[2][:k]


def _with_trees():
    trees = ExtraTreesRegressor(n_estimators=10, min_samples_leaf=2, random_state=0)
    return IterativeImputer(trees, max_iter=2, random_state=0)


OURS = "skae"
IMPUTERS: dict[str, Callable] = {
    OURS: lambda: AutoencoderImputer(random_state=0),
    "normal (skae, max_iter=0)": lambda: AutoencoderImputer(max_iter=0, random_state=0),
    "mean": SimpleImputer,
    "KNN": KNNImputer,
    "IterativeImputer, 1 round": lambda: IterativeImputer(max_iter=1, random_state=0),
    "IterativeImputer, 2 rounds": lambda: IterativeImputer(max_iter=2, random_state=0),
    "IterativeImputer, 10 rounds": lambda: IterativeImputer(max_iter=10, random_state=0),
    "IterativeImputer, ExtraTrees": _with_trees,
    "iterative PCA": IterativePCA,
}


def load(folder):
    """Return the tables by name: those of scikit-learn, and the labelled sets without labels."""
    bundled = {
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "breast cancer": datasets.load_breast_cancer,
        "diabetes": datasets.load_diabetes,
        "digits": datasets.load_digits,
    }
    tables = {name: make().data for name, make in bundled.items()}
    tables |= {name: X for name, X, _ in labelled_sets(folder)}
    # A gap in one of two or three columns says little.
    return {name: X for name, X in tables.items() if X.shape[1] > 3}


def split(X, seed):
    """Return standardised training and new rows: at most 3,000, of which 30% are new."""
    X = X[np.random.RandomState(seed).permutation(len(X))[:MOST_ROWS]]
    n_train = int(0.7 * len(X))
    deviations = X[:n_train].std(axis=0)
    X = X[:, deviations > 1e-12]
    Z = (X - X[:n_train].mean(axis=0)) / X[:n_train].std(axis=0)
    return Z[:n_train], Z[n_train:]


def _at_random(share):
    return lambda Z, rng: rng.random_sample(Z.shape) < share


def _blocks(Z, rng):
    """A third of the columns is missing in four of ten rows."""
    columns = rng.permutation(Z.shape[1])[: max(1, Z.shape[1] // 3)]
    gaps = np.zeros(Z.shape, dtype=bool)
    gaps[np.ix_(rng.random_sample(len(Z)) < 0.4, columns)] = True
    return gaps


def _by_other_columns(Z, rng):
    """Half of the columns have gaps, the more the larger a sum of the other half is."""
    order = rng.permutation(Z.shape[1])
    known, gapped = np.array_split(order, 2)
    sums = Z[:, known] @ rng.standard_normal((len(known), len(gapped)))
    sums = (sums - sums.mean(axis=0)) / sums.std(axis=0)
    gaps = np.zeros(Z.shape, dtype=bool)
    gaps[:, gapped] = rng.random_sample(sums.shape) < 1 / (1 + np.exp(0.8 - 2 * sums))
    return gaps


PATTERNS = {"20%": _at_random(0.2), "50%": _at_random(0.5), "blocks": _blocks}
DEPENDENT = {"by other columns": _by_other_columns}


def hide(Z, pattern, seed):
    """Return rows with gaps, of which each row and each column keeps a cell."""
    rng = np.random.RandomState(1000 + seed)
    gaps = pattern(Z, rng)
    full = gaps.all(axis=1)
    gaps[full, rng.randint(Z.shape[1], size=full.sum())] = False
    return gaps


def results(tables, patterns, seeds=SEEDS, imputers=None):
    """Return one row for each table, pattern, seed and imputer: error and CPU time."""
    rows = []
    for table, X in tables.items():
        for kind, pattern in patterns.items():
            for seed in seeds:
                train, new = split(X, seed)
                gaps = hide(np.vstack([train, new]), pattern, seed)
                gaps[: len(train)][:, gaps[: len(train)].all(axis=0)] = False
                given = np.where(gaps, np.nan, np.vstack([train, new]))
                parts = given[: len(train)], given[len(train) :], new, gaps[len(train) :]
                about = {"table": table, "rows": len(train), "columns": train.shape[1]}
                about |= {"pattern": kind, "seed": seed}
                for name, make in (imputers or IMPUTERS).items():
                    if "Trees" in name and train.shape[1] > _MOST_FOR_TREES:
                        continue
                    rows.append(about | {"imputer": name} | _measured(make(), *parts))
    return pd.DataFrame(rows)


def _measured(imputer, train, new, truth, gaps):
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        imputer.fit(train)
    fitted = time.process_time()
    filled = imputer.transform(new)
    error = np.sqrt(np.square(filled - truth)[gaps].mean())
    return {"error": error, "fit": fitted - start, "transform": time.process_time() - fitted}


def summary(measured):
    """Return ratios of our error to the best other's, and the mean error of each imputer."""
    cases = ["table", "rows", "columns", "pattern", "seed"]
    errors = measured.pivot_table(index=cases, columns="imputer", values="error")
    others = errors.drop(columns=[OURS])
    ratios = (errors[OURS] / others.min(axis=1)).rename("ratio").reset_index()
    ratios["size"] = np.where(ratios["rows"] < SMALL, f"< {SMALL} rows", f">= {SMALL} rows")
    yield (
        ratios.groupby(["size", "pattern"])["ratio"]
        .agg(["count", _geometric, "max"])
        .rename(columns={"count": "cases", "_geometric": "mean ratio", "max": "worst"})
        .reset_index()
    )
    by_table = ratios.groupby(["table", "rows", "columns"])["ratio"]
    yield by_table.agg([_geometric, "max"]).set_axis(["ratio", "worst"], axis=1).reset_index()
    relative = errors.div(errors[OURS], axis=0)
    yield pd.DataFrame(
        {
            "imputer": relative.columns,
            "error / ours": [_geometric(relative[name].dropna()) for name in relative],
            "best in": [(errors[name] <= errors.min(axis=1)).mean() for name in relative],
        }
    )
    times = measured.groupby(["imputer"])[["fit", "transform"]].median().reset_index()
    yield times


def _geometric(ratios):
    return float(np.exp(np.log(ratios).mean()))


def gaps(folder):
    """Measure gaps at random, and blocks of them."""
    yield from summary(results(load(folder), PATTERNS))


def dependent_gaps(folder):
    """Measure gaps that depend on other columns."""
    yield from summary(results(load(folder), DEPENDENT))
