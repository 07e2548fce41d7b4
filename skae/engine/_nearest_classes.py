"""Classes of rows without one: those of the nearest rows with one."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch

from ._batches import MeasuredBatches
from ._training_rows import TrainingRows

# Neighbours that vote.
_VOTERS = 5


@torch.no_grad()
def nearest_classes(
    rows: TrainingRows, inputs: Callable[[Tensor], Tensor], indices: np.ndarray
) -> np.ndarray:
    """Return classes of all rows, where -1 in `indices` marks those without one.

    Their class is that of most of the nearest rows that have one, and of the nearest of these if
    votes are equal. `inputs` returns rows as the layers of a network see them.
    """

    def seen(batch: Batch) -> Tensor:
        return inputs(batch.x).flatten(1).double()

    known = indices >= 0
    with_class = rows.subset(np.flatnonzero(known))
    given = torch.cat([seen(batch).clone() for batch in MeasuredBatches(with_class)])
    classes = torch.from_numpy(indices[known]).to(given.device)
    without = rows.subset(np.flatnonzero(~known))
    found = []
    for batch in MeasuredBatches(without):
        distances = torch.cdist(seen(batch), given)
        nearest = classes[distances.topk(min(_VOTERS, len(given)), largest=False).indices]
        votes = (nearest[:, :, None] == nearest[:, None, :]).sum(dim=2)
        winner = votes.argmax(dim=1, keepdim=True)
        found.append(nearest.gather(1, winner)[:, 0])
    completed = indices.copy()
    completed[~known] = torch.cat(found).cpu().numpy()
    return completed
