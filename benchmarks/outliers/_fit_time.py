"""How long the detectors take to fit."""

import numpy as np
import pandas as pd

from ._fitting import fit, one_thread

N_ROWS, N_FEATURES, N_FACTORS, ROUNDS = 10_000, 30, 8, 3


def fit_time(detectors):
    """Return the CPU time of a fit, alone and divided by skae's, medians of interleaved rounds.

    The rows are made: smooth functions of a few factors, with noise.
    """
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(N_ROWS, N_FACTORS))
    hidden = np.tanh(factors @ rng.normal(size=(N_FACTORS, 2 * N_FACTORS)))
    X = hidden @ rng.normal(size=(2 * N_FACTORS, N_FEATURES))
    X += rng.normal(size=X.shape)
    with one_thread():
        seconds = pd.DataFrame(
            {name: fit(make(seed, N_ROWS), X) for name, make in detectors.items()}
            for seed in range(ROUNDS)
        )
    ratios = seconds.div(seconds["skae"], axis=0)
    table = {"CPU s": seconds.median(), "times skae's": ratios.median()}
    return pd.DataFrame(table).rename_axis(f"fit of {N_ROWS} x {N_FEATURES}").reset_index()
