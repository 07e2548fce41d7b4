"""The reconstruction error of the column means, which every fit should beat."""

import numpy as np
import torch

from ._early_stopping import BestWeights

# Rows that are enough to tell which of two errors is larger.
_ENOUGH_ROWS = 10_000

# Errors of scaled rows that may be rounding, and shares of an error that do not matter.
_ROUNDING, _TOLERANCE = 1e-6, 1e-3


def mean_output(net, rows):
    """Return the decoder's output whose reconstruction are the column means.

    Parameters
    ----------
    net : AutoencoderNet
        Has the batches and the loss.
    rows : TrainingRows
        The rows.

    Returns
    -------
    output : tensor of shape (n_features,)
        In float64, on the CPU.
    """
    loss = net.criterion_.loss
    mean = sum(weighted_sum(*batch) for batch in net.get_iterator(rows)) / len(rows)
    return mean if loss.link is None else loss.link(mean)


def weighted_sum(values, weight):
    """Return the sum over the rows, in double precision."""
    total = values.sum(dim=0) if weight is None else weight @ values
    return total.cpu().double()


@torch.no_grad()
def errors_beside_the_means(net, rows):
    """Return the reconstruction error of a fitted net, and that of the column means.

    Parameters
    ----------
    net : AutoencoderNet
        The net.
    rows : TrainingRows
        The rows; of many, a strided subsample is looked at.

    Returns
    -------
    error, error_of_means : float
        Mean losses of the scaled rows.
    """
    stride = -(-len(rows) // _ENOUGH_ROWS)
    if stride > 1:
        rows = rows.subset(np.arange(0, len(rows), stride))
    module, row_losses = net.module_, net.criterion_.row_losses
    output = mean_output(net, rows)

    def step(batch):
        x, weight = batch
        errors = {
            "model": row_losses(module.decode(module.encode(x)), x),
            "means": row_losses(output.to(x).expand_as(x), x),
        }
        return {name: (e if weight is None else e * weight).mean() for name, e in errors.items()}

    found = net.measure(rows, step)
    return found["model"], found["means"]


def judge_by_the_means(net, rows, start):
    """Go back to the start if only that reconstructs the rows better than the column means.

    Parameters
    ----------
    net : AutoencoderNet
        The trained net.
    rows : TrainingRows
        The rows.
    start : BestWeights
        Holds the weights before training.

    Returns
    -------
    above : tuple of float or None
        What `errors_beside_the_means` found after training, if that is above the means.
    went_back : bool
        Whether the weights are those of the start now.
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


def _is_above_the_means(error, error_of_means):
    """Return whether an error is above that of the column means by more than a thousandth.

    In a constant table there is nothing to learn, so none is.
    """
    return error_of_means > _ROUNDING and error > error_of_means * (1 + _TOLERANCE)
