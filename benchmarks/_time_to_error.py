"""CPU time until held-out rows are reconstructed as well as by the schedule before."""

import time

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from skorch.callbacks import Callback

from skae import AutoencoderTransformer

from ._data import SEEDS, bundled_tables, image_tables, plain_tables

# The schedule of other estimators was that of AutoencoderTransformer before.
SCHEDULES = {
    "before": {"max_iter": 50, "learning_rate_init": 2e-3, "learning_rate": "one_cycle"},
    "defaults": {},
}

# An error is reached when it is at most so many times the last one of the schedule before.
REACHED = 1.02

# What a median over the tables is to be: no higher error, and half the time.
ERROR_LIMIT, TIME_LIMIT = 1.0, 0.5


def time_to_error(folder):
    """Measure the schedule of the defaults beside the one before on every table.

    The errors of a curve are those of the weights that would be kept if training ended with an
    epoch, on rows that the fit does not see; the last one is that of the weights that are kept.
    Fits take turns, and an epoch takes the median time of all epochs of its schedule. Tables are
    cut in three ways, MNIST once.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` and ``outliers/*.npz`` are, if they are there.

    Returns
    -------
    results : DataFrame
        One row for each table, and the medians over the tables.
    """
    tables = bundled_tables() + image_tables(folder) + plain_tables(folder)
    results = pd.DataFrame(
        [_measure(table, SEEDS[:1] if table.name == "MNIST" else SEEDS) for table in tables]
    )
    medians = {"data": "median", **results[["error", "time", "whole fit"]].median()}
    limits = {"data": "limit", "error": ERROR_LIMIT, "time": TIME_LIMIT}
    return pd.concat([results, pd.DataFrame([medians, limits])])


class _Curve(Callback):
    """The error of held-out rows after each epoch, and the CPU time that each epoch takes."""

    def __init__(self, X_train, X_test):
        scaled = (X_test - X_train.mean(axis=0)) / np.sqrt(X_train.var(axis=0).mean())
        self.x = torch.as_tensor(scaled, dtype=torch.float32)
        self.errors, self.seconds = [], []

    def on_epoch_begin(self, net, **kwargs):
        """Start the clock."""
        self.start = time.process_time()

    @torch.no_grad()
    def on_epoch_end(self, net, **kwargs):
        """Stop the clock and measure the error, as a share of the variance."""
        self.seconds.append(time.process_time() - self.start)
        self.errors.append(float((net.module_(self.x) - self.x).square().mean()))


def _measure(table, seeds):
    n_components = table.n_components[len(table.n_components) // 2]
    errors, epochs, seconds, n_epochs = ({name: [] for name in SCHEDULES} for _ in range(4))
    of_pca = []
    for seed in seeds:
        X_train, X_test, _, _ = table.split(seed)
        variance = X_train.var(axis=0).mean()
        for name, params in SCHEDULES.items():
            curve = _Curve(X_train, X_test)
            ae = AutoencoderTransformer(
                n_components, callbacks=[curve], random_state=seed, **params
            ).fit(X_train)
            errors[name].append(np.square(X_test - ae.reconstruct(X_test)).mean() / variance)
            reached = np.array(curve.errors) <= REACHED * errors["before"][-1]
            epochs[name].append(reached.argmax() + 1 if reached.any() else np.inf)
            seconds[name] += curve.seconds
            n_epochs[name].append(ae.n_iter_)
        pca = PCA(ae.n_components_, random_state=seed).fit(X_train)
        rest = X_test - pca.inverse_transform(pca.transform(X_test))
        of_pca.append(np.square(rest).mean() / variance)
    error = {name: np.mean(values) for name, values in errors.items()}
    spent = {name: np.median(epochs[name]) * np.median(seconds[name]) for name in SCHEDULES}
    whole = {name: np.median(n_epochs[name]) * np.median(seconds[name]) for name in SCHEDULES}
    return {
        "data": table.name,
        "rows": len(X_train),
        "k": ae.n_components_,
        "error / PCA": error["defaults"] / np.mean(of_pca),
        "CPU s before": spent["before"],
        "error": error["defaults"] / error["before"],
        "time": spent["defaults"] / spent["before"],
        "whole fit": whole["defaults"] / whole["before"],
    }
