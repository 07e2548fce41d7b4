"""CPU time until held-out rows are reconstructed as well as by the defaults."""

import time
from functools import partial

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import PCA
from skorch.callbacks import Callback
from torch import optim

from skae import AutoencoderTransformer

from ._data import SEEDS, bundled_tables, image_tables, plain_tables

# Half the epochs: at twice the rate, and at four times the rate with an Adam that forgets sooner.
_ADAM = partial(optim.Adam, betas=(0.85, 0.95), eps=1e-6, fused=True)
SCHEDULES = {
    "defaults": {},
    "twice the rate": {"max_iter": 25, "learning_rate_init": 4e-3},
    "short memory": {"max_iter": 25, "learning_rate_init": 8e-3, "optimizer": _ADAM},
}

# An error is reached when it is at most so many times the last one of the defaults.
REACHED = 1.02

# What a median over the tables is to be: no higher error, and half the time.
ERROR_LIMIT, TIME_LIMIT = 1.0, 0.5


def time_to_error(folder):
    """Measure shorter schedules beside the defaults on every table.

    The errors of a curve are those of the weights as they are after an epoch, on rows that the
    fit does not see; the last one is that of the weights that are kept. Fits take turns, and an
    epoch takes the median time of all epochs of its schedule. Tables that ship with scikit-learn
    are cut in three ways, the larger ones once.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` and ``outliers/*.npz`` are, if they are there.

    Returns
    -------
    results : DataFrame
        One row for each table, and the medians over the tables.
    """
    large = image_tables(folder) + plain_tables(folder)
    rows = [_measure(table, SEEDS) for table in bundled_tables()]
    rows += [_measure(table, SEEDS[:1]) for table in large]
    results = pd.DataFrame(rows)
    compared = [name for name in results if name.startswith(("error: ", "time: "))]
    medians = {"data": "median", **results[compared].median()}
    limits = {name: ERROR_LIMIT if name.startswith("error") else TIME_LIMIT for name in compared}
    return pd.concat([results, pd.DataFrame([medians, {"data": "limit", **limits}])])


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
    errors, epochs, seconds = ({name: [] for name in SCHEDULES} for _ in range(3))
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
            reached = np.array(curve.errors) <= REACHED * errors["defaults"][-1]
            epochs[name].append(reached.argmax() + 1 if reached.any() else np.inf)
            seconds[name] += curve.seconds
        pca = PCA(ae.n_components_, random_state=seed).fit(X_train)
        rest = X_test - pca.inverse_transform(pca.transform(X_test))
        of_pca.append(np.square(rest).mean() / variance)
    error = {name: np.mean(values) for name, values in errors.items()}
    spent = {name: np.median(epochs[name]) * np.median(seconds[name]) for name in SCHEDULES}
    shorter = [name for name in SCHEDULES if name != "defaults"]
    return {
        "data": table.name,
        "rows": len(X_train),
        "k": ae.n_components_,
        "error / PCA": error["defaults"] / np.mean(of_pca),
        "CPU s": spent["defaults"],
        **{f"error: {name}": error[name] / error["defaults"] for name in shorter},
        **{f"time: {name}": spent[name] / spent["defaults"] for name in shorter},
    }
