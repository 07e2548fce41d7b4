"""Whether drift raises false alarms at the stated rate, and how often a shift is found.

``python -m benchmarks.outliers._drift_rate`` takes some minutes and prints the table.
"""

from functools import partial

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from skae import AutoencoderTransformer, DriftDetector

ALPHA, N_REFERENCE, N_BATCH, N_COLUMNS = 0.05, 2000, 500, 10
_BURN_IN = 300
_MIXING = np.random.default_rng(0).normal(size=(3, N_COLUMNS))


def draw(rng, n_rows, shift=0.0, coefficient=0.0, n_values=None):
    """Draw columns that come from three, and noise; all are first-order autoregressions.

    `shift` moves the first column by so many standard deviations. With `n_values` the rows are
    rounded to about so many values a column, so that many are tied.
    """
    noise = rng.normal(size=(_BURN_IN + n_rows, 3 + N_COLUMNS)) * np.sqrt(1 - coefficient**2)
    parts = lfilter([1], [1, -coefficient], noise, axis=0)[_BURN_IN:]
    rows = parts[:, :3] @ _MIXING + parts[:, 3:]
    rows[:, 0] += shift * np.sqrt(1 + np.sum(_MIXING[:, 0] ** 2))
    return rows if n_values is None else np.round(rows * n_values / 8)


# Rows, and what the detector is told about them.
CASES = {
    "independent": (draw, {}),
    "ties": (partial(draw, n_values=4), {}),
    "AR(1), .5, window=10": (partial(draw, coefficient=0.5), {"window": 10}),
    "AR(1), .9, window=50": (partial(draw, coefficient=0.9), {"window": 50}),
    # Controls.
    "AR(1), .5, no window": (partial(draw, coefficient=0.5), {}),
    "AR(1), .9, no window": (partial(draw, coefficient=0.9), {}),
}

# A shift of the first column, in its standard deviations.
SHIFTS = {
    "independent": 0.25,
    "ties": 0.25,
    "AR(1), .5, window=10": 0.4,
    "AR(1), .9, window=50": 1.0,
}


def drift_rate(n_runs=500, n_shifted=100):
    """Return the rate of false alarms of each kind of rows, and the share of shifts found.

    Parameters
    ----------
    n_runs : int, default=500
        Pairs of a reference and a batch without drift.
    n_shifted : int, default=100
        Pairs whose batch has a first column that is shifted.

    Returns
    -------
    table : DataFrame
        A row for each kind of rows; the standard error of a rate of 0.05 in 500 runs is 0.01.
    """
    return pd.DataFrame([_row(name, n_runs, n_shifted) for name in CASES])


def _row(name, n_runs, n_shifted):
    draw_rows, params = CASES[name]
    shift = SHIFTS.get(name)
    rng = np.random.default_rng(1)
    model = AutoencoderTransformer(4, hidden_layer_sizes=(), max_iter=10, random_state=0)
    model.fit(draw_rows(rng, N_REFERENCE))
    row = {"rows": name, "runs": n_runs}
    found = [_test(model, draw_rows, params, rng, 0.0) for _ in range(n_runs)]
    row["false alarms"] = np.mean([result.drift for result in found])
    row["interval covers no shift"] = np.mean([_covers_no_shift(result) for result in found])
    if shift is not None:
        found = [_test(model, draw_rows, params, rng, shift) for _ in range(n_shifted)]
        row["shift"] = shift
        row["found"] = np.mean([result.drift for result in found])
        row["column named"] = np.mean([result.tests.loc["x0", "drift"] for result in found])
    return row


def _test(model, draw_rows, params, rng, shift):
    reference, batch = draw_rows(rng, N_REFERENCE), draw_rows(rng, N_BATCH, shift)
    seed = int(rng.integers(2**31))
    detector = DriftDetector(model, alpha=ALPHA, n_permutations=299, random_state=seed, **params)
    return detector.fit(reference).test(batch)


def _covers_no_shift(result):
    columns = result.tests[result.tests["kind"] == "column"]
    return np.mean((columns["effect_low"] <= 0.5) & (columns["effect_high"] >= 0.5))


if __name__ == "__main__":
    print(drift_rate().to_string(index=False, float_format="{:.3f}".format))
