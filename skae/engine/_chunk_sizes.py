"""How many rows go through a function at a time, so that a row alone gives the same bits."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from skae._threads import one_thread

# On the CPU rows go through the network on one thread in chunks of a fixed size, the last one
# filled up with zeros. The BLAS then takes the same route for every row: a row alone gives the
# bits that it gives in a batch. Few rows take a smaller chunk where that gives the same bits, too.
# Chunks have 32 rows at least, as elementwise functions take another route for fewer values.
_CHUNKS = (32, 64, 128, 256)

# In rows wider than this, few are enough.
_WIDE = 2**11

_Function = Callable[[Tensor], Tensor]


def chunk_size(n_rows: int, width: int, agree: Callable[[], bool]) -> int:
    """Return the size of the chunks for rows of this shape.

    `agree` tells whether chunks of all sizes give the same bits, which is asked if it matters.
    """
    chunks = _CHUNKS if width <= _WIDE else _CHUNKS[:2]
    if n_rows <= chunks[-2] and agree():
        return next(size for size in chunks if n_rows <= size)
    return chunks[-1]


def same_in_all_chunks(examples: Iterable[tuple[_Function, Tensor]]) -> bool:
    """Return whether functions give `example_rows` the same bits in chunks of all sizes."""
    with torch.inference_mode(), one_thread():
        return all(_same_in_parts(function, rows) for function, rows in examples)


def example_rows(width: int, dtype: torch.dtype) -> Tensor:
    """Return random rows, as many as the largest chunk has."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(_CHUNKS[-1], width, generator=generator, device="cpu").to(dtype)


def _same_in_parts(function: _Function, rows: Tensor) -> bool:
    together = function(rows)
    return all(
        torch.equal(torch.cat([function(part.clone()) for part in rows.split(size)]), together)
        for size in _CHUNKS[:-1]
    )
