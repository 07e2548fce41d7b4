"""Inference: a fitted network over many rows, chunk by chunk."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from skae._chunks import rows_in_chunk, slices
from skae._threads import one_thread

# On the CPU rows go through the network in chunks of a fixed size, the last one padded with zeros,
# on one thread: the BLAS then uses the same kernel for every row, and a row alone gets the bits
# that it gets in a batch. A table of fewer rows uses a smaller chunk where that gives the same
# bits. A chunk of 32 rows is a multiple of the vector width of elementwise functions; whether one
# of 8 is depends on the widths of the layers.
_CHUNKS = (8, 32, 64, 128, 256)

# Rows wider than this need smaller chunks only.
_WIDE = 2**11
_CHUNKS_OF_WIDE = _CHUNKS[:3]


class ChunkedForward:
    """An `Autoencoder` that runs over any number of rows in chunks of a fixed size.

    The network is in evaluation mode; its weights may still change. Threads may use it at the
    same time.
    """

    def __init__(self, module: Any):
        self._module = module
        example = next(module.parameters())
        self._dtype, self._device = example.dtype, example.device
        self._small_chunks: list[int] | None = None

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
            # Only the CPU keeps a row's bits; a GPU needs more rows at a time to be busy.
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
        chunks = _CHUNKS if width <= _WIDE else _CHUNKS_OF_WIDE
        if n_rows > chunks[-2]:
            return chunks[-1]
        if self._small_chunks is None:
            self._small_chunks = self._chunks_that_agree(width)
        return next((n for n in chunks if n_rows <= n and n in self._small_chunks), chunks[-1])

    def _chunks_that_agree(self, width: int) -> list[int]:
        """Return the sizes of chunks in which a row gets the same bits here as in the largest."""
        with torch.inference_mode(), one_thread():
            examples = self._examples(width)
            return [
                size
                for size in _CHUNKS[:-1]
                if all(_same_in_parts(function, x, size) for function, x in examples)
            ]

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
