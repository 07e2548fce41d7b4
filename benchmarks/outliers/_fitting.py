"""How a detector is fitted and scores rows, wherever it is."""

import time
import warnings
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread():
    """Let everything run on one thread, where CPU time means the work that was done.

    Warnings (of duplicated rows, of what will change in later versions) are not shown.
    """
    torch.set_num_threads(1)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fit(detector, X):
    """Fit it and return the CPU time that it took, in seconds."""
    start = time.process_time()
    detector.fit(X)
    return time.process_time() - start


def outlyingness(detector, X):
    """Return how unusual each row is: higher is more.

    PyOD's detectors have no score_samples, and their decision_function has scikit-learn's sign
    reversed.
    """
    if hasattr(detector, "score_samples"):
        return -detector.score_samples(X)
    return detector.decision_function(X)
