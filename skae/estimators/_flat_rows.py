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
    n_dims = np.ndim(X) if isinstance(X, list | tuple) else getattr(X, "ndim", 2)
    if n_dims <= 2 or not network.takes_shaped_rows:
        return X, container
    xp = container.namespace or np
    X = xp.asarray(X)
    row_shape = tuple(X.shape[1:])
    network.for_rows(row_shape)
    X = xp.reshape(X, (X.shape[0], math.prod(row_shape)))
    return X, replace(container, row_shape=row_shape)
