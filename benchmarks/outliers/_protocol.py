"""Labelled sets, and what is trained on and scored of them."""

import numpy as np
from sklearn.model_selection import train_test_split

PROTOCOLS = ("unsupervised", "one-class")
SEEDS = (0, 1, 2)
MOST_TRAINING_ROWS = 10_000


def split(X, y, protocol, seed):
    """Return the rows to train on, and those to score with their labels.

    70% of the rows are for training, as many outliers among them as elsewhere. At most 10,000 of
    them are used, drawn by the seed: of all for "unsupervised", of the ordinary ones for
    "one-class". Both protocols score the same rows.

    Returns
    -------
    X_train, X_test, y_test : ndarray
    """
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    if protocol == "one-class":
        X_train = X_train[y_train == 0]
    rows = np.random.RandomState(seed).permutation(len(X_train))[:MOST_TRAINING_ROWS]
    return X_train[rows], X_test, y_test
