"""How long skae takes, beside its matrix products alone and beside other ways to do it."""

import time
import warnings
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from skae import AutoencoderTransformer

from . import _rivals
from ._memory import memory_of_a_fit
from ._products import encoder_products, training_products
from ._time_to_error import time_to_error

ROUNDS = 5

# Name, rows, widths from the input to the code, batch size, epochs.
CASES = [
    ("MNIST 60k x 784", 60_000, (784, 128, 32), 256, 5),
    ("10k x 20", 10_000, (20, 64, 8), 256, 20),
    ("1k x 20", 1_000, (20, 64, 8), 128, 100),
]

RIVALS = {
    "skae": _rivals.skae,
    "scikit-learn MLPRegressor(X, X)": _rivals.scikit_learn,
    "textbook PyTorch loop": _rivals.textbook,
    "skorch, its defaults": _rivals.skorch,
    "PyOD AutoEncoder": _rivals.pyod,
}


def run(folder):
    """Measure training, the defaults, fixed costs, inference, memory and errors.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` and ``outliers/*.npz`` are; without MNIST, random numbers of the same
        shape are used, which take the same time.

    Yields
    ------
    table : DataFrame
        Medians of ratios over interleaved rounds, unless a column says otherwise.
    """
    warnings.simplefilter("ignore")
    yield training(folder)
    yield defaults(folder)
    yield fixed_cost(_rows(folder, 60_000, 784))
    yield inference()
    yield memory_of_a_fit()
    yield time_to_error(folder)


def training(folder):
    """Return the CPU time of a whole fit divided by that of the matrix products of its steps."""
    rivals = dict(RIVALS)
    if find_spec("pyod") is None:
        del rivals["PyOD AutoEncoder"]
    table = {}
    for name, n, sizes, batch_size, n_epochs in CASES:
        X = _rows(folder, n, sizes[0])
        calls = {
            rival: partial(fit, X, sizes, batch_size, n_epochs) for rival, fit in rivals.items()
        }
        # No more rows than there are: the last batch of an epoch is smaller.
        n_steps = round(n_epochs * n / batch_size)
        table[name] = _ratios(calls, partial(training_products(sizes, batch_size), n_steps), ROUNDS)
    return pd.DataFrame(table).rename_axis("CPU time / matrix products").reset_index()


def defaults(folder):
    """Return the same for the defaults: PCA start, linear paths, held-out rows, schedule."""
    rows = []
    for name, n, n_features, n_rounds in [
        ("MNIST 60k x 784", 60_000, 784, 1),
        ("10k x 20", 10_000, 20, ROUNDS),
    ]:
        X, ratios = _rows(folder, n, n_features), []
        for _ in range(n_rounds):
            start = time.process_time()
            ae = AutoencoderTransformer(random_state=0).fit(X)
            elapsed = time.process_time() - start
            batch_size = ae.net_.batch_size
            n_steps = round(ae.n_iter_ * 0.9 * n / batch_size)
            sizes = (n_features, 256, 128, ae.n_components_)
            floor = training_products(sizes, batch_size, linear_path=True)
            ratios.append(elapsed / _cpu_time(partial(floor, n_steps)))
        rows.append((name, ae.n_iter_, elapsed, np.median(ratios)))
    columns = ["defaults", "epochs", "CPU s", "CPU time / matrix products"]
    return pd.DataFrame(rows, columns=columns)


def fixed_cost(X):
    """Return the CPU time of a fit beyond that of its epochs, in epochs.

    It holds validation, scaling, the losses before and after training, and the moments of the
    codes; with ``init="pca"`` also PCA.
    """
    rows = []
    for init in ("random", "pca"):
        shares = []
        for _ in range(ROUNDS):
            one, four = (
                _cpu_time(partial(_rivals.skae, X, (784, 128, 32), 256, n, init=init))
                for n in (1, 4)
            )
            epoch = (four - one) / 3
            shares.append(one / epoch - 1)
        rows.append((init, np.median(shares)))
    return pd.DataFrame(rows, columns=["MNIST 60k x 784, init", "fixed CPU time / an epoch"])


def inference():
    """Return the CPU time of transform beside its matrix products and beside PCA's."""
    X = np.random.default_rng(0).normal(size=(100_000, 64)).astype(np.float32)
    ae = AutoencoderTransformer(activation="relu", max_iter=1, random_state=0).fit(X[:5000])
    pca = PCA(ae.n_components_).fit(X[:5000])
    floor = encoder_products((64, 256, 128, ae.n_components_), len(X))
    many = _ratios({"": lambda: ae.transform(X)}, floor, ROUNDS)[""]
    one_row = X[:1]
    calls = {
        f"{name} of one row": partial(_often, getattr(ae, name), one_row)
        for name in ("transform", "score_samples", "reconstruct")
    }
    one = _ratios(calls, partial(_often, pca.transform, one_row), ROUNDS)
    rows = [("transform of 100k x 64", "matrix products", many)]
    rows += [(name, "PCA.transform of one row", ratio) for name, ratio in one.items()]
    return pd.DataFrame(rows, columns=["call", "beside", "CPU time ratio"])


def _often(method, rows):
    for _ in range(1000):
        method(rows)


def mnist_rows(folder, n_samples):
    """Return MNIST's images for training as rows, or random numbers where they are not."""
    return _rows(folder, n_samples, 784)


def _rows(folder, n_samples, n_features):
    file = folder / "mnist.npz"
    if n_features == 784 and file.exists():
        with np.load(file) as arrays:
            return (arrays["X_train"].reshape(-1, 784) / 255).astype(np.float32)
    return np.random.default_rng(0).normal(size=(n_samples, n_features)).astype(np.float32)


def _cpu_time(call):
    start = time.process_time()
    call()
    return time.process_time() - start


def _ratios(calls, reference, n_rounds):
    """Return the median over rounds of the time of each call, divided by the reference's."""
    ratios = {name: [] for name in calls}
    # One round more than is counted: the first one warms caches and allocators.
    for _ in range(n_rounds + 1):
        unit = _cpu_time(reference)
        for name, call in calls.items():
            ratios[name].append(_cpu_time(call) / unit)
    return {name: np.median(values[1:]) for name, values in ratios.items()}


def _errors(folder):
    warnings.simplefilter("ignore")
    yield time_to_error(folder)


PARTS = {"errors": _errors}
