"""Running a fitted network over rows."""

import torch

from ._threads import one_thread

# On the CPU every product is done on this many rows, whatever the rest of the last chunk
# holds, and on one thread: the BLAS then takes the same route for every row, and a row alone
# gives the bits that it gives in a batch.
_CHUNK = 64

# Up to this many rows do with half a chunk, where that gives the same bits. Still smaller ones
# would not: elementwise functions take 32 values at a time, and another route for what is left.
_FEW = 32

# A GPU has no such promise to keep, and needs more rows at a time to be busy.
_GPU_CHUNK = 8192


class ChunkedForward:
    """A fitted network that runs over any number of rows in chunks of a fixed size.

    Threads may use it at the same time.

    Parameters
    ----------
    module : Autoencoder
        The network, in evaluation mode. Its weights may still change.
    """

    def __init__(self, module):
        self._module = module
        example = next(module.parameters())
        self._dtype, self._device = example.dtype, example.device
        self._few_are_exact = None

    def __call__(self, function, rows):
        """Yield ``function`` of the rows, chunk by chunk.

        Parameters
        ----------
        function : callable
            Maps a tensor of shape (n_chunk, n_in), in the module's dtype and on its device, to
            a tensor whose first dimension is the same rows.
        rows : ScaledRows
            The input.

        Yields
        ------
        selection : slice
            Which rows these are.
        x : tensor of shape (n_chunk, n_in)
            The rows as they were read, and below them what fills the chunk. The next chunk
            takes its place.
        result : tensor of shape (n_chunk, ...)
            What `function` gave for them, on the module's device.
        """
        if self._device.type != "cpu":
            for selection, x in rows.chunks(_GPU_CHUNK):
                with torch.inference_mode():
                    result = function(x.to(device=self._device, dtype=self._dtype))
                yield selection, x, result
            return
        size = _FEW if len(rows) <= _FEW and self._exact_for_few() else _CHUNK
        # Products may depend on where memory begins: a tensor of torch's own, always the same.
        x = torch.zeros(size, rows.shape[1], dtype=rows.dtype)
        for selection, chunk in rows.chunks(size):
            x[: len(chunk)] = chunk
            with torch.inference_mode(), one_thread():
                result = function(x.to(self._dtype))
            yield selection, x, result

    def _exact_for_few(self):
        """Whether the BLAS of this machine gives a row the same bits in a chunk of few rows."""
        if self._few_are_exact is None:
            generator = torch.Generator().manual_seed(0)
            codes = torch.randn(_CHUNK, len(self._module.code_mean), generator=generator)
            with torch.inference_mode(), one_thread():
                codes = codes.to(self._dtype)
                rows = self._module.decode(codes)
                self._few_are_exact = _same_in_parts(self._module.decode, codes) and (
                    _same_in_parts(self._module.encode, rows)
                )
        return self._few_are_exact


def _same_in_parts(function, x):
    parts = [function(part.clone()) for part in x.split(_FEW)]
    return torch.equal(torch.cat(parts), function(x))
