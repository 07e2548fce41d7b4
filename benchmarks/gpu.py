"""What holds on a GPU, and how long training and scoring take there: ten minutes in all."""

import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV

from skae import (
    AdversarialAutoencoder,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    WassersteinAutoencoder,
)
from skae.engine import _capturable
from skae.model_selection import stacked_fits
from skae.networks import SequenceNetwork

from . import _rivals
from .speed import mnist_rows

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 3

VARIANTS = {
    "plain": partial(AutoencoderTransformer, 16),
    "plain, layer normalisation": partial(AutoencoderTransformer, 16, normalization="layer"),
    "plain, batch normalisation": partial(AutoencoderTransformer, 16, normalization="batch"),
    "plain, dropout": partial(AutoencoderTransformer, 16, dropout=0.1),
    "denoising": partial(DenoisingAutoencoder, 16),
    "variational": partial(VariationalAutoencoder, 16),
    "adversarial": partial(AdversarialAutoencoder, 16),
    "Wasserstein": partial(WassersteinAutoencoder, 16),
    "top-k": partial(SparseAutoencoder, 64),
    "L1": partial(SparseAutoencoder, 64, penalty="l1"),
    "KL": partial(SparseAutoencoder, 64, penalty="kl"),
    "contractive": partial(ContractiveAutoencoder, 16),
    "nested": partial(NestedAutoencoder, 16),
    "convolutional": partial(ConvolutionalAutoencoder, 16),
}


def run(folder):
    """Check and measure all on a GPU.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is; without it, random numbers of the same shape are used, which
        take the same time.

    Yields
    ------
    table : DataFrame
        The tests that need a GPU, then times in seconds with the name of the device.

    Raises
    ------
    SystemExit
        If there is no GPU.
    """
    if not torch.cuda.is_available():
        raise SystemExit("This measures a GPU, and torch finds none.")
    warnings.simplefilter("ignore")
    images = mnist_rows(folder, 60_000)
    yield tests()
    yield rivals(images)
    yield variants(images[:20_000])
    yield recurrent()
    yield scoring()
    yield detecting()
    yield grid()


def tests():
    """Return how the tests that need a GPU end."""
    marked = [
        path for path in (ROOT / "tests").rglob("test_*.py") if "mark.cuda" in path.read_text()
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "-m", "cuda", "-o", "addopts="]
    start = time.perf_counter()
    ended = subprocess.run([*command, *map(str, marked)], cwd=ROOT, capture_output=True, text=True)
    lines = ended.stdout.splitlines()
    failed = [line.split()[1] for line in lines if line.startswith("FAILED")]
    rows = [(name, "failed") for name in failed]
    rows.append((f"{time.perf_counter() - start:.0f} s", lines[-1] if lines else ended.stderr))
    return pd.DataFrame(rows, columns=["pytest -m cuda", "result"])


def rivals(X, device="cuda", n_epochs=20):
    """Return the time of epochs of skae, of a hand-written loop in a graph, and of skorch."""
    case = X, (784, 128, 32), 256, n_epochs
    skae = partial(_rivals.skae, *case, device=device)
    calls = {
        "skae": skae,
        "skae, precision='tf32'": partial(skae, precision="tf32"),
        "skae, precision='bfloat16'": partial(skae, precision="bfloat16"),
        "skorch, its defaults": partial(_rivals.skorch, *case, device=device),
    }
    if device == "cuda":
        calls["hand-written CUDA graph"] = partial(_rivals.cuda_graph, *case)
    seconds = {name: _seconds(call) for name, call in calls.items()}
    unit = seconds.get("hand-written CUDA graph", np.nan)
    rows = [(name, second, second / unit) for name, second in seconds.items()]
    title = f"{len(X):,} x 784, {n_epochs} epochs, {_name(device)}"
    return pd.DataFrame(rows, columns=[title, "s", "/ hand-written"])


def variants(X, device="cuda"):
    """Return the time of an epoch of each variant, played as a graph and launched."""
    rows, plain = [], np.nan
    for name, make in VARIANTS.items():
        ae = partial(make, batch_size=256, device=device)
        graph = _epoch(ae, X)
        with launched():
            one_by_one = _epoch(ae, X)
        plain = graph if name == "plain" else plain
        rows.append((name, 1e3 * graph, graph / plain, 1e3 * one_by_one, one_by_one / graph))
    return _epochs(rows, f"{len(X):,} x {X.shape[1]}, an epoch, {_name(device)}")


def recurrent(n_rows=20_000, device="cuda"):
    """Return the same for a recurrent network on windows of 50 times and two channels."""
    X = np.random.default_rng(0).normal(size=(n_rows, 50, 2)).astype(np.float32)
    network = SequenceNetwork(kind="gru")
    ae = partial(AutoencoderTransformer, 16, network=network, batch_size=256, device=device)
    graph = _epoch(ae, X)
    with launched():
        one_by_one = _epoch(ae, X)
    row = ("GRU", 1e3 * graph, np.nan, 1e3 * one_by_one, one_by_one / graph)
    return _epochs([row], f"{n_rows:,} x 50 x 2, an epoch, {_name(device)}")


def scoring(n_rows=1_000_000, device="cuda"):
    """Return the times of `transform` and `score_samples` of rows of the host."""
    X = np.random.default_rng(0).normal(size=(n_rows, 100)).astype(np.float32)
    ae = AutoencoderTransformer(16, max_iter=1, random_state=0, device=device).fit(X[:20_000])
    seconds = {name: _seconds(partial(getattr(ae, name), X)) for name in ANSWERS}
    rows = [(name, second, second / seconds["transform"]) for name, second in seconds.items()]
    title = f"{n_rows:,} x 100, {_name(device)}"
    return pd.DataFrame(rows, columns=[title, "s", "/ transform"])


ANSWERS = "transform", "reconstruct", "score_samples"


def detecting(n_rows=100_000, device="cuda"):
    """Return the times of the outlier detector for rows of the host, on a GPU and on the CPU."""
    X = np.random.default_rng(0).normal(size=(n_rows, 100)).astype(np.float32)
    rows = []
    for where in dict.fromkeys((device, "cpu")):
        detector = AutoencoderOutlierDetector(random_state=0, device=where)
        fit = _seconds(partial(detector.fit, X[:20_000]), n_rounds=1)
        transform, score = (
            _seconds(partial(getattr(detector, name), X), n_rounds=1)
            for name in ("transform", "score_samples")
        )
        one = _seconds(partial(detector.score_samples, X[:1]))
        rows.append((_name(where), fit, transform, score, score / transform, 1e3 * one))
    title = f"outlier detector, {n_rows:,} x 100"
    names = "fit s", "transform s", "score_samples s", "/ transform", "one row ms"
    return pd.DataFrame(rows, columns=[title, *names])


def grid(device="cuda", max_iter=50):
    """Return the times of a grid of four bottlenecks and five folds, serial and as stacks."""
    X = np.random.default_rng(0).normal(size=(2_000, 20)).astype(np.float32)
    rows = []
    for widths in ((256, 128), (32,)):
        for where in dict.fromkeys((device, "cpu")):
            ae = AutoencoderTransformer(
                hidden_layer_sizes=widths, max_iter=max_iter, random_state=0, device=where
            )
            search = GridSearchCV(ae, {"n_components": [2, 4, 8, 12]}, cv=5, refit=False)
            serial = _seconds(partial(search.fit, X), n_rounds=1)
            with stacked_fits(20):
                stacked = _seconds(partial(search.fit, X), n_rounds=1)
            rows.append((widths, _name(where), serial, stacked, serial / stacked))
    columns = ["widths", "4 bottlenecks x 5 folds, 2,000 x 20", "serial s", "stacked s", "ratio"]
    return pd.DataFrame(rows, columns=columns)


@contextmanager
def launched():
    """Launch the kernels of each step one by one."""
    before, _capturable.graphs_on = _capturable.graphs_on, lambda device: None
    try:
        yield
    finally:
        _capturable.graphs_on = before


def _epoch(make, X):
    """Return the seconds of an epoch, without what a fit does before and after."""
    shared = {"early_stopping": False, "learning_rate": "constant", "random_state": 0}
    few, many = (
        _seconds(lambda n=n: make(max_iter=n, n_iter_no_change=n, **shared).fit(X)) for n in (2, 8)
    )
    return (many - few) / 6


def _seconds(call, n_rounds=ROUNDS):
    """Return the median over rounds; one more, before, warms caches and allocators."""
    times = []
    for _ in range(n_rounds + 1):
        _wait()
        start = time.perf_counter()
        call()
        _wait()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def _wait():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _epochs(rows, title):
    columns = [title, "graph ms", "graph / plain", "launched ms", "launched / graph"]
    return pd.DataFrame(rows, columns=columns)


def _name(device):
    return "CPU" if device == "cpu" else torch.cuda.get_device_name()
