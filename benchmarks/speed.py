"""CPU time of a whole fit, beside its matrix products and beside other ways to train it."""

import itertools
import time
import warnings

import numpy as np
import pandas as pd
import torch
from sklearn.neural_network import MLPRegressor
from skorch import NeuralNetRegressor
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from skae import AutoencoderTransformer

ROUNDS = 5
RATE = 1e-3

# Name, rows, widths from the input to the code, batch size, epochs.
CASES = [
    ("MNIST 60k x 784", 60_000, (784, 128, 32), 256, 5),
    ("10k x 20", 10_000, (20, 64, 8), 256, 20),
    ("1k x 20", 1_000, (20, 64, 8), 128, 100),
]


def run(folder):
    """Time every rival on every case, interleaved, each round against the floor of the round.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is; without it, random numbers of the same shape are used, which
        take the same time.

    Returns
    -------
    results : DataFrame
        One row for each rival: medians over the rounds of CPU time divided by the floor's.
    """
    warnings.simplefilter("ignore")
    table = {
        name: _measure(_rows(folder, n, sizes[0]), sizes, *rest) for name, n, sizes, *rest in CASES
    }
    return pd.DataFrame(table).rename_axis("CPU time / matrix products").reset_index()


def _rows(folder, n_samples, n_features):
    file = folder / "mnist.npz"
    if n_features == 784 and file.exists():
        with np.load(file) as arrays:
            return (arrays["X_train"].reshape(-1, 784) / 255).astype(np.float32)
    return np.random.default_rng(0).normal(size=(n_samples, n_features)).astype(np.float32)


def _measure(X, sizes, batch_size, n_epochs):
    ratios = {}
    for round_ in range(ROUNDS + 1):
        floor = _cpu_time(matrix_products, X, sizes, batch_size, n_epochs)
        for name, fit in RIVALS.items():
            ratio = _cpu_time(fit, X, sizes, batch_size, n_epochs) / floor
            # The first round warms caches and allocators.
            if round_:
                ratios.setdefault(name, []).append(ratio)
    return {name: np.median(values) for name, values in ratios.items()}


def _cpu_time(call, *arguments):
    start = time.process_time()
    call(*arguments)
    return time.process_time() - start


def matrix_products(X, sizes, batch_size, n_epochs):
    """Do the products of all steps and nothing else, in buffers made once."""
    widths = (*sizes, *sizes[-2::-1])
    weights = [torch.randn(o, i) / i**0.5 for i, o in itertools.pairwise(widths)]
    rows = [torch.randn(batch_size, width) for width in widths]
    deltas = [torch.randn(batch_size, width) for width in widths]
    gradients = [torch.empty_like(weight) for weight in weights]
    layers = range(len(weights))
    for _ in range(n_epochs * -(-len(X) // batch_size)):
        for i in layers:
            torch.mm(rows[i], weights[i].t(), out=rows[i + 1])
        for i in reversed(layers):
            torch.mm(deltas[i + 1].t(), rows[i], out=gradients[i])
            if i:
                torch.mm(deltas[i + 1], weights[i], out=deltas[i])


def _skae(X, sizes, batch_size, n_epochs):
    AutoencoderTransformer(
        sizes[-1],
        hidden_layer_sizes=sizes[1:-1],
        activation="relu",
        init="random",
        early_stopping=False,
        learning_rate="constant",
        n_iter_no_change=n_epochs,
        learning_rate_init=RATE,
        batch_size=batch_size,
        max_iter=n_epochs,
        random_state=0,
    ).fit(X)


def _scikit_learn(X, sizes, batch_size, n_epochs):
    MLPRegressor(
        hidden_layer_sizes=(*sizes[1:], *sizes[-2:0:-1]),
        learning_rate_init=RATE,
        batch_size=batch_size,
        max_iter=n_epochs,
        n_iter_no_change=n_epochs,
        random_state=0,
    ).fit(X, X)


def _network(sizes):
    widths = (*sizes, *sizes[-2::-1])
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _skorch(X, sizes, batch_size, n_epochs):
    NeuralNetRegressor(
        _network(sizes),
        optimizer=torch.optim.Adam,
        lr=RATE,
        batch_size=batch_size,
        max_epochs=n_epochs,
        train_split=None,
        verbose=0,
    ).fit(X, X)


def _textbook(X, sizes, batch_size, n_epochs):
    network = _network(sizes)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    loader = DataLoader(TensorDataset(torch.from_numpy(X)), batch_size=batch_size, shuffle=True)
    for _ in range(n_epochs):
        total = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()


def _pyod(X, sizes, batch_size, n_epochs):
    from pyod.models.auto_encoder import AutoEncoder

    AutoEncoder(
        hidden_neuron_list=list(sizes[1:]),
        batch_norm=False,
        dropout_rate=0.0,
        preprocessing=False,
        lr=RATE,
        batch_size=batch_size,
        epoch_num=n_epochs,
        device="cpu",
        verbose=0,
    ).fit(X)


RIVALS = {
    "skae": _skae,
    "scikit-learn MLPRegressor(X, X)": _scikit_learn,
    "textbook PyTorch loop": _textbook,
    "skorch, its defaults": _skorch,
    "PyOD AutoEncoder": _pyod,
}
try:
    import pyod  # noqa: F401
except ImportError:
    del RIVALS["PyOD AutoEncoder"]
