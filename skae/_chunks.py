"""Chunks of rows that are read at a time."""

from collections.abc import Iterator

import torch

# Cells of a chunk that is read where its number of rows does not matter: few enough to stay in
# a core's cache, or many enough to keep a GPU busy, and rows enough for a matrix product.
_CHUNK_CELLS, _CHUNK_CELLS_GPU, _CHUNK_ROWS = 2**17, 2**23, 64

# Rows and cells of a file beyond which its rows are not permuted one by one: an index of all rows
# would take much memory, and reading them one by one much time.
_MOST_ROWS, _MOST_CELLS = 2**23, 2**28

CPU = torch.device("cpu")


def rows_in_chunk(n_features: int, device: torch.device = CPU) -> int:
    """Return the number of rows of this width that are read at a time on a device."""
    cells = _CHUNK_CELLS if device.type == "cpu" else _CHUNK_CELLS_GPU
    return max(_CHUNK_ROWS, cells // max(n_features, 1))


def slices(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows that cover `n_rows` in order."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def is_large(shape: tuple[int, int]) -> bool:
    """Return whether a table in a file is read and permuted in blocks of rows."""
    return shape[0] > _MOST_ROWS or shape[0] * shape[1] > _MOST_CELLS
