"""How much the codes of digits change with the digits, with and without the penalty."""

import time

import numpy as np
import pandas as pd

from skae import ContractiveAutoencoder

N_ROWS = 10_000


def contraction(X_train, X_test):
    """Return mean norms of the Jacobian and errors on test digits."""
    X_train = X_train[np.random.default_rng(0).permutation(len(X_train))[:N_ROWS]]
    rows = []
    for sizes in ((256,), (256, 128)):
        for strength in (0.0, 0.01):
            ae = ContractiveAutoencoder(
                16, contraction=strength, hidden_layer_sizes=sizes, random_state=0
            )
            start = time.process_time()
            ae.fit(X_train)
            seconds = time.process_time() - start
            rows.append(
                (sizes, strength, ae.jacobian_norm(X_test).mean(), -ae.score(X_test), seconds)
            )
    columns = ["hidden layers", "contraction", "norm of the Jacobian", "error", "CPU s"]
    return pd.DataFrame(rows, columns=columns)
