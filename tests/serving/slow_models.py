"""Models that take their time or fail, for servers in processes of their own."""

import os
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


class ModelOfOneProcess(BaseEstimator):
    """It answers in the process that asks it first, whose number is in a file."""

    n_features_in_ = 5

    def __init__(self, file=None):
        self.file = file

    def score_samples(self, X):
        file = Path(self.file)
        if not file.exists():
            file.write_text(str(os.getpid()))
        if file.read_text() != str(os.getpid()):
            raise RuntimeError("another process asks")
        return X.sum(axis=1)
