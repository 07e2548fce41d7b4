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

# Comparing the sizes takes as long as several of the largest chunks: it waits until few rows have
# come so many times.
_OFTEN = 4

_Function = Callable[[Tensor], Tensor]


def largest_chunk(width: int) -> int:
    """Return the size of the chunks for many rows, which always gives the same bits."""
    return _chunks(width)[-1]


class ChunkSizes:
    """Chooses the sizes of the chunks of rows that go through some functions."""

    def __init__(self) -> None:
        self._agree: bool | None = None
        self._n_asked = 0

    def choose(
        self, n_rows: int, width: int, examples: Callable[[], Iterable[tuple[_Function, Tensor]]]
    ) -> int:
        """Return the size of the chunks for rows of this shape.

        `examples` returns the functions, each with `example_rows` that it takes.
        """
        chunks = _chunks(width)
        if n_rows > chunks[-2] or not self._all_agree(examples):
            return chunks[-1]
        return next(size for size in chunks if n_rows <= size)

    def _all_agree(self, examples: Callable[[], Iterable[tuple[_Function, Tensor]]]) -> bool:
        if self._agree is None:
            self._n_asked += 1
            if self._n_asked < _OFTEN:
                return False
            with torch.inference_mode(), one_thread():
                self._agree = all(_same_in_parts(*example) for example in examples())
        return self._agree


def _chunks(width: int) -> tuple[int, ...]:
    return _CHUNKS if width <= _WIDE else _CHUNKS[:2]


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
