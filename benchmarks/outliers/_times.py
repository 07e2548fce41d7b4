"""How long detectors take, and how large their files are."""

import os
import pickle
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import torch
from threadpoolctl import threadpool_limits

import skae

from ._detectors import DETECTORS
from ._fitting import fit, one_thread, outlyingness
from ._made_tables import factor_table
from ._runs import results

COMPARED = ("skae", "IsolationForest", "PyOD AutoEncoder")
ROUNDS, CALLS = 3, 200


def all_sets(sets):
    """Return the CPU time of fits and scores, summed over sets and protocols, for one seed."""
    measured = results(sets, _compared(), seeds=(0,))
    table = measured.groupby("detector", sort=False)[["fit_seconds", "score_seconds"]].sum()
    table.columns = ["fits, CPU s", "scores, CPU s"]
    table["both, CPU s"] = table.sum(axis=1)
    if "PyOD AutoEncoder" in table.index:
        total = table["both, CPU s"]
        table["times PyOD AutoEncoder's"] = total / total["PyOD AutoEncoder"]
    return table.rename_axis(f"{len(sets)} sets, both protocols").reset_index()


def fit_time(rows=10_000, columns=30):
    """Return the CPU time of a fit, alone and divided by skae's, medians of interleaved rounds."""
    X = factor_table(rows, columns)
    with one_thread():
        seconds = pd.DataFrame(
            {name: fit(make(seed, rows), X) for name, make in DETECTORS.items()}
            for seed in range(ROUNDS)
        )
    ratios = seconds.div(seconds["skae"], axis=0)
    table = {"CPU s": seconds.median(), "times skae's": ratios.median()}
    return pd.DataFrame(table).rename_axis(f"fit of {rows} x {columns}").reset_index()


def scoring_time(rows=30_000, columns=40):
    """Return the time to score rows on one thread, medians of interleaved rounds."""
    X = factor_table(rows, columns)
    with one_thread():
        fitted = {name: make(0, 5000).fit(X[:5000]) for name, make in _compared().items()}
        turns = {name: [] for name in fitted}
        for _ in range(ROUNDS):
            for name, detector in fitted.items():
                turns[name].append(_seconds(lambda d=detector: outlyingness(d, X)))
    table = {name: pd.DataFrame(turn).median() for name, turn in turns.items()}
    return _frame(table, f"scores of {rows} x {columns}")


def large_table(rows=200_000, columns=50):
    """Return the time to fit a large table, and to score all of its rows."""
    X = factor_table(rows, columns)
    table = {}
    for name, make in _compared().items():
        detector = make(0, rows)
        with all_threads():
            table[f"{name}, fit"] = _seconds(lambda d=detector: d.fit(X))
        with one_thread():
            table[f"{name}, scores"] = _seconds(lambda d=detector: outlyingness(d, X))
    return _frame(table, f"{rows} x {columns}")


def one_row(columns=30):
    """Return the median time to score one row, which may be a request of a service."""
    X = factor_table(2000, columns)
    table = {}
    with one_thread():
        for name, make in _compared().items():
            detector = make(0, len(X)).fit(X)
            calls = [
                _seconds(lambda i=i, d=detector: outlyingness(d, X[i : i + 1]))
                for i in range(CALLS)
            ]
            table[name] = 1000 * pd.DataFrame(calls).median()
    frame = _frame(table, f"score of one row of {columns}")
    return frame.rename(columns={"wall s": "wall ms", "CPU s": "CPU ms"})


def wide_table(rows=300, columns=5000):
    """Return the time to fit more columns than rows, and the sizes of model file and pickle."""
    X = factor_table(rows, columns)
    table = {}
    for name, make in _compared().items():
        detector = make(0, rows)
        with all_threads():
            table[name] = _seconds(lambda d=detector: d.fit(X))
        table[name]["pickle MB"] = len(pickle.dumps(detector)) / 1e6
        if name == "skae":
            with TemporaryDirectory() as folder:
                file = Path(folder) / "model"
                skae.save(detector, file)
                table[name]["model file MB"] = file.stat().st_size / 1e6
    return _frame(table, f"fit of {rows} x {columns}")


def explanation(rows=1000, columns=1000):
    """Return the time to explain one row, which the others cannot."""
    X = factor_table(rows, columns)
    with one_thread():
        detector = skae.AutoencoderOutlierDetector(random_state=0).fit(X)
        calls = [_seconds(lambda i=i: detector.explain(X[i : i + 1])) for i in range(ROUNDS)]
    return _frame({"skae": pd.DataFrame(calls).median()}, f"explain 1 x {columns}")


def likelihood(rows=10_000, columns=30):
    """Return the time to fit and to score with ``scoring="likelihood"``."""
    X = factor_table(rows, columns)
    detector = skae.AutoencoderOutlierDetector(scoring="likelihood", random_state=0)
    table = {}
    with all_threads():
        table["fit"] = _seconds(lambda: detector.fit(X))
    with one_thread():
        table["scores"] = _seconds(lambda: outlyingness(detector, X))
    return _frame(table, f'scoring="likelihood", {rows} x {columns}')


@contextmanager
def all_threads():
    """Let everything run on all cores, and leave one thread behind."""
    cores = os.cpu_count()
    try:
        torch.set_num_threads(cores)
        with threadpool_limits(cores):
            yield
    finally:
        torch.set_num_threads(1)


def _compared():
    return {name: DETECTORS[name] for name in COMPARED if name in DETECTORS}


def _seconds(call):
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return {"wall s": time.perf_counter() - wall, "CPU s": time.process_time() - cpu}


def _frame(table, title):
    return pd.DataFrame(table).T.rename_axis(title).reset_index()
