"""The base class of objectives, and the heads that their loss is a sum over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from skae._batch import Batch, Parts

from ._column_losses import ColumnLosses
from ._count_losses import CountLoss
from ._losses import Loss
from ._weight_penalty import WeightPenalty, shrink

# The loss of some columns of a table.
TableLoss = Loss | ColumnLosses | CountLoss


@dataclass(frozen=True)
class Head:
    """A loss, and the columns of output and target that it judges; None is all columns."""

    loss: TableLoss
    columns: slice | None = None

    def of(self, values: Tensor) -> Tensor:
        """Return the columns of this head."""
        return values if self.columns is None else values[..., self.columns]


class Objective(nn.Module):
    """Base class of objectives, which return in named parts what training minimises.

    Each column belongs to one head, and heads come in the order of their columns. The loss of a
    row is the mean over its columns, so that each column counts the same in whichever head.
    A numeric table has one head.
    """

    def __init__(self, heads: Sequence[Head], weight_penalty: WeightPenalty) -> None:
        super().__init__()
        self.heads = tuple(heads)
        # Losses with tensors of their own go where the objective goes.
        self.losses = nn.ModuleList(h.loss for h in heads if isinstance(h.loss, nn.Module))
        self.weight_penalty = weight_penalty

    def forward(self, autoencoder: Any, batch: Batch) -> Parts:
        """Return the parts of the objective on a batch: scalars that add up to it."""
        raise NotImplementedError

    def row_losses(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each row, of shape (n_samples,), for outputs of the decoder."""
        cells = [
            head.loss.function(head.of(output), head.of(target), reduction="none")
            for head in self.heads
        ]
        return _side_by_side(cells).mean(dim=1)

    def cell_losses(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each column of each row, NaN where there is no value."""
        return _side_by_side([h.loss.cells(h.of(output), h.of(target)) for h in self.heads])

    def to_data(self, output: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return outputs of the decoder in the scale of the training data.

        `rows` are those that the outputs answer, where they are known.
        """
        return _side_by_side(
            [
                head.loss.to_data(head.of(output), None if rows is None else head.of(rows))
                for head in self.heads
            ]
        )

    def from_data(self, mean: Tensor) -> Tensor:
        """Return the output of the decoder for means of columns of the training data."""
        return _side_by_side([head.loss.from_data(head.of(mean)) for head in self.heads])

    def after_step(self, autoencoder: Any, optimizer: Optimizer) -> None:
        """Take the proximal step of an L1 penalty, which follows each step of the optimizer."""
        if self.weight_penalty.l1:
            weights = self.weight_penalty.weights(autoencoder)
            shrink(optimizer, weights, self.weight_penalty.l1)

    def settle(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Estimate from all rows what is estimated, not trained; the network is evaluated.

        `batches` can be gone through more than once.
        """

    def after_training(self, autoencoder: Any, batches: Iterable[Batch]) -> None:
        """Adjust the network, in evaluation mode, to all rows of a fit.

        `batches` can be gone through more than once.
        """


def _side_by_side(columns: list[Tensor]) -> Tensor:
    """Return the columns of all heads; those of the only one are not copied."""
    return columns[0] if len(columns) == 1 else torch.cat(columns, dim=-1)
