"""Accuracy of a logistic regression on the codes, PCA's beside it."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skae import AutoencoderTransformer

from ._data import SEEDS, bundled_tables, image_tables

# PCA's codes are not standardised, and the regression needs longer on them.
MAX_ITER = 5000


def run(folder):
    """Measure every table with classes at every code size.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is, if it is there.

    Yields
    ------
    results : DataFrame
        One row for each table and code size, means over the seeds.
    """
    bundled = [table for table in bundled_tables() if table.classes]
    results = pd.DataFrame(
        [
            {"data": table.name, "k": n_components, **_measure(table, n_components)}
            for table in image_tables(folder) + bundled
            for n_components in table.n_components
        ]
    )
    of_tables = results["data"].isin([table.name for table in bundled])
    mean = results[of_tables].mean(numeric_only=True).drop("k")
    yield pd.concat([results, pd.DataFrame([{"data": "mean of tables", **mean}])])


def _encoders(n_components, seed):
    untrained = {"init": "random", "learning_rate_init": 1e-12, "max_iter": 1}
    return {
        "PCA": PCA(n_components, random_state=seed),
        "skae": AutoencoderTransformer(n_components, random_state=seed),
        "untrained": AutoencoderTransformer(n_components, random_state=seed, **untrained),
    }


def _measure(table, n_components):
    accuracies = {}
    for seed in SEEDS:
        X_train, X_test, y_train, y_test = table.split(seed)
        for name, encoder in _encoders(n_components, seed).items():
            model = make_pipeline(encoder, LogisticRegression(max_iter=MAX_ITER))
            accuracy = model.fit(X_train, y_train).score(X_test, y_test)
            accuracies.setdefault(name, []).append(accuracy)
    return {name: np.mean(values) for name, values in accuracies.items()}
