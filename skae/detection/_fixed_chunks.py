"""Products of rows, chunk by chunk: a row alone gives the bits that it gives in a batch."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skae._threads import one_thread

# A product takes one route for all chunks of this size, whatever is in the other rows.
ROWS = 64


def in_fixed_chunks(function: Callable[[Tensor], Tensor], rows: np.ndarray) -> np.ndarray:
    """Return a function of 64 rows at a time, in float64; zeros fill up the last chunk.

    The function is given a float32 tensor, which it may change, and returns one number or one row
    of numbers for each row.
    """
    answers = []
    # The limit on torch's threads holds for this thread of Python, that on NumPy's for all.
    with one_thread(), torch.inference_mode():
        chunk = torch.empty(ROWS, rows.shape[1], dtype=torch.float32, device="cpu")
        for start in range(0, len(rows), ROWS):
            some = torch.from_numpy(rows[start : start + ROWS])
            chunk[: len(some)] = some
            chunk[len(some) :] = 0
            answers.append(function(chunk)[: len(some)].double())
    return torch.cat(answers).numpy()
