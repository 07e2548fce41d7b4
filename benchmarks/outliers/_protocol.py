"""Labelled sets, and what is trained on and scored of them."""

import numpy as np
from sklearn.model_selection import train_test_split

PROTOCOLS = ("unsupervised", "one-class")
SEEDS = (0, 1, 2)
MOST_TRAINING_ROWS = 10_000


def load(folder):
    """Return every labelled set.

    Parameters
    ----------
    folder : Path
        Its subfolder ``outliers`` holds one file per set.

    Returns
    -------
    sets : list of (name, X, y)
        X is float64, y is 1 for an outlier and 0 for an ordinary row.

    Raises
    ------
    SystemExit
        If there is none.
    """
    files = sorted((folder / "outliers").glob("*.npz"), key=lambda file: file.stem.lower())
    if not files:
        raise SystemExit(_how_to_get(folder / "outliers"))
    sets = []
    for file in files:
        with np.load(file) as arrays:
            sets.append((file.stem, arrays["X"].astype(np.float64), arrays["y"].astype(int)))
    return sets


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


def _how_to_get(folder):
    return (
        f"{folder} holds no *.npz. Each is one labelled set with X (n_rows, n_features) and y, 1 "
        f"for an outlier; ADBench's classical sets (its folder datasets/Classical) have this "
        f"form. Put some there, without the number before the name, and pass --data FOLDER."
    )
