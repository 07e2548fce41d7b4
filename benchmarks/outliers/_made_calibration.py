"""Whether p-values, selections and the automatic threshold keep their promises on made tables."""

from itertools import product

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from skae import AutoencoderOutlierDetector

from ._calibration import FALSE, FDR, POWER, SHARE, promises_kept
from ._fitting import one_thread
from ._made_tables import factor_table

TRAINING_ROWS, SEEDS = (400, 1000, 5000), range(20)
NEW_ROWS, COLUMNS, OUTLYING = 2000, 10, 0.1


def made_promises():
    """Train on ordinary rows, or with one in ten a blatant outlier; score new rows.

    One in ten new rows is a blatant outlier.

    Returns
    -------
    results : DataFrame
        A row per share of outliers in training, number of training rows, and seed.
    """
    runs = product((0.0, OUTLYING), TRAINING_ROWS, SEEDS)
    return pd.DataFrame(Parallel(n_jobs=-1)(delayed(_run)(*run) for run in runs))


def made_calibration(results):
    """Return what p-values and selections contain, where the training rows are ordinary.

    Means over the seeds, and the lowest and highest share of low p-values.
    """
    by_size = results[results["outliers in training"] == 0].groupby("training rows")
    table = by_size[[SHARE, FALSE, POWER]].mean()
    table.insert(1, "lowest", by_size[SHARE].min())
    table.insert(2, "highest", by_size[SHARE].max())
    return table.rename_axis(f"ordinary training rows, fdr={FDR}").reset_index()


def automatic_threshold(results):
    """Return which rows ``contamination="auto"`` takes for outliers, means over the seeds.

    `contamination_` is the detector's own estimate; nan if it has none.
    """
    rest = results.drop(columns=[SHARE, FALSE, POWER, "seed"])
    return rest.groupby(["outliers in training", "training rows"]).mean().reset_index()


def _run(share, n, seed):
    X, y = _with_blatant_outliers(factor_table(n, COLUMNS, seed=[seed, 0]), share, seed)
    X_new = factor_table(NEW_ROWS, COLUMNS, seed=[seed, 1])
    X_new, y_new = _with_blatant_outliers(X_new, OUTLYING, seed)
    with one_thread():
        detector = AutoencoderOutlierDetector(random_state=seed).fit(X)
        flagged, flagged_new = detector.predict(X) == -1, detector.predict(X_new) == -1
        promises = promises_kept(detector, X_new, y_new)
    return {
        "outliers in training": share,
        "training rows": n,
        "seed": seed,
        "training rows flagged": flagged.mean(),
        "training outliers flagged": flagged[y == 1].mean() if share else np.nan,
        "new ordinary rows flagged": flagged_new[y_new == 0].mean(),
        "new outliers flagged": flagged_new[y_new == 1].mean(),
        "contamination_": getattr(detector, "contamination_", np.nan),
    } | promises


def _with_blatant_outliers(X, share, seed):
    """Replace this share of the rows: each of their cells is up to ten deviations from zero."""
    outlier = np.arange(len(X)) < round(share * len(X))
    reach = 10 * X.std(axis=0)
    cells = np.random.default_rng([seed, len(X)]).uniform(-reach, reach, X.shape)
    return np.where(outlier[:, None], cells, X), outlier.astype(int)
