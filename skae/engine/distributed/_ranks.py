"""The ranks that train a net together."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from skae._shared_batch import shared_by

from ._gather import gathered

if TYPE_CHECKING:
    from ._groups import Groups

# Indices of the rows of a batch.
Indices = TypeVar("Indices", Tensor, range)

# The mean of each part of an objective by name: a number, or a list of them.
Means = dict[str, Any]


class OneRank:
    """Training in one process, which holds all rows of a batch and asks nobody."""

    rank, size = 0, 1

    # -- steps ------------------------------------------------------------------------

    def own_part(self, indices: Indices) -> Indices:
        """Return the indices of the rows of a batch that this rank reads, and remember which."""
        return indices

    def sharing(self) -> AbstractContextManager[None]:
        """Return the context in which objectives see the whole batch."""
        return nullcontext()

    def add_up(self, gradient: Tensor) -> None:
        """Turn the gradient of the mean over the own rows into that over all rows of a batch."""

    def add_up_gradients(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        """Do so with the gradients of parameters; return the mean loss of all rows."""
        return loss

    # -- epochs -----------------------------------------------------------------------

    def pooled(self, means: Means, n_rows: int) -> Means:
        """Return the means over the rows of all ranks, given those over `n_rows` own rows."""
        return means

    def agreed(self, means: Means) -> Means:
        """Return one answer of all ranks that measured the same rows, for the same decisions."""
        return means

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set on one of the ranks."""
        return flag

    # -- before and after training ----------------------------------------------------

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """If the block fails on one rank, let all ranks fail and say so."""
        yield

    def from_first(self, value: Any) -> Any:
        """Return a value of rank 0."""
        return value

    def from_all(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        return [value]

    def random_state(self, rng: np.random.RandomState) -> np.random.RandomState:
        """Return random numbers that are the same on all ranks: those of rank 0."""
        return rng


ONE_RANK = OneRank()


class Ranks(OneRank):
    """Training in several processes, of which this is one; see `OneRank`.

    It is also the `SharedBatch` of the step that is being taken.
    """

    def __init__(self, groups: "Groups"):
        self._groups = groups
        self.rank, self.size = groups.rank, groups.size
        self.n_rows, self._part = 0, slice(0)

    # -- steps ------------------------------------------------------------------------

    def own_part(self, indices: Indices) -> Indices:
        """Return the slice of this rank; slices are equal up to one row."""
        self.n_rows = len(indices)
        start, stop = (self.n_rows * rank // self.size for rank in (self.rank, self.rank + 1))
        self._part = slice(start, stop)
        return indices[self._part]

    @property
    def share(self) -> float:
        """Share of the own rows in the batch: the weight of a mean over them."""
        return (self._part.stop - self._part.start) / self.n_rows

    def sharing(self) -> AbstractContextManager[None]:
        """Return the context in which objectives see the whole batch."""
        return shared_by(self)

    def add_up(self, gradient: Tensor) -> None:
        """Turn the gradient of the mean over the own rows into that over all rows of a batch.

        Gradients are weighted by shares: slices may be unequal, and no mean of the ranks is right.
        """
        self._groups.add(gradient.mul_(self.share))

    def add_up_gradients(self, parameters: Sequence[nn.Parameter], loss: Tensor) -> Tensor:
        """Do so with the gradients of parameters; return the mean loss of all rows."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        loss = loss.detach().to(gradients[0]).view(1)
        flat = torch.cat([loss, *(gradient.flatten() for gradient in gradients)])
        self.add_up(flat)
        sizes = [g.numel() for g in gradients]
        for gradient, summed in zip(gradients, flat[1:].split(sizes), strict=True):
            gradient.copy_(summed.view_as(gradient))
        return flat[0]

    def gather(self, values: Tensor) -> Tensor:
        """Return the values of all rows of the batch; see `SharedBatch`."""
        return gathered(values, self._part, self.n_rows, self._groups.add)

    def own(self, values: Tensor) -> Tensor:
        """Return the values of the own rows; see `SharedBatch`."""
        return values[self._part]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean over all rows of the batch; see `SharedBatch`."""
        summed = value.detach() * self.share
        self._groups.add(summed)
        return summed

    # -- epochs -----------------------------------------------------------------------

    def pooled(self, means: Means, n_rows: int) -> Means:
        """Return the means over the rows of all ranks: sums in float64, divided at the end."""
        sums = torch.cat([_exact([1.0]), _flat(means)]) * n_rows
        self._groups.add(sums)
        return _shaped(sums[1:] / sums[0], means)

    def agreed(self, means: Means) -> Means:
        """Return the means of what the ranks found, which rounding alone may tell apart."""
        flat = _flat(means)
        self._groups.add(flat)
        return _shaped(flat / self.size, means)

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set on one of the ranks."""
        n_set = _exact(flag)
        self._groups.add(n_set)
        return bool(n_set > 0)

    # -- before and after training ----------------------------------------------------

    @contextmanager
    def failing_together(self) -> Iterator[None]:
        """If the block fails on one rank, let all ranks fail and say so."""
        try:
            yield
        except Exception as error:
            self.from_all(f"{type(error).__name__}: {error}")
            raise
        for rank, message in enumerate(self.from_all(None)):
            if message is not None:
                raise RuntimeError(f"Rank {rank} of {self.size} cannot train. {message}")

    def from_first(self, value: Any) -> Any:
        """Return a value of rank 0."""
        return self.from_all(value if self.rank == 0 else None)[0]

    def from_all(self, value: Any) -> list[Any]:
        """Return the values of all ranks."""
        return self._groups.from_all(value)

    def random_state(self, rng: np.random.RandomState) -> np.random.RandomState:
        """Return random numbers that are the same on all ranks: those of rank 0."""
        state = self.from_first(rng.get_state())
        if self.rank > 0:
            # The generator of the caller, maybe NumPy's global one, stays as it is.
            rng = np.random.RandomState()
            rng.set_state(state)
        return rng


def _exact(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _flat(means: Means) -> Tensor:
    return torch.cat([_exact(mean).view(-1) for mean in means.values()])


def _shaped(flat: Tensor, like: Means) -> Means:
    """Return flat values by name, numbers and lists as in `like`."""
    parts = flat.split([np.size(mean) for mean in like.values()])
    return {
        name: part.tolist() if np.ndim(mean) else part.item()
        for (name, mean), part in zip(like.items(), parts, strict=True)
    }
