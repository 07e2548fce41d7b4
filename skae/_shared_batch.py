"""Functions for terms that need all rows of a batch, of which each process holds a part.

Each process computes the terms of its own rows. A term that is more than a mean over rows, and
random numbers for rows, need the whole batch: they come from these functions. One process holds
all rows, and gets back what it gives.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from torch import Tensor


class SharedBatch(Protocol):
    """The batch of a step that several processes take together."""

    # The number of rows of all processes.
    n_rows: int

    def gather(self, values: Tensor) -> Tensor:
        """Return the values of all rows, given those of the own rows; gradients flow through."""

    def own(self, values: Tensor) -> Tensor:
        """Return the values of the own rows, given those of all rows."""

    def mean(self, value: Tensor) -> Tensor:
        """Return a mean over all rows, without gradient, given that over the own rows."""


_shared: ContextVar[SharedBatch | None] = ContextVar("shared", default=None)


@contextmanager
def shared_by(batch: SharedBatch) -> Iterator[None]:
    """Let the functions of this file look at the batch of all processes."""
    token = _shared.set(batch)
    try:
        yield
    finally:
        _shared.reset(token)


def all_rows(values: Tensor) -> Tensor:
    """Return the values of all rows of the batch, in their order, given those of the own rows."""
    batch = _shared.get()
    return values if batch is None else batch.gather(values)


def own_rows(values: Tensor) -> Tensor:
    """Return the values of the own rows, given those of all rows of the batch."""
    batch = _shared.get()
    return values if batch is None else batch.own(values)


def mean_of_all(value: Tensor) -> Tensor:
    """Return a mean over all rows of the batch, without gradient, given that over the own rows."""
    batch = _shared.get()
    return value if batch is None else batch.mean(value)


def draw_rows(draw: Callable[..., Tensor], shape: Any, **how: Any) -> Tensor:
    """Return random numbers of this shape for the own rows: those that one process would draw.

    ``draw(shape, **how)`` draws them for all rows, such as ``torch.randn``.
    """
    batch = _shared.get()
    if batch is None:
        return draw(shape, **how)
    return batch.own(draw((batch.n_rows, *shape[1:]), **how))
