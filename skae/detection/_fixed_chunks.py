"""Functions of rows, chunk by chunk: a row alone gives the bits that it gives in a batch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skae._chunks import slices
from skae._threads import one_thread
from skae.engine import largest_chunk

# Cells, of all members together, and rows of a chunk on a GPU: enough to keep it busy. What is
# computed of them takes up to half a gigabyte.
_CELLS_OF_GPU, _FEWEST_ROWS, _MOST_ROWS = 2**22, 64, 2**14


def in_fixed_chunks(
    function: Callable[[Tensor], Tensor], rows: np.ndarray, size: int | None = None
) -> np.ndarray:
    """Return a function of chunks of rows in float64; zeros fill up the last one.

    The function is given a float64 tensor of the CPU, and returns one number or one row of numbers
    for each row. These stay on their device until all rows are there: a GPU works on a chunk while
    the next one is read. The `size` of a chunk is the largest of a CPU by default, which always
    gives the same bits.
    """
    size = size or largest_chunk(rows.shape[1])
    answers = []
    # The limit on torch's threads holds for this thread of Python, that on NumPy's for all.
    with one_thread(), torch.inference_mode():
        # Products may depend on where memory begins: a tensor of torch's own, always the same.
        chunk = torch.empty(size, rows.shape[1], dtype=torch.float64, device="cpu")
        for selection in slices(len(rows), size):
            some = torch.from_numpy(rows[selection])
            chunk[: len(some)] = some
            chunk[len(some) :] = 0
            answers.append(function(chunk)[: len(some)].double())
    return torch.cat(answers).cpu().numpy()


def chunk_of_gpu(width: int, n_members: int) -> int:
    """Return the number of rows of this width that a GPU scores at once, for some members."""
    n_rows = _CELLS_OF_GPU // (width * n_members)
    return max(_FEWEST_ROWS, min(_MOST_ROWS, n_rows // _FEWEST_ROWS * _FEWEST_ROWS))
