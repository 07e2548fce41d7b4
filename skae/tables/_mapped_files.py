"""Arrays that are mapped from files."""

import mmap
import tempfile
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from skae._chunks import rows_in_chunk, slices


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


class _FilledRows:
    """An array that is mapped from a file, in which a gap is a value of its column."""

    def __init__(self, X: Any, values: np.ndarray) -> None:
        self._table, self._values = X, values.astype(X.dtype)
        self.shape, self.dtype = X.shape, X.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, selection: Any) -> np.ndarray:
        """Return the selected rows, a new array."""
        rows = self._table[selection]
        return np.where(np.isnan(rows), self._values, rows)


def filled(X: Any, values: np.ndarray) -> Any:
    """Return rows in which a gap is the value of its column; those of a file as they are read."""
    rows = _FilledRows(X, values)
    return rows if is_memory_mapped(X) else rows[:]


def is_memory_mapped(X: Any) -> bool:
    """Return whether the values of an array live in a file."""
    if isinstance(X, SelectedRows):
        return True
    while isinstance(X, np.ndarray):
        X = X.base
    return isinstance(X, mmap.mmap)


def slices_in_memory(X: Any) -> Iterator[slice]:
    """Yield slices whose rows fit into memory: those of a mapped file, or all rows at once."""
    if not is_memory_mapped(X):
        yield slice(0, len(X))
        return
    yield from slices(len(X), rows_in_chunk(X.shape[1]))


class RowFile:
    """Rows that are written one after the other to a temporary file, and then mapped from it.

    The first rows tell the type of all. The file has no name, and is gone with the array that is
    mapped from it. It is in the folder for temporary files, which the environment variable TMPDIR
    names. A context manager: the array is mapped before it ends.
    """

    def __init__(self) -> None:
        self.dtype: Any = None
        self._file = tempfile.TemporaryFile(prefix="skae-")  # noqa: SIM115, `__exit__` closes it
        self._n_rows = 0
        self._row_shape: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, rows: np.ndarray) -> None:
        """Write the next rows."""
        if self.dtype is None:
            self.dtype, self._row_shape = rows.dtype, rows.shape[1:]
        try:
            self._file.write(np.ascontiguousarray(rows, dtype=self.dtype).data)
        except OSError as error:
            raise OSError(
                error.errno,
                f"{error.strerror}: {self._n_rows} rows are written to a temporary file in "
                f"{tempfile.gettempdir()}, and there is no room for more. Set the environment "
                f"variable TMPDIR to a folder with room for the table in numbers",
            ) from error
        self._n_rows += len(rows)

    def mapped(self) -> np.ndarray:
        """Return all rows, which stay in the file until they are read."""
        shape = (self._n_rows, *self._row_shape)
        if not self._n_rows:
            return np.empty(shape, self.dtype)
        self._file.flush()
        return np.memmap(self._file, self.dtype, mode="r+", shape=shape)
