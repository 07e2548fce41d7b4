"""Images and windows as rows of a table."""

import math
from dataclasses import replace

import numpy as np


def flatten_rows(estimator, X, container, reset):
    """Return an array of images or windows as a table, and remember their shape.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Whose network says whether rows may have a shape, and which.
    X : {array-like, sparse matrix, tensor}
        What the caller gave. Where nothing is to be flattened it is returned as it is.
    container : Container
        The kind of array that it is.
    reset : bool
        Whether the network is still to be made.

    Returns
    -------
    X : {array-like, sparse matrix, tensor}
        An array of two dimensions, a view where `X` lies in memory, or in a mapped file, row by
        row.
    container : Container
        With the shape of the rows.

    Raises
    ------
    ValueError
        If the rows have another shape than the network.
    """
    network = estimator._make_network() if reset else estimator.network_
    shape = shape_of(X)
    if not reset and not hasattr(type(X), "columns"):
        _check_more_than_one_row(shape, estimator, network)
    if not network.takes_shaped_rows:
        check_two_dimensions(shape, type(estimator).__name__, _cure(shape))
    if len(shape) <= 2:
        return X, container
    xp = container.namespace or np
    X = xp.asarray(X)
    row_shape = tuple(shape[1:])
    if not reset:
        # The network of a new fit is asked when it is made.
        network.for_rows(row_shape)
    X = xp.reshape(X, (X.shape[0], math.prod(row_shape)))
    return X, replace(container, row_shape=row_shape)


def shape_of(X):
    """Return the shape of what a caller gave, as a tuple; that of a sparse matrix, too."""
    return np.shape(X) if isinstance(X, list | tuple) else tuple(getattr(X, "shape", ()))


def check_two_dimensions(shape, name, cure):
    """Refuse arrays of more than two dimensions.

    Parameters
    ----------
    shape : tuple of int
        Shape of the array.
    name : str
        What takes tables only, for the error.
    cure : str
        What to do, for the error.

    Raises
    ------
    ValueError
        If it has more.
    """
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)}, while dim <= 2 is required by {name}: X has the "
            f"shape {shape}. {cure}"
        )


def _cure(shape):
    images = "for images use ConvolutionalAutoencoder, or network=ConvolutionalNetwork()"
    windows = "for windows of signals use network=SequenceNetwork()"
    fitting = {3: f"{images}; {windows}; ", 4: f"{images}; "}.get(len(shape), "")
    cure = f"{fitting}for rows whose shape means nothing give X.reshape(len(X), -1)."
    return cure[0].upper() + cure[1:]


def _check_more_than_one_row(shape, estimator, network):
    """Refuse a single image, window or row that lacks the first dimension."""
    n_features = estimator.n_features_in_
    if len(shape) > 1 and shape[0] != 1 and math.prod(shape) == n_features:
        cure = "X[None]" if network.takes_shaped_rows else "X.reshape(1, -1)"
        raise ValueError(
            f"X has {shape[-1]} features, but {type(estimator).__name__} is expecting {n_features} "
            f"features as input. X of shape {shape} holds as many values as a single row: if it is "
            f"one, give {cure}."
        )
