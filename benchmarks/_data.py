"""The tables that the first benchmarks run on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEEDS = (0, 1, 2)
MNIST_ROWS = 10_000
PLAIN_ROWS, LEAST_ROWS = 2_000, 500


@dataclass
class Table:
    """A data set, cut into training and test rows by a seed.

    Parameters
    ----------
    name : str
        What it is called in the results.
    n_components : tuple of int
        The code sizes that it is measured at.
    split : callable
        ``split(seed)`` returns X_train, X_test, y_train, y_test.
    classes : bool
        Whether y holds class labels.
    """

    name: str
    n_components: tuple
    split: Callable
    classes: bool = True


def bundled_tables():
    """Return the tables that ship with scikit-learn, standardised by their training rows."""
    loaders = [
        ("breast cancer", datasets.load_breast_cancer, (2, 5), True),
        ("wine", datasets.load_wine, (2, 5), True),
        ("diabetes", datasets.load_diabetes, (2, 5), False),
        ("iris", datasets.load_iris, (1, 2), True),
    ]
    return [
        Table(name, sizes, _splitter(load, StandardScaler()), classes)
        for name, load, sizes, classes in loaders
    ]


def image_tables(folder):
    """Return the digits that ship with scikit-learn and, if its file is there, MNIST."""
    tables = [Table("digits", (2, 8, 16), _splitter(datasets.load_digits))]
    file = folder / "mnist.npz"
    if file.exists():
        tables.append(Table("MNIST", (2, 8, 16), lambda seed: _split_mnist(file, seed)))
    else:
        print(f"MNIST is left out: {_how_to_get(file)}")
    return tables


def plain_tables(folder):
    """Return the larger labelled sets as tables without classes, standardised.

    Parameters
    ----------
    folder : Path
        Its subfolder ``outliers`` holds one file per set; without any the list is empty.

    Returns
    -------
    tables : list of Table
        At most `PLAIN_ROWS` rows of each set that has `LEAST_ROWS`, without the images among them.
    """
    if not any((folder / "outliers").glob("*.npz")):
        print(f"Plain tables are left out: {_how_to_get_sets(folder / 'outliers')}")
        return []
    return [
        Table(
            name,
            ("auto",),
            _splitter(partial(_unlabelled, _some(X)), StandardScaler()),
            classes=False,
        )
        for name, X, _ in labelled_sets(folder)
        if len(X) >= LEAST_ROWS and name != "mnist"
    ]


def load_mnist(folder):
    """Return all images of MNIST as rows of float32 in [0, 1], those for training and for tests.

    Raises
    ------
    SystemExit
        If they are not there.
    """
    images = labelled_images(folder)[:2]
    return [x.reshape(len(x), -1) for x in images]


def labelled_images(folder):
    """Return the images of MNIST in [0, 1] and their classes: for training, and new ones.

    Raises
    ------
    SystemExit
        If they are not there.
    """
    file = folder / "mnist.npz"
    if not file.exists():
        raise SystemExit(f"This needs MNIST, and {_how_to_get(file)}")
    with np.load(file) as arrays:
        images = [(arrays[name] / 255).astype(np.float32) for name in ("X_train", "X_test")]
        classes = [arrays[name].astype(int) for name in ("y_train", "y_test")]
    return *images, *classes


def labelled_sets(folder):
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
        raise SystemExit(_how_to_get_sets(folder / "outliers"))
    sets = []
    for file in files:
        with np.load(file) as arrays:
            sets.append((file.stem, arrays["X"].astype(np.float64), arrays["y"].astype(int)))
    return sets


def stratified_split(X, y, test_size, seed, scaled):
    """Return training rows, new rows, and their classes; training rows set the scale, if any."""
    X, new, y, y_new = train_test_split(X, y, test_size=test_size, stratify=y, random_state=seed)
    if scaled:
        scaler = StandardScaler().fit(X)
        X, new = scaler.transform(X), scaler.transform(new)
    return X, new, y, y_new


def some_labels(y, n_labels, seed):
    """Return labels of some rows: equally many of ten classes, or else rows drawn at random.

    A draw that misses a class is drawn again.
    """
    rng = np.random.RandomState(seed)
    classes = np.unique(y)
    if len(classes) == 10:
        of_each = [np.flatnonzero(y == c) for c in classes]
        chosen = np.concatenate([rng.choice(c, n_labels // 10, replace=False) for c in of_each])
    else:
        chosen = rng.permutation(len(y))[:n_labels]
        while len(np.unique(y[chosen])) < len(classes):
            chosen = rng.permutation(len(y))[:n_labels]
    some = np.full(len(y), -1)
    some[chosen] = y[chosen]
    return some


def _how_to_get(file):
    return (
        f"{file} is not there. It holds X_train (60000, 28, 28), y_train, X_test (10000, 28, 28), "
        f"y_test; sklearn.datasets.fetch_openml('mnist_784') has the same rows. Save them with "
        f"numpy.savez and pass --data FOLDER."
    )


def _how_to_get_sets(folder):
    return (
        f"{folder} holds no *.npz. Each is one labelled set with X (n_rows, n_features) and y, 1 "
        f"for an outlier; ADBench's classical sets (its folder datasets/Classical) have this "
        f"form. Put some there, without the number before the name, and pass --data FOLDER."
    )


def _splitter(load, scaler=None):
    def split(seed):
        X, y = load(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        if scaler is not None:
            X_train, X_test = scaler.fit_transform(X_train), scaler.transform(X_test)
        return X_train, X_test, y_train, y_test

    return split


def _some(X):
    return X[np.random.RandomState(0).permutation(len(X))[:PLAIN_ROWS]]


def _unlabelled(X, return_X_y):
    """Return rows and no classes, like a loader of scikit-learn."""
    return X, np.zeros(len(X))


def _split_mnist(file, seed):
    with np.load(file) as arrays:
        x_train, y_train = arrays["X_train"], arrays["y_train"]
        x_test, y_test = arrays["X_test"], arrays["y_test"]
    rows = np.random.RandomState(seed).permutation(len(x_train))[:MNIST_ROWS]
    scaled = [x.reshape(len(x), -1) / 255 for x in (x_train[rows], x_test)]
    return *scaled, y_train[rows], y_test
