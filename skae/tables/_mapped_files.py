"""Arrays that are mapped from files."""

import mmap

import numpy as np


class SelectedRows:
    """Some rows of an array that is mapped from a file, where they stay until they are read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The array.
    indices : ndarray of int
        Which of its rows.
    """

    def __init__(self, X, indices):
        self.table, self.indices = X, indices
        self.shape = (len(indices), X.shape[1])
        self.dtype = X.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, selection):
        """Return the selected rows of these, a new array."""
        return self.table[self.indices[selection]]


def is_memory_mapped(X):
    """Return whether the values of an array live in a file."""
    if isinstance(X, SelectedRows):
        return True
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X, mmap.mmap)
