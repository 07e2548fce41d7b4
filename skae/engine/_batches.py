"""The batches of an epoch."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from skae._batch import Batch
from skae._chunks import rows_in_chunk

from ._block_order import block_order
from ._training_rows import TrainingRows
from .distributed import ONE_RANK, OneRank

# Batches that only measure need no gradients and no randomness: larger ones are faster.
_MEASURED_ROWS = 1024


class Batches:
    """Iterator over the batches of one epoch of training, shuffled anew each time.

    The batches have equal sizes up to one row, so that none is so small that it is mostly
    noise (or one row, which batch normalisation cannot take). `batch_size` is the upper limit
    of their rows, `generator` the source of the order, on the CPU. Each of several `ranks` draws
    the same order and reads its part of each batch.
    """

    def __init__(
        self,
        rows: TrainingRows,
        batch_size: int,
        generator: torch.Generator,
        ranks: OneRank = ONE_RANK,
    ):
        self.rows = rows
        self.generator = generator
        self.ranks = ranks
        self.n_batches = math.ceil(len(rows) / batch_size)
        if batch_size > 1:
            # Rather one row too many than a batch of one, which batch normalisation refuses.
            self.n_batches = min(self.n_batches, max(1, len(rows) // 2))

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        for indices in self.indices():
            yield self.rows.read(self.ranks.own_part(indices))

    def indices(self) -> Iterable[Tensor]:
        """Return the indices of the rows of each batch of an epoch."""
        if self.rows.is_large:
            return block_order(self.rows.shape, self.n_batches, self.generator)
        order = torch.randperm(len(self.rows), generator=self.generator, device="cpu")
        if self.rows.index_device.type == "cuda":
            # A copy from pinned memory does not wait for the GPU.
            order = order.pin_memory()
        order = order.to(self.rows.index_device, non_blocking=True)
        return order.tensor_split(self.n_batches)


class MeasuredBatches:
    """Iterator over all rows in their own order, in batches that only measure.

    Their sizes are equal up to one row. Each of several `ranks` reads its part of each batch.
    """

    def __init__(self, rows: TrainingRows, ranks: OneRank = ONE_RANK):
        self.rows, self.ranks = rows, ranks
        size = rows_in_chunk(rows.shape[1], rows.device)
        if rows.device.type == "cpu":
            size = min(_MEASURED_ROWS, size)
        self.n_batches = min(math.ceil(len(rows) / size), max(1, len(rows) // ranks.size))

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        for i in range(self.n_batches):
            start, stop = (len(self.rows) * bound // self.n_batches for bound in (i, i + 1))
            part = self.ranks.own_part(range(start, stop))
            yield self.rows.read(slice(part.start, part.stop))


def mean_parts(
    batches: Iterable[Batch],
    step: Callable[[Batch], dict[str, Tensor]],
    listener: Callable[..., None] | None = None,
    ranks: OneRank = ONE_RANK,
) -> dict:
    """Take a step on each batch; return the mean over the rows of each part of the objective.

    The sums stay on the device until the last batch is done. Means are floats, or lists where a
    step is one of several nets. The listener is called with each batch before the step, and
    with batch and parts after it. Where each of several `ranks` has a part of the batches, means
    are those over all rows.
    """
    totals: dict[str, Tensor] = {}
    n_rows = 0
    for batch in batches:
        if listener is not None:
            # A callback may keep the batch, and the next batch overwrites this memory.
            target = None if batch.target is None else batch.target.clone()
            batch = replace(batch, x=batch.x.clone(), target=target)
            listener(batch)
        parts = step(batch)
        if listener is not None:
            listener(batch, parts)
        n = len(batch)
        n_rows += n
        for name, value in parts.items():
            if name in totals:
                totals[name].add_(value.detach(), alpha=n)
            else:
                totals[name] = value.detach() * n
    return ranks.pooled({name: _read(total / n_rows) for name, total in totals.items()}, n_rows)


def _read(value: Tensor) -> float | list[float]:
    return value.tolist() if value.ndim else value.item()
