"""Models that take their time, for servers in processes of their own."""

import time
from pathlib import Path

from sklearn.base import BaseEstimator

from skae import AutoencoderTransformer


class SlowModel(BaseEstimator):
    """Its first column says how many seconds a row takes, or that it waits for a file.

    Its codes are long answers.
    """

    n_features_in_ = 5

    def __init__(self, file=None):
        self.file = file

    def transform(self, X):
        return X.repeat(40, axis=1)

    def score_samples(self, X):
        while X[0, 0] < 0 and not Path(self.file).exists():
            time.sleep(0.01)
        time.sleep(max(X[0, 0], 0))
        return X.sum(axis=1)


class SlowAutoencoder(AutoencoderTransformer):
    """Slow enough that rows wait when a signal comes."""

    def score_samples(self, X):
        time.sleep(0.01)
        return super().score_samples(X)
