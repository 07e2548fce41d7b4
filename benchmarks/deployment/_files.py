"""How long a model file takes, and how large it is, beside pickles."""

import pickle
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
import skops.io

import skae
from skae.persistence import TRUSTED_TYPES

ROUNDS = 25


def files(model):
    """Save and load in turns; return medians and sizes.

    The first save of skae's, which finds what samples are drawn from, is in a row of its own.
    """
    raw = sum(weight.nbytes for weight in model.net_.module_.parameters())
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        first = _time(lambda: skae.save(model, path))
        size = path.stat().st_size
        times = {name: [] for name in _WAYS}
        sizes = {}
        for _ in range(ROUNDS):
            for name, (save, load) in _WAYS.items():
                saving = _time(lambda save=save: save(model, path))
                sizes[name] = path.stat().st_size
                times[name].append((saving, _time(lambda load=load: load(path))))
    rows = [("skae, first save", first, np.nan, size / raw)]
    for name, measured in times.items():
        rows.append((name, *np.median(measured, axis=0), sizes[name] / raw))
    return pd.DataFrame(rows, columns=["model file", "save ms", "load ms", "size / weights"])


def _pickle(model, path):
    path.write_bytes(pickle.dumps(model))


_WAYS = {
    "skae": (skae.save, skae.load),
    "skae, encoder_": (lambda model, path: skae.save(model.encoder_, path), skae.load),
    "pickle": (_pickle, lambda path: pickle.loads(path.read_bytes())),
    "joblib": (joblib.dump, joblib.load),
    "skops": (skops.io.dump, lambda path: skops.io.load(path, trusted=TRUSTED_TYPES)),
}


def _time(call):
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)
