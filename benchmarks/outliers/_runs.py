"""Every detector on every set, in both protocols, with every seed."""

import time

import pandas as pd
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

from ._calibration import promises_kept
from ._fitting import fit, one_thread, outlyingness
from ._protocol import PROTOCOLS, SEEDS, split


def results(sets, detectors, resplit=True, seeds=SEEDS):
    """Return one row per set, protocol, seed and detector.

    A process measures all detectors one after the other on one thread, so that none has a
    quieter machine than the others; as many processes run as there are cores. Times are CPU
    times.

    Parameters
    ----------
    sets : list of (name, X, y)
    detectors : dict
        By their names, what makes them: ``make(seed, n_training_rows)``.
    resplit : bool
        Whether the seed decides the split, too, or the detector only.
    seeds : tuple of int

    Returns
    -------
    results : DataFrame
        Columns set, protocol, seed, detector, auroc, ap, fit_seconds, score_seconds, and those of
        `promises_kept` for detectors with p-values.
    """
    runs = [
        delayed(_run)(name, X, y, protocol, seed, detectors, seed if resplit else seeds[0])
        for name, X, y in sets
        for protocol in PROTOCOLS
        for seed in seeds
    ]
    done = Parallel(n_jobs=-1, return_as="generator")(runs)
    return pd.DataFrame([row for rows in tqdm(done, total=len(runs)) for row in rows])


def _run(name, X, y, protocol, seed, detectors, split_seed):
    X_train, X_test, y_test = split(X, y, protocol, split_seed)
    rows = []
    with one_thread():
        for kind, make in detectors.items():
            detector = make(seed, len(X_train))
            row = {"set": name, "protocol": protocol, "seed": seed, "detector": kind}
            row["fit_seconds"] = fit(detector, X_train)
            start = time.process_time()
            unusual = outlyingness(detector, X_test)
            row["score_seconds"] = time.process_time() - start
            row["auroc"] = roc_auc_score(y_test, unusual)
            row["ap"] = average_precision_score(y_test, unusual)
            if hasattr(detector, "p_values"):
                row |= promises_kept(detector, X_test, y_test)
            rows.append(row)
    return rows
