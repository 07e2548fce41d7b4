"""Held-out reconstruction error, divided by PCA's at the same number of components."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer

from ._data import SEEDS, bundled_tables, image_tables

# The most that the mean over the seeds may be; for the small tables their mean as well.
LIMITS = {
    ("digits", 2): 0.60,
    ("digits", 8): 0.50,
    ("digits", 16): 0.55,
    ("MNIST", 2): 0.72,
    ("MNIST", 8): 0.55,
    ("MNIST", 16): 0.55,
}
TABLE_LIMIT = 1.00
MEAN_TABLE_LIMIT = 0.88


def run(folder):
    """Measure every table at every code size.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is, if it is there.

    Yields
    ------
    results : DataFrame
        One row for each table and code size.
    """
    bundled = bundled_tables()
    rows = [
        _measure(table, n_components)
        for table in image_tables(folder) + bundled
        for n_components in table.n_components
    ]
    names = {table.name for table in bundled}
    ratios = [row["error / PCA"] for row in rows if row["data"] in names]
    mean = {"data": "mean of tables", "error / PCA": np.mean(ratios), "limit": MEAN_TABLE_LIMIT}
    yield pd.DataFrame([*rows, mean])


def _measure(table, n_components):
    ratios, seconds = [], []
    for seed in SEEDS:
        X_train, X_test, _, _ = table.split(seed)
        pca = PCA(n_components, random_state=seed).fit(X_train)
        start = time.process_time()
        ae = AutoencoderTransformer(n_components, random_state=seed).fit(X_train)
        seconds.append(time.process_time() - start)
        pca_error = np.square(X_test - pca.inverse_transform(pca.transform(X_test))).mean()
        ratios.append(np.square(X_test - ae.reconstruct(X_test)).mean() / pca_error)
    return {
        "data": table.name,
        "k": n_components,
        "error / PCA": np.mean(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
        "limit": LIMITS.get((table.name, n_components), TABLE_LIMIT),
        "fit CPU s": np.median(seconds),
    }
