"""Accuracy with few labels: rows without one help, or do not."""

import time
from functools import partial

import pandas as pd
from sklearn import datasets
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from skae import AutoencoderClassifier, DenoisingAutoencoder
from skae.networks import ConvolutionalNetwork

from ._data import labelled_images, labelled_sets, some_labels, stratified_split
from .class_priors import run_variational
from .class_samples import run_samples
from .numbers import run_numbers, with_mean

SEEDS = range(5)
# Every set of the folder in which a tenth of the rows is of the smaller class, with rows for a
# hundred labels and as many without.
LEAST_SHARE, LEAST_ROWS, MOST_ROWS = 0.1, 300, 4_000


def run(folder):
    """Measure all parts.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` and the folder ``outliers`` are, as far as they are there.

    Yields
    ------
    results : DataFrame
        Accuracies, with the mean and the worst over five draws of the labels, and shares of samples
        that are of the class that was asked for. Numbers have R².
    """
    for part in PARTS.values():
        yield from part(folder)


def run_mnist(folder):
    """Measure MNIST with 100 and 1,000 labels, as :func:`run` does."""
    images = labelled_images(folder)
    for n_labels in (100, 1_000):
        yield _summary("MNIST", n_labels, [_measure(*images, n_labels, seed) for seed in SEEDS])


def run_digits(folder):
    """Measure the digits of scikit-learn with 50 labels, as :func:`run` does."""
    X, y = datasets.load_digits(return_X_y=True)
    draws = [_measure(*_split(X, y, seed, scaled=False), 50, seed) for seed in SEEDS]
    yield _summary("digits", 50, draws)


def run_few(folder):
    """Measure tables with 20 and 100 labels: means over five draws, and over the tables."""
    for n_labels in (20, 100):
        rows = []
        for name, X, y in _tables(folder):
            draws = [_measure(*_split(X, y, seed), n_labels, seed) for seed in SEEDS]
            means = pd.DataFrame(draws).mean().drop("CPU s")
            rows.append({"data": name, "labels": n_labels, **means})
            print(rows[-1], flush=True)
        yield with_mean(rows)


PARTS = {
    "mnist": run_mnist,
    "digits": run_digits,
    "few": run_few,
    "numbers": run_numbers,
    "variational": run_variational,
    "samples": run_samples,
}


def _summary(name, n_labels, draws):
    """Return mean and worst accuracy of each method."""
    table = pd.DataFrame(draws)
    found = pd.DataFrame({"mean": table.mean(), "worst": table.min(), "std": table.std()})
    found.insert(0, "method", [f"{name}, {n_labels}: {method}" for method in found.index])
    return found.reset_index(drop=True)


def _tables(folder):
    """Yield name, rows and classes of tables that are no images."""
    yield "wine", *datasets.load_wine(return_X_y=True)
    yield "breast cancer", *datasets.load_breast_cancer(return_X_y=True)
    for name, X, y in labelled_sets(folder):
        is_image = name in ("mnist", "optdigits")
        if not is_image and len(X) >= LEAST_ROWS and y.mean() >= LEAST_SHARE:
            yield name, X, y


def _split(X, y, seed, scaled=True):
    """Return training rows, new rows, and their classes."""
    if len(X) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=seed)
    return stratified_split(X, y, 0.3, seed, scaled)


def _measure(X, new, y, y_new, n_labels, seed):
    """Return the accuracy of each method on new rows, and the time of ours."""
    some = some_labels(y, n_labels, seed)
    known = some >= 0
    start = time.process_time()
    ours = AutoencoderClassifier(random_state=seed).fit(X, some)
    seconds = time.process_time() - start
    found = {"skae": ours.score(new, y_new), "CPU s": seconds}
    print(n_labels, seed, found, flush=True)
    alone = AutoencoderClassifier(random_state=seed).fit(X[known], some[known])
    found["labels alone"] = alone.score(new, y_new)
    flat, flat_new = X.reshape(len(X), -1), new.reshape(len(new), -1)
    network = ConvolutionalNetwork() if X.ndim > 2 else None
    max_iter = 5 if len(X) > 10_000 else 50
    n_components = min(32, flat.shape[1])
    encoder = DenoisingAutoencoder(
        n_components, network=network, max_iter=max_iter, random_state=seed
    ).fit(X)
    codes, new_codes = encoder.transform(X), encoder.transform(new)
    regression = partial(LogisticRegression, max_iter=5_000)
    for where, rows, new_rows in (("rows", flat, flat_new), ("codes", codes, new_codes)):
        methods = {
            f"LogisticRegression, {where}": (regression(), known),
            f"self-training, {where}": (SelfTrainingClassifier(regression()), slice(None)),
            f"LabelSpreading, {where}": (LabelSpreading(kernel="knn"), slice(None)),
        }
        if where == "rows":
            methods["HistGradientBoosting"] = (HistGradientBoostingClassifier(), known)
        for name, (method, used) in methods.items():
            method.fit(rows[used], some[used])
            found[name] = method.score(new_rows, y_new)
    return found
