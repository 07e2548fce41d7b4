"""A variational autoencoder under the classifier, with a prior of codes for each class or one."""

from unittest.mock import patch

import numpy as np
import pandas as pd
from sklearn import datasets

from skae import AutoencoderClassifier, VariationalAutoencoder
from skae.supervised import _joint_training

from ._data import some_labels, stratified_split

SEEDS = range(5)

# Data, labels, and components of the codes.
CASES = (
    (datasets.load_digits, 50, 16),
    (datasets.load_digits, 50, 32),
    (datasets.load_wine, 20, 8),
    (datasets.load_breast_cancer, 20, 8),
)
# "bare" leaves the prior as all that rows without a label can help by.
SETTINGS = {"bare": {"consistency": 0.0, "n_propagations": 0}, "defaults": {}}


def run_variational(folder):
    """Measure variational autoencoders under `AutoencoderClassifier`.

    Parameters
    ----------
    folder : Path
        Not needed: the data ship with scikit-learn.

    Yields
    ------
    results : DataFrame
        Accuracies on the half of the rows that is held out, means over five draws of the labels.
    """
    rows = [_measure(*case, name) for name in SETTINGS for case in CASES]
    yield pd.DataFrame(rows)


def _measure(load, n_labels, n_components, setting):
    X, y = load(return_X_y=True)
    draws = [_draw(X, y, n_labels, n_components, SETTINGS[setting], seed) for seed in SEEDS]
    return {
        "data": load.__name__.removeprefix("load_").replace("_", " "),
        "labels": n_labels,
        "codes": n_components,
        "setting": setting,
        **pd.DataFrame(draws).mean(),
    }


def _draw(X, y, n_labels, n_components, params, seed):
    # The pixels of digits have one unit.
    X, new, y, y_new = stratified_split(X, y, 0.5, seed, scaled=len(np.unique(y)) < 10)
    some = some_labels(y, n_labels, seed)
    known = some >= 0

    def accuracy(X, y):
        vae = VariationalAutoencoder(n_components, random_state=seed)
        return AutoencoderClassifier(vae, random_state=seed, **params).fit(X, y).score(new, y_new)

    found = {"labels alone": accuracy(X[known], y[known]), "with class priors": accuracy(X, some)}
    # No parameter leaves out the priors alone.
    with patch.object(_joint_training, "_class_prior", return_value=None):
        found["with one prior"] = accuracy(X, some)
    return found
