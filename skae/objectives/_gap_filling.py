"""The objective of networks that fill gaps."""

from typing import Any

import torch
from torch import Tensor

from skae._batch import Batch, Parts

from ._column_losses import ColumnLosses
from ._objective import Head, Objective
from ._weight_penalty import WeightPenalty


class GapFillingObjective(Objective):
    """Loss of cells that were hidden from the networks, plus that of the cells that they saw.

    A batch holds, side by side: a first guess of all values, ones where a cell is hidden or
    missing, the cells themselves, and the fold of the row. A network does not learn from rows of
    its own fold. Cells that nobody knows (NaN) do not count.
    """

    def __init__(self, losses: ColumnLosses) -> None:
        super().__init__([Head(losses)], WeightPenalty(0.0, 0.0))
        self.cells = losses

    @property
    def n_inputs(self) -> int:
        """Width of what the networks see: the guess and the ones."""
        return self.cells.n_outputs + len(self.cells.order)

    def forward(self, networks: Any, batch: Batch) -> Parts:
        """Return the two losses: scalars, the means over all networks that learn from a row."""
        inputs, cells, fold = self.split(batch.x)
        losses = self.losses_of(inputs, networks(inputs), cells)
        learns = fold != torch.arange(len(losses), device=fold.device)[:, None]
        sums = torch.einsum("enc,en->nc", losses, learns.to(losses))
        counts = (~cells.isnan()) * learns.sum(dim=0)[:, None]
        hidden = inputs[:, self.cells.n_outputs :]
        return {
            name: (sums * chosen).sum() / (counts * chosen).sum().clamp(min=1)
            for name, chosen in (("hidden", hidden), ("seen", 1 - hidden))
        }

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the networks see, the cells, and the folds, of rows of a batch."""
        return x[:, : self.n_inputs], x[:, self.n_inputs : -1], x[:, -1]

    def losses_of(self, inputs: Tensor, corrections: Tensor, cells: Tensor) -> Tensor:
        """Return the loss of each cell for corrections, zero where nobody knows the cell."""
        return self.cells.known_cells(self.outputs(inputs, corrections), cells)

    def outputs(self, inputs: Tensor, corrections: Tensor) -> Tensor:
        """Return corrected guesses: numbers, and logits of categories."""
        return self.cells.from_guess(inputs[:, : self.cells.n_outputs]) + corrections
