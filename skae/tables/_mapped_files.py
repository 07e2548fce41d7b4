"""Arrays that are mapped from files."""

import mmap
from typing import Any

import numpy as np


class SelectedRows:
    """The rows at `indices` of an array that is mapped from a file; they stay there until read."""

    def __init__(self, X: np.ndarray, indices: np.ndarray) -> None:
        self.table, self.indices = X, indices
        self.shape = (len(indices), X.shape[1])
        self.dtype = X.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, selection: Any) -> np.ndarray:
        """Return the selected rows of these, a new array."""
        return self.table[self.indices[selection]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows, a new array."""
        return np.asarray(self[:], dtype=dtype)


def is_memory_mapped(X: Any) -> bool:
    """Return whether the values of an array live in a file."""
    if isinstance(X, SelectedRows):
        return True
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X, mmap.mmap)
