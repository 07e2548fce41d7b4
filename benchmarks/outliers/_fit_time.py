"""How long the detectors take to fit."""

import time
import warnings

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

N_ROWS, N_FEATURES, N_FACTORS, ROUNDS = 10_000, 30, 8, 3


def fit_time(detectors):
    """Return the CPU time of a fit, alone and divided by skae's, medians of interleaved rounds.

    The rows are made: smooth functions of a few factors, with noise.
    """
    rng = np.random.default_rng(0)
    factors = np.tanh(
        rng.normal(size=(N_ROWS, N_FACTORS)) @ rng.normal(size=(N_FACTORS, 2 * N_FACTORS))
    )
    X = factors @ rng.normal(size=(2 * N_FACTORS, N_FEATURES)) + rng.normal(
        size=(N_ROWS, N_FEATURES)
    )
    seconds = pd.DataFrame([_round(X, seed, detectors) for seed in range(ROUNDS)])
    ratios = seconds.div(seconds["skae"], axis=0)
    return pd.DataFrame(
        {
            f"fit of {N_ROWS} x {N_FEATURES}": seconds.columns,
            "CPU s": seconds.median().values,
            "times skae's": ratios.median().values,
        }
    )


def _round(X, seed, detectors):
    seconds = {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, make in detectors.items():
            detector = make(seed, len(X))
            start = time.process_time()
            detector.fit(X)
            seconds[name] = time.process_time() - start
    return seconds
