"""Labels of training rows, and batches in which enough rows have one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from skae._batch import Batch

if TYPE_CHECKING:
    from ._training_rows import TrainingRows

# Rows with a given label in a batch, at most, beside those without.
_MOST_GIVEN = 128


@dataclass
class Labels:
    """The labels of rows, for a supervised head.

    `answers` has the shape (n_samples, n_answers). `given` is True for labels of the user, whose
    `weight` has a mean of one. The others are guesses; a row without one has the weight zero.
    """

    answers: Tensor
    weight: Tensor
    given: Tensor

    def __getitem__(self, selection: Any) -> "Labels":
        return Labels(self.answers[selection], self.weight[selection], self.given[selection])


class LabelledBatches:
    """Iterator over the batches of an epoch, in which given labels have a share of their own.

    Each batch has up to `batch_size` rows without a given label, and up to twice as many with one,
    at most 128. An epoch goes through both at least once. The given labels of a batch count as much
    as all others together, if these count one each.
    """

    def __init__(self, rows: "TrainingRows", batch_size: int, generator: torch.Generator) -> None:
        assert rows.labels is not None
        self.rows, self.generator = rows, generator
        given = rows.labels.given.cpu()
        places = torch.arange(len(rows))
        # Rows of one kind alone are cut into batches of the usual size.
        self._groups = [places[kind] for kind in (given, ~given) if kind.any()]
        sizes = [min(batch_size, len(group)) for group in self._groups]
        if len(sizes) == 2:
            sizes[0] = min(_MOST_GIVEN, 2 * batch_size, len(self._groups[0]))
        self._sizes = sizes
        needed = [len(g) / size for g, size in zip(self._groups, sizes, strict=True)]
        self.n_batches = math.ceil(max(needed))

    def __len__(self) -> int:
        return self.n_batches

    def __iter__(self) -> Iterator[Batch]:
        n_rows = sum(self._sizes)
        share = torch.cat([torch.full((n,), n_rows / n) for n in self._sizes])
        orders = [self._order(*group) for group in zip(self._groups, self._sizes, strict=True)]
        for parts in zip(*orders, strict=True):
            batch = self.rows.read(torch.cat(parts).to(self.rows.index_device))
            assert batch.label_weight is not None
            batch.label_weight = batch.label_weight * share.to(batch.label_weight)
            yield batch

    def _order(self, group: Tensor, size: int) -> tuple[Tensor, ...]:
        """Return the rows of a group in each batch: shuffled, and then once more, as needed."""
        n_needed, order = self.n_batches * size, torch.empty(0, dtype=torch.int64)
        while len(order) < n_needed:
            shuffled = torch.randperm(len(group), generator=self.generator, device="cpu")
            order = torch.cat([order, group[shuffled]])
        return order[:n_needed].split(size)
