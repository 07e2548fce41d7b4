"""The losses of the columns of a table, each by its name."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch, beside

from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._net import AutoencoderNet

# Rows that tell the loss of a column well enough to follow it from epoch to epoch.
_ENOUGH_ROWS = 1_000


@torch.no_grad()
def losses_by_column(net: "AutoencoderNet", rows: TrainingRows) -> dict[str, float]:
    """Return the mean loss of the cells of each column that have a value, NaN if none has.

    Large tables use a strided subsample. A net without names for the columns has one loss for all.
    """
    if net.column_names_ is None:
        return {}
    stride = -(-len(rows) // _ENOUGH_ROWS)
    if stride > 1:
        rows = rows.subset(np.arange(0, len(rows), stride))
    module, cell_losses = net.module_, net.criterion_.cell_losses

    def step(batch: Batch) -> dict[str, Tensor]:
        codes = beside(module.encode(batch.x), batch.condition)
        cells = cell_losses(module.decode(codes), batch.expected)
        seen = (~cells.isnan()).to(cells)
        if batch.weight is not None:
            seen = seen * batch.weight[:, None]
        return {"losses": (seen * cells.nan_to_num()).mean(dim=0), "seen": seen.mean(dim=0)}

    found = net.measure(rows, step)
    with np.errstate(invalid="ignore"):
        losses = np.asarray(found["losses"]) / np.asarray(found["seen"])
    return dict(zip(net.column_names_, losses.tolist(), strict=True))
