"""Gaps that a network learns to fill."""

from typing import Any

import torch
from torch import Tensor, nn

from skae._shared_batch import all_rows, own_rows

from ._random import RandomSource


class BorrowedGaps(nn.Module):
    """Hides cells of each row that another row of the batch lacks, from the encoder alone.

    The decoder is to answer what was hidden: so it learns to fill gaps as they come in the table,
    of several columns together.
    """

    kind = "borrowed gaps"

    def __init__(self) -> None:
        super().__init__()
        self.random = RandomSource()

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Return rows in which cells are missing that one of the next rows lacks."""
        gaps = all_rows(x.isnan())
        generator = self.random.generator_on(x.device)
        order = torch.randperm(len(gaps), generator=generator, device=x.device)
        return x.masked_fill(own_rows(gaps[order]), torch.nan)

    @staticmethod
    def corrupt_stack(gaps: list[Any], x: Tensor) -> Tensor:
        """Return the same of the rows of several networks, each with its own order."""
        return torch.stack([one(rows) for one, rows in zip(gaps, x, strict=True)])
