"""Samples of a class: does a classifier of real images name the class that was asked for?"""

import time

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from skae import AdversarialAutoencoder, VariationalAutoencoder

from ._data import MNIST_ROWS, labelled_images

SEEDS = range(3)
OF_EACH_CLASS = 100
LABELLED_SHARE = 0.1


def run_samples(folder):
    """Measure conditional generators of digits.

    Parameters
    ----------
    folder : Path
        Where ``mnist.npz`` is.

    Yields
    ------
    results : DataFrame
        Shares of samples that an SVC, trained on real images, names as asked for, beside its
        accuracy on real images that it has not seen.
    """
    X, y = datasets.load_digits(return_X_y=True)
    yield _measure("digits", *train_test_split(X, y, test_size=0.3, stratify=y, random_state=0))
    images, new, classes, new_classes = labelled_images(folder)
    some = np.random.RandomState(0).permutation(len(images))[:MNIST_ROWS]
    rows, new = (x.reshape(len(x), -1) for x in (images[some], new))
    yield _measure("MNIST", rows, new, classes[some], new_classes)


def _measure(name, X, new, y, y_new):
    judge = SVC().fit(X, y)
    real = judge.score(new, y_new)
    found = []
    for kind in (VariationalAutoencoder, AdversarialAutoencoder):
        for n_components in (8, 32):
            for share in (1.0, LABELLED_SHARE):
                start = time.process_time()
                shares = [_share(kind, n_components, share, judge, X, y, seed) for seed in SEEDS]
                row = {
                    "data": name,
                    "estimator": kind.__name__,
                    "n_components": n_components,
                    "labelled": share,
                    "as asked": np.mean(shares),
                    "worst seed": np.min(shares),
                    "real images": real,
                    "CPU s": (time.process_time() - start) / len(SEEDS),
                }
                print(row, flush=True)
                found.append(row)
    return pd.DataFrame(found)


def _share(kind, n_components, labelled, judge, X, y, seed):
    """Return the share of samples that the judge names as asked for."""
    some = np.where(np.random.RandomState(seed).random(len(y)) < labelled, y, -1)
    model = kind(n_components, conditional=True, random_state=seed).fit(X, some)
    asked = np.repeat(model.classes_, OF_EACH_CLASS)
    return np.mean(judge.predict(model.sample(len(asked), seed, y=asked)) == asked)
