"""Sparse codes of digits: how many values are active, how many units never are."""

import time

import numpy as np
import pandas as pd

from skae import SparseAutoencoder

N_ROWS, N_UNITS = 10_000, 500


def sparse(X_train, X_test):
    """Return what each penalty makes of the codes of test digits."""
    X_train = X_train[np.random.default_rng(0).permutation(len(X_train))[:N_ROWS]]
    variance = X_test.var(axis=0).mean()
    rows = []
    for params in (
        {"penalty": "top_k", "n_nonzero_coefs": 25},
        {"penalty": "batch_top_k", "n_nonzero_coefs": 25},
        {"penalty": "l1", "penalty_strength": 0.25},
        {"penalty": "l1", "penalty_strength": 1.0},
        {"penalty": "l1", "penalty_strength": 4.0},
        {"penalty": "kl", "penalty_strength": 0.0},
        {"penalty": "kl", "target_activation": 0.05},
        {"penalty": "kl", "target_activation": 0.1},
    ):
        ae = SparseAutoencoder(N_UNITS, random_state=0, **params)
        start = time.process_time()
        ae.fit(X_train)
        seconds = time.process_time() - start
        codes = ae.transform(X_test)
        name = ", ".join(f"{key}={value}" for key, value in params.items())
        active = (codes != 0).sum(axis=1)
        explained = 1 + ae.score(X_test) / variance
        row = (name, active.mean(), active.max(), ae.dead_fraction_, codes.mean())
        rows.append((*row, explained, seconds))
    columns = ["500 units", "active", "at most", "dead", "mean activation", "R2", "CPU s"]
    return pd.DataFrame(rows, columns=columns)
