"""How well outliers are found in tables of numbers and categories, beside other detectors."""

from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor

from skae import AutoencoderOutlierDetector, AutoencoderTransformer

from ..outliers._fitting import fit, one_thread, outlyingness
from ..outliers._peers import DiffusionTime
from ..outliers._protocol import SEEDS, split
from ._mixed import OneHot
from ._outlier_data import RARE_COMBINATIONS, outlier_tables

N_BINS = 5


class OnOneHot(BaseEstimator):
    """A detector of rows of numbers, given z-scores beside one-hot categories; gaps are zeros."""

    def __init__(self, detector):
        self.detector = detector

    def fit(self, table):
        """Fit the detector."""
        self.code_ = OneHot(table)
        self.detector.fit(self._rows(table))
        return self

    def score_samples(self, table):
        """Return the scores of the detector, higher for more ordinary rows."""
        return -outlyingness(self.detector, self._rows(table))

    def _rows(self, table):
        return np.nan_to_num(self.code_.encode(table))


class Shares(BaseEstimator):
    """The mean logarithm of the shares of training rows that have the same levels.

    Parameters
    ----------
    n_columns : int
        The levels of one column, or of two together, are counted. Numbers are cut at their
        quantiles; gaps are a level.
    """

    def __init__(self, n_columns):
        self.n_columns = n_columns

    def fit(self, table):
        """Count the levels."""
        numbers = table.select_dtypes("number")
        self.bounds_ = numbers.quantile(np.linspace(0, 1, N_BINS + 1)[1:-1])
        levels = self._levels(table)
        self.shares_ = {
            names: levels.value_counts(list(names)) / len(levels)
            for names in combinations(levels.columns, self.n_columns)
        }
        # Levels that were not seen are as rare as half a row.
        self.least_ = 0.5 / len(levels)
        return self

    def score_samples(self, table):
        """Return the mean logarithm of the shares of each row."""
        levels = self._levels(table)
        logs = []
        for names, shares in self.shares_.items():
            found = shares.reindex(pd.MultiIndex.from_frame(levels[list(names)]))
            logs.append(np.log(found.fillna(self.least_)))
        return np.mean(logs, axis=0)

    def _levels(self, table):
        levels = table.astype(object).fillna("")
        for name, bounds in self.bounds_.items():
            bins = np.searchsorted(bounds, table[name]).astype(object)
            levels[name] = np.where(table[name].isna(), "", bins)
        return levels


OURS = "skae"
DETECTORS = {
    OURS: lambda seed: AutoencoderOutlierDetector(random_state=seed),
    "kNN": lambda seed: OnOneHot(DiffusionTime()),
    "LOF": lambda seed: OnOneHot(LocalOutlierFactor(novelty=True)),
    "IsolationForest": lambda seed: OnOneHot(IsolationForest(random_state=seed)),
    "plain autoencoder": lambda seed: OnOneHot(AutoencoderTransformer(random_state=seed)),
    "shares of levels": lambda seed: Shares(1),
    "shares of pairs": lambda seed: Shares(2),
}

if find_spec("pyod"):
    from pyod.models.auto_encoder import AutoEncoder

    DETECTORS["PyOD AutoEncoder"] = lambda seed: OnOneHot(
        AutoEncoder(random_state=seed, device="cpu", verbose=0)
    )


def outliers(folder):
    """Measure the AUROC of new rows, with as many outliers among the training rows."""
    measured = pd.concat([results(folder, seed) for seed in SEEDS])
    yield per_table(measured)
    yield summary(measured)


def results(folder, seed):
    """Return one row per table and detector, with its AUROC and the CPU time of its fit."""
    rows = []
    for name, (table, is_outlier) in outlier_tables(folder, seed).items():
        train, new, y = split(np.arange(len(table)), is_outlier, "unsupervised", seed)
        with one_thread():
            for kind, make in DETECTORS.items():
                detector = make(seed)
                seconds = fit(detector, table.iloc[train])
                auroc = roc_auc_score(y, outlyingness(detector, table.iloc[new]))
                case = {"table": name, "seed": seed, "detector": kind}
                rows.append(case | {"auroc": auroc, "seconds": seconds})
    return pd.DataFrame(rows)


def per_table(measured):
    """Return the mean AUROC over the seeds, and how far skae is from the best of the others."""
    auroc = measured.pivot_table("auroc", "table", "detector", sort=False)[list(DETECTORS)]
    auroc["skae - best"] = auroc[OURS] - auroc.drop(columns=OURS).max(axis=1)
    return auroc.reset_index()


def summary(measured):
    """Return the mean AUROC over tables of rare combinations and over others, and times."""
    is_rare = measured["table"].isin(RARE_COMBINATIONS)
    kinds = measured.assign(tables=np.where(is_rare, "rare combinations", "others"))
    means = kinds.pivot_table("auroc", "detector", "tables", sort=False).loc[list(DETECTORS)]
    means["fit, CPU s"] = measured.groupby("detector")["seconds"].median()
    return means.reset_index()
