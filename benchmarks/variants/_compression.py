"""Thirty numbers for a digit: the figure of Hinton and Salakhutdinov (2006)."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer


def deep_codes(X_train, X_test):
    """Return the summed squared error per test image of a deep autoencoder and of PCA."""
    deep = AutoencoderTransformer(
        30, hidden_layer_sizes=(1000, 500, 250), max_iter=40, random_state=0
    )
    rows = []
    for name, model in (("PCA", PCA(30, random_state=0)), ("784-1000-500-250-30", deep)):
        start = time.process_time()
        codes = model.fit(X_train).transform(X_test)
        seconds = time.process_time() - start
        errors = np.square(model.inverse_transform(codes) - X_test).sum(axis=1)
        rows.append((name, errors.mean(), seconds))
    return pd.DataFrame(rows, columns=["30 codes", "squared error per image", "CPU s"])
