"""Inference: a fitted network over many rows, chunk by chunk."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from skae._chunks import rows_in_chunk, slices
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
