"""Running a fitted network over rows."""

import numpy as np
import torch

from ._threads import one_thread

# Every product is done on this many rows, whatever the rest of the last chunk holds, and on
# one thread: the BLAS then takes the same route for every row, and a row alone gives the bits
# that it gives in a batch. The size trades the latency of one row against the overhead of a
# chunk.
CHUNK = 64

# A GPU has no such promise to keep, and needs more rows at a time to be busy.
_GPU_CHUNK = 8192


def forward_in_chunks(function, rows, module):
    """Yield ``function`` of the rows, chunk by chunk.

    Nothing that threads share is written, so that they may run at once.

    Parameters
    ----------
    function : callable
        Maps a tensor of shape (n_chunk, n_in), in the module's dtype and on its device, to a
        tensor whose first dimension is the same rows.
    rows : ScaledRows
        The input.
    module : torch.nn.Module
        The fitted network, in evaluation mode; its dtype and device are used.

    Yields
    ------
    selection : slice
        Which rows these are.
    x : tensor of shape (n_chunk, n_in)
        The rows in their own dtype, and below them what fills the chunk.
    result : tensor of shape (n_chunk, ...)
        What `function` gave for them, on the CPU.
    """
    example = next(module.parameters())
    size = CHUNK if example.device.type == "cpu" else min(_GPU_CHUNK, len(rows))
    staged = np.zeros((size, rows.shape[1]), rows.X.dtype)
    x = torch.from_numpy(staged)
    for selection, chunk in rows.chunks(size):
        staged[: len(chunk)] = chunk
        with torch.inference_mode(), one_thread():
            result = function(x.to(device=example.device, dtype=example.dtype)).cpu()
        yield selection, x, result
