"""The reconstruction error of the column means, which every fit should beat."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch, beside, total

from ._early_stopping import BestWeights
from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._net import AutoencoderNet

# Rows that suffice to tell which of two errors is larger.
_ENOUGH_ROWS = 10_000

# Errors of scaled rows that may be rounding, and shares of an error that do not matter.
_ROUNDING, _TOLERANCE = 1e-6, 1e-3


def mean_output(net: "AutoencoderNet", rows: TrainingRows) -> Tensor:
    """Return the decoder's output whose reconstruction are the column means, in float64."""
    batches = net.get_iterator(rows)
    mean = total(weighted_sum(batch.expected, batch.weight) for batch in batches) / len(rows)
    if mean.isnan().any():
        seen = total(weighted_sum((~b.expected.isnan()).double(), b.weight) for b in batches)
        summed = total(weighted_sum(b.expected.nan_to_num(), b.weight) for b in batches)
        mean = summed / seen
    return net.criterion_.from_data(mean)


def weighted_sum(values: Tensor, weight: Tensor | None) -> Tensor:
    """Return the sum over the rows, in float64 on the CPU."""
    added = values.sum(dim=0) if weight is None else weight.to(values) @ values
    return added.cpu().double()


@torch.no_grad()
def errors_beside_the_means(net: "AutoencoderNet", rows: TrainingRows) -> tuple[float, float]:
    """Return the mean losses of the scaled rows: of a fitted net, and of the column means.

    Large tables use a strided subsample.
    """
    stride = -(-len(rows) // _ENOUGH_ROWS)
    if stride > 1:
        rows = rows.subset(np.arange(0, len(rows), stride))
    module, row_losses = net.module_, net.criterion_.row_losses
    output = mean_output(net, rows)

    def step(batch: Batch) -> dict[str, Tensor]:
        expected, weight = batch.expected, batch.weight
        codes = beside(module.encode(batch.x), batch.condition)
        errors = {
            "model": row_losses(module.decode(codes), expected),
            "means": row_losses(output.to(expected).expand(len(expected), -1), expected),
        }
        return {name: (e if weight is None else e * weight).mean() for name, e in errors.items()}

    found = net.measure(rows, step)
    return found["model"], found["means"]


def judge_by_the_means(
    net: "AutoencoderNet", rows: TrainingRows, start: BestWeights
) -> tuple[tuple[float, float] | None, bool]:
    """Go back to the start if only that reconstructs the rows better than the column means.

    Returns what `errors_beside_the_means` found after training, if that is above the means, else
    None, and whether the weights are those of the start now.
    """
    errors = errors_beside_the_means(net, rows)
    if not _is_above_the_means(*errors):
        return None, False
    trained = BestWeights((net.module_, net.criterion_))
    trained.keep()
    start.restore()
    went_back = not _is_above_the_means(*errors_beside_the_means(net, rows))
    if not went_back:
        trained.restore()
    return errors, went_back


def _is_above_the_means(error: float, error_of_means: float) -> bool:
    """Return whether an error is above that of the column means by more than a thousandth.

    It is always False for a constant table, where there is nothing to learn.
    """
    return error_of_means > _ROUNDING and error > error_of_means * (1 + _TOLERANCE)
