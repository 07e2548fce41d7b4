"""One net for all code sizes, beside one net for each."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer, NestedAutoencoder

SIZES = (1, 2, 4, 8, 12, 16)
N_ROWS, PARAMS = 20_000, {"max_iter": 50, "random_state": 0}


def nested(X_train, X_test):
    """Return test errors of the first k components, of a net trained for k alone, and of PCA."""
    X_train = X_train[np.random.default_rng(0).permutation(len(X_train))[:N_ROWS]]
    start = time.process_time()
    whole = NestedAutoencoder(SIZES[-1], **PARAMS).fit(X_train)
    seconds = [time.process_time() - start, 0.0]
    pca = PCA(SIZES[-1], random_state=0).fit(X_train)
    codes = pca.transform(X_test)
    explained = np.cumsum(whole.explained_variance_ratio_)
    rows = []
    for k in SIZES:
        start = time.process_time()
        alone = -AutoencoderTransformer(k, **PARAMS).fit(X_train).score(X_test)
        seconds[1] += time.process_time() - start
        first = -whole.truncate(k).score(X_test)
        by_pca = np.square(codes[:, :k] @ pca.components_[:k] + pca.mean_ - X_test).mean()
        rows.append((k, by_pca, alone, first, first / alone, explained[k - 1]))
    rows.append(("CPU s", np.nan, seconds[1], seconds[0], np.nan, np.nan))
    columns = ["components", "PCA", "trained for k", "first k of 16", "ratio", "explained"]
    return pd.DataFrame(rows, columns=columns)
