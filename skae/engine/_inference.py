"""Running a fitted network over rows."""

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
    chunk : ndarray of shape (n_rows, n_in)
        The rows.
    result : tensor of shape (n_rows, ...)
        What `function` gave for them, on the CPU.
    """
    example = next(module.parameters())
    size = CHUNK if example.device.type == "cpu" else min(_GPU_CHUNK, len(rows))
    buffer = torch.zeros((size, rows.shape[1]), dtype=example.dtype)
    staged = buffer.numpy()
    for selection, chunk in rows.chunks(size):
        staged[: len(chunk)] = chunk
        with torch.inference_mode(), one_thread():
            result = function(buffer.to(example.device)).cpu()
        yield selection, chunk, result[: len(chunk)]
