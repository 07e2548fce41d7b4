"""Inference: a fitted network over many rows, chunk by chunk."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from skae._chunks import rows_in_chunk, slices
from skae._exact_dtype import exact_dtype
from skae._threads import one_thread

from ._chunk_sizes import ChunkSizes, example_rows


class ChunkedForward:
    """An `Autoencoder` that runs over any number of rows in chunks of a fixed size.

    The network is in evaluation mode; its weights may still change. Threads may use it at the
    same time.
    """

    def __init__(self, module: Any):
        self._module = module
        example = next(module.parameters())
        self._dtype, self._device = example.dtype, example.device
        self._chunk_sizes = ChunkSizes()

    def __call__(
        self, function: Callable[[Tensor], Tensor], rows: Any
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Yield the selection, the rows and ``function`` of the rows, chunk by chunk.

        `function` maps a tensor of shape (n_chunk, n_in), in the module's dtype and on its
        device, to a tensor whose first dimension is the same rows. The rows are as they were read,
        padded to the size of the chunk; the next chunk takes their place. They are on the module's
        device if that keeps their dtype. `rows` are read as `ScaledRows` are.
        """
        on_cpu = self._device.type == "cpu"
        yield from (self._small_chunks if on_cpu else self._large_chunks)(function, rows)

    def _large_chunks(
        self, function: Callable[[Tensor], Tensor], rows: Any
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Run a GPU, which needs many rows at a time to be busy.

        It works on one chunk while the next is read: an answer is yielded, and copied by whoever
        asked for it, when the next chunk is on its way.
        """
        keeps_dtype = exact_dtype(self._device) == torch.float64
        ahead = None
        for selection, x in rows.chunks(rows_in_chunk(rows.shape[1], self._device)):
            x = x.to(self._device) if keeps_dtype else x
            with torch.inference_mode():
                result = function(x.to(device=self._device, dtype=self._dtype))
            if ahead is not None:
                yield ahead
            ahead = selection, x, result
        if ahead is not None:
            yield ahead

    def _small_chunks(
        self, function: Callable[[Tensor], Tensor], rows: Any
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Run a CPU, on chunks of one size, so that a row has the same bits in every table."""
        width = rows.shape[1]
        size = self._chunk_sizes.choose(len(rows), width, lambda: self._examples(width))
        # Products may depend on where memory begins: a tensor of torch's own, always the same.
        x = torch.zeros(size, width, dtype=rows.dtype, device="cpu")
        for selection in slices(rows.shape[0], size):
            rows.read(selection, x[: selection.stop - selection.start])
            with torch.inference_mode(), one_thread():
                result = function(x.to(self._dtype))
            yield selection, x, result

    def _examples(self, width: int) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
        """Return the halves of the network, each with rows that it takes."""
        module = self._module
        if module.half is not None:
            # Then all rows are for this half.
            half = module.encode if module.half == "encoder" else module.decode
            return [(half, example_rows(width, self._dtype))]
        codes = example_rows(len(module.code_mean), self._dtype)
        return [(module.decode, codes), (module.encode, module.decode(codes))]
