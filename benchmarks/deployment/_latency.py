"""How long one row takes: the score graph in ONNX Runtime, the estimator, and PCA."""

import time

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

import skae
from skae._extras import require

ROUNDS, ROWS = 9, 300


def latency(model, X):
    """Score rows one at a time, in turns; return medians in microseconds."""
    X = np.asarray(X, dtype=np.float32)
    pca = PCA(model.n_components_).fit(X)
    scorers = {
        "ONNX Runtime": _session(skae.to_onnx(model, X[:2], output="score")),
        "ONNX Runtime, int8": _session(skae.to_onnx(model, X, output="score", quantize=True)),
        "skae": model.score_samples,
        "scikit-learn PCA": pca.score_samples,
    }
    times = {name: [] for name in scorers}
    for _ in range(ROUNDS):
        for name, score in scorers.items():
            score(X[:1])
            start = time.perf_counter()
            for i in range(ROWS):
                score(X[i : i + 1])
            times[name].append(1e6 * (time.perf_counter() - start) / ROWS)
    medians = {name: np.median(measured) for name, measured in times.items()}
    rows = [
        (name, median, median / medians["scikit-learn PCA"]) for name, median in medians.items()
    ]
    return pd.DataFrame(rows, columns=["score of one row", "us", "times PCA's"])


def _session(graph):
    """Return a function that runs a graph on one thread."""
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    name = session.get_inputs()[0].name
    return lambda rows: session.run(None, {name: rows})[0]
