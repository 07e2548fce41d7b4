"""Answers of a checkout, to the bit, to compare with those of another one.

``python -m benchmarks.answers record FILE.npz [--only SUBSTRING]`` trains everything in small and
writes what it answers, ``python -m benchmarks.answers compare A.npz B.npz`` lists what differs.
To record another checkout: ``PYTHONPATH=CHECKOUT python benchmarks/answers.py record FILE.npz``.
"""

import argparse
import pickle
import random
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch
from scipy import sparse
from sklearn.base import clone  # noqa: F401  this and others are for the cases, which are text
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA  # noqa: F401
from sklearn.linear_model import LogisticRegression  # noqa: F401
from sklearn.model_selection import GridSearchCV  # noqa: F401
from sklearn.pipeline import make_pipeline  # noqa: F401
from sklearn.preprocessing import StandardScaler  # noqa: F401
from skorch import callbacks
from threadpoolctl import threadpool_limits
from torch import nn

import skae
from skae.networks import ConvolutionalNetwork, DenseNetwork, Network, SequenceNetwork  # noqa: F401

FILES = Path(__file__).resolve().parents[1] / "tests" / "data"
FOLDER = tempfile.TemporaryDirectory()


def draw(n_samples, n_features, seed):
    """Draw columns that come from three, and noise."""
    mixing = np.random.default_rng(0).normal(size=(3, n_features))
    rng = np.random.default_rng(seed)
    noise = 0.3 * rng.normal(size=(n_samples, n_features))
    return rng.normal(size=(n_samples, 3)) @ mixing + noise


def mapped(X):
    """Map a table from a file."""
    path = Path(FOLDER.name, f"{X.dtype}.npy")
    np.lib.format.open_memmap(path, "w+", X.dtype, X.shape)[:] = X
    return np.lib.format.open_memmap(path, "r")


DIGITS, LABELS = load_digits(return_X_y=True)
# All losses are defined for these.
UNIT, ROWS = DIGITS[:260] / 16, DIGITS[1700:1721] / 16
IMAGES, COLOURS, WINDOWS = (UNIT.reshape(-1, *s) for s in ((8, 8), (8, 4, 2), (16, 4)))
IRIS = load_iris(as_frame=True).data
DRAWN, NEW = draw(301, 8, 1), np.r_[draw(40, 8, 2), np.random.default_rng(3).normal(size=(9, 8))]
FLOATS = np.random.default_rng(3).uniform(size=3000)
TABLES = {
    "digits": DIGITS[:260],
    "iris": IRIS,
    "float32": UNIT.astype(np.float32),
    "sparse": sparse.csr_matrix(UNIT),
    "sparse float32": sparse.csr_array(UNIT.astype(np.float32)),
    "tensor": torch.tensor(UNIT),
    "integers": DIGITS[:260].astype(int),
    "mapped float32": mapped(draw(400, 12, 4).astype(np.float32)),
    "mapped float64": mapped(draw(400, 9, 5)),
    "one batch": draw(40, 6, 1),
    "3000 rows": draw(3000, 30, 2),
    "constant column": np.c_[draw(200, 5, 3), np.ones(200)],
    "one column": draw(100, 1, 3),
    "fewer rows than columns": draw(20, 50, 3),
    "far from zero": 1e6 + draw(200, 7, 3),
    "columns of Fortran": np.asfortranarray(draw(200, 7, 8)),
    "2100 columns": draw(120, 2100, 7).astype(np.float32),
    "2100 sparse columns": sparse.csr_matrix(np.maximum(draw(120, 2100, 6) - 3, 0)),
}

SMALL = {"n_components": 3, "hidden_layer_sizes": (12, 6), "max_iter": 4, "random_state": 0}
KINDS = {
    "transformer": (skae.AutoencoderTransformer, {}),
    "denoising": (skae.DenoisingAutoencoder, {}),
    "sparse": (skae.SparseAutoencoder, {"n_components": 20, "hidden_layer_sizes": ()}),
    "contractive": (skae.ContractiveAutoencoder, {}),
    "nested": (skae.NestedAutoencoder, {}),
    "variational": (skae.VariationalAutoencoder, {"n_draws": 5}),
    "adversarial": (skae.AdversarialAutoencoder, {"discriminator_layer_sizes": (8,)}),
    "convolutional": (skae.ConvolutionalAutoencoder, {"channels": (3, 4)}),
}


def make(kind, **params):
    """Make a small autoencoder."""
    estimator, own = KINDS[kind]
    return estimator(**SMALL | own | params)


def detector(member=None, **params):
    """Make an outlier detector of few members."""
    params = {"n_estimators": 3, "random_state": 0} | params
    return skae.AutoencoderOutlierDetector(member, **params)


@dataclass
class OwnNetwork(Network):
    """A network that a user wrote: its layers draw from torch's global generator."""

    width: int = 10

    def build_encoder(self, n_features, n_outputs, generator):
        hidden = nn.Linear(n_features, self.width), nn.BatchNorm1d(self.width), nn.ReLU()
        return nn.Sequential(*hidden, nn.Dropout(0.2), nn.Linear(self.width, n_outputs))

    build_decoder = build_encoder


class Watcher(callbacks.Callback):
    """Writes down what callbacks are told of gradients, batches and rows."""

    def __init__(self):
        self.told_ = []

    def on_grad_computed(self, net, named_parameters=None, **kwargs):
        self.told_ += [float(p.grad.square().sum()) for _, p in named_parameters]

    def on_batch_end(self, net, batch=None, training=None, loss=None, y_pred=None, **kwargs):
        self.told_ += [training, float(loss), float(batch[0].sum()), float(y_pred.sum())]

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.told_ += [float(np.asarray(d).sum()) for d in (dataset_train, dataset_valid) if d]


def mean_error(net, dataset, y=None):
    """Score held-out rows for skorch."""
    return float(np.square(net.predict(dataset) - np.asarray(dataset)).mean())


def shake(x, generator):
    """Add noise as a user does."""
    return x + 0.1 * torch.randn(x.shape, generator=generator)


TRAININGS = {
    "as it is": lambda m, X: m,
    "fit": lambda m, X: m.fit(X),
    "warm": lambda m, X: m.set_params(warm_start=True).fit(X),
    "other rows": lambda m, X: m.set_params(warm_start=True, max_iter=2).fit(X[::-1] * 0.9),
    "integer weights": lambda m, X: m.fit(X, sample_weight=1 + np.arange(X.shape[0]) % 3),
    "float weights": lambda m, X: m.fit(X, sample_weight=FLOATS[: X.shape[0]]),
    "zero weights": lambda m, X: m.fit(X, sample_weight=np.arange(X.shape[0]) % 4),
    "in torch's modes": lambda m, X: (
        torch.set_default_dtype(torch.float64) or torch.inference_mode()(m.fit)(X)
    ),
    "chunk": lambda m, X: m.partial_fit(X[:100]),
    "small chunk": lambda m, X: m.partial_fit(X[100:137]),
    "chunk with weights": lambda m, X: m.partial_fit(X[90:180], sample_weight=FLOATS[:90]),
    "iterator": lambda m, X: m.partial_fit(X[i : i + 70] for i in (0, 70, 140)),
    # Of detectors.
    "moved": lambda m, X: m.set_contamination(0.2),
    "recalibrated": lambda m, X: m.recalibrate(X[:60], sample_weight=FLOATS[:60]),
}


def trained(model, X, rows=None, trainings="fit"):
    """Train a model in several ways, one after the other; ask it after each of them."""
    found = {}
    for name in trainings.split(", "):
        TRAININGS[name](model, X)
        found[name] = ask(model, X[:21] if rows is None else rows) | learned(model)
    return found


def copies(model, X, rows):
    """Ask copies of a model, train them all on, and ask again; ask its halves afterwards."""
    model.fit(X)
    streams = hasattr(model, "partial_fit")
    if streams:
        model.partial_fit(X[:50])
    path = Path(FOLDER.name, "model.skae")
    skae.save(model, path)
    halves = {n: getattr(model, n) for n in ("encoder_", "decoder_") if hasattr(model, n)}
    models = {"model": model, "pickle": pickle.loads(pickle.dumps(model)), "file": skae.load(path)}
    found = {}
    for name, one in models.items():
        found[name] = ask(one, rows)
        if streams:
            one.partial_fit(X[50:120])
            found[f"{name}, trained on"] = ask(one, rows) | learned(one)
    for name, half in halves.items():
        given = rows if name == "encoder_" else found["model"]["transform"]
        skae.save(half, path)
        pickled = pickle.loads(pickle.dumps(half))
        found[name] = {"half": ask(half, given), "pickle": ask(pickled, given)}
        found[name] |= {"file": ask(skae.load(path), given)} | learned(half)
    return found


def graph(model, X, rows, output, quantize=False):
    """Convert a model to ONNX; return what the graph gives."""
    made = skae.to_onnx(model.fit(X), X[:60], output, quantize=quantize)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    names = [one.name for one in (*session.get_inputs(), *session.get_outputs())]
    return {"names": names, output: session.run(None, {"X": rows})[0]}


METHODS = ["transform", "reconstruct", "score_samples", "score", "elbo", "jacobian_norm"]
METHODS += ["decision_function", "predict", "p_values"]
SKIPPED = {"net_", "estimators_", "encoder_", "decoder_"}


def ask(model, rows):
    """Ask a model all that it answers of rows; a decoder, of codes."""
    found = {name: getattr(model, name)(rows) for name in METHODS if hasattr(model, name)}
    if "transform" in found:
        found["transform of one row"] = model.transform(rows[:1])
        found["names"] = model.get_feature_names_out()
    if hasattr(model, "inverse_transform"):
        found["inverse_transform"] = model.inverse_transform(found.get("transform", rows))
    if hasattr(model, "sample"):
        found["sample"] = model.sample(5, random_state=0)
    if hasattr(model, "test"):
        result = model.test(rows)
        found |= {"drift": result.drift, "p_value": result.p_value, "tests": result.tests}
    if hasattr(model, "explain") and model.n_features_in_ < 20:
        found |= {"explain": model.explain(rows[:4]), "select": model.select(rows, fdr=0.3)}
    return found


def learned(model):
    """Return public attributes, history and weights of a model, and of its members."""
    names = [n for n in dir(model) if n.endswith("_") and n[0] != "_" and n not in SKIPPED]
    found = {"attributes": {n: getattr(model, n) for n in names if hasattr(model, n)}}
    if hasattr(model, "net_"):
        history, state = model.net_.history, model.net_.module_.state_dict()
        batches = [batch for epoch in history for batch in epoch["batches"]]
        found["history"] = numbers_in(history) | {"batches": numbers_in(batches)}
        found["weights"] = {name: state[name] for name in sorted(state)}
        told = [getattr(callback, "told_", []) for _, callback in model.net_.callbacks_]
        found["told"] = np.array(sum(told, []), dtype=float)
    for i, member in enumerate(getattr(model, "estimators_", [])):
        found[f"member {i}"] = learned(member)
    return found


def numbers_in(records):
    """Return the numbers of a history by name, but for durations."""
    kinds = (bool, int, float, np.generic)
    names = {n for record in records for n, value in record.items() if isinstance(value, kinds)}
    return {n: [r[n] for r in records if n in r] for n in sorted(names - {"dur"})}


def flat(key, value):
    """Yield the arrays of an answer, under keys that say where they come from."""
    if isinstance(value, pd.DataFrame):
        names = {"columns": value.columns, "index": value.index}
        value = {n: [*map(str, v)] for n, v in names.items()} | dict(enumerate(value.to_numpy().T))
    if isinstance(value, dict):
        for name, part in value.items():
            yield from flat(f"{key}/{name}", part)
    else:
        array = np.asarray(value.detach() if isinstance(value, torch.Tensor) else value)
        yield key, array.astype(str) if array.dtype == object else array
