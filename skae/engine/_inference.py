"""Inference: a fitted network over many rows, chunk by chunk."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from skae._chunks import rows_in_chunk, slices
from skae._threads import one_thread

# On the CPU rows go through the network in chunks of a fixed size, the last one filled up with
# zeros, on one thread: the BLAS then takes the same route for every row, and a row alone gives
# the bits that it gives in a batch. A table of fewer rows does with a smaller chunk where that
# gives the same bits. It cannot be smaller than the first one: elementwise functions take 32
# values at a time, and another route for what is left.
_CHUNKS = (32, 64, 128, 256)

# In rows wider than this, few are enough.
_WIDE = 2**11


class ChunkedForward:
    """An `Autoencoder` that runs over any number of rows in chunks of a fixed size.

    The network is in evaluation mode; its weights may still change. Threads may use it at the
    same time.
    """

    def __init__(self, module: Any):
        self._module = module
        example = next(module.parameters())
        self._dtype, self._device = example.dtype, example.device
        self._chunks_agree: bool | None = None

    def __call__(
        self, function: Callable[[Tensor], Tensor], rows: Any
    ) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Yield the selection, the rows and ``function`` of the rows, chunk by chunk.

        `function` maps a tensor of shape (n_chunk, n_in), in the module's dtype and on its
        device, to a tensor whose first dimension is the same rows. The rows are as they were read,
        padded to the size of the chunk; the next chunk takes their place. `rows` are read as
        `ScaledRows` are.
        """
        if self._device.type != "cpu":
            # A GPU has no such promise to keep, and needs more rows at a time to be busy.
            for selection, x in rows.chunks(rows_in_chunk(rows.shape[1], self._device)):
                with torch.inference_mode():
                    result = function(x.to(device=self._device, dtype=self._dtype))
                yield selection, x, result
            return
        size = self._chunk_size(*rows.shape)
        # Products may depend on where memory begins: a tensor of torch's own, always the same.
        x = torch.zeros(size, rows.shape[1], dtype=rows.dtype, device="cpu")
        for selection in slices(rows.shape[0], size):
            rows.read(selection, x[: selection.stop - selection.start])
            with torch.inference_mode(), one_thread():
                result = function(x.to(self._dtype))
            yield selection, x, result

    def _chunk_size(self, n_rows: int, width: int) -> int:
        chunks = _CHUNKS if width <= _WIDE else _CHUNKS[:2]
        if n_rows <= chunks[-2] and self._same_in_all_chunks(width):
            return next(size for size in chunks if n_rows <= size)
        return chunks[-1]

    def _same_in_all_chunks(self, width: int) -> bool:
        """Return whether the BLAS here gives a row the same bits in chunks of all sizes."""
        if self._chunks_agree is None:
            with torch.inference_mode(), one_thread():
                self._chunks_agree = all(
                    _same_in_parts(function, x, size)
                    for function, x in self._examples(width)
                    for size in _CHUNKS[:-1]
                )
        return self._chunks_agree

    def _examples(self, width: int) -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
        """Return the halves of the network, each with rows that it takes."""
        module = self._module
        generator = torch.Generator().manual_seed(0)

        def random_rows(width: int) -> Tensor:
            x = torch.randn(_CHUNKS[-1], width, generator=generator, device="cpu")
            return x.to(self._dtype)

        if module.half is not None:
            # Then all rows are for this half.
            return [
                (module.encode if module.half == "encoder" else module.decode, random_rows(width))
            ]
        codes = random_rows(len(module.code_mean))
        return [(module.decode, codes), (module.encode, module.decode(codes))]


def _same_in_parts(function: Callable[[Tensor], Tensor], x: Tensor, size: int) -> bool:
    parts = [function(part.clone()) for part in x.split(size)]
    return torch.equal(torch.cat(parts), function(x))
