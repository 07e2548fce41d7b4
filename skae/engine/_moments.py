"""Mean and variance of the codes over a table."""

import numpy as np
import torch

from ._batches import Batches


@torch.no_grad()
def code_moments(module, rows):
    """Return the weighted mean and variance of each code, as the encoder gives it.

    Parameters
    ----------
    module : Autoencoder
        The network, in evaluation mode.
    rows : TrainingRows
        The table, of which only one batch is encoded at a time.

    Returns
    -------
    weight : float
        Number of rows.
    mean, variance : ndarray of shape (n_components,)
        In float64. The variance of a code that does not vary is exactly zero.
    """
    total = shift = first = second = 0.0
    largest = 0.0
    for x, sample_weight in Batches(rows, None):
        codes = module.encoder(x).cpu().double()
        weight = torch.ones(len(x)) if sample_weight is None else sample_weight.cpu()
        weight = weight.double()
        if total == 0:
            shift = codes.mean(dim=0)
        codes -= shift
        total += weight.sum()
        first += weight @ codes
        second += weight @ codes.square()
        largest = torch.maximum(codes.abs().amax(dim=0), torch.as_tensor(largest))
    mean = first / total
    variance = (second / total - mean.square()).clamp_(min=0)
    # What is left of a constant code is rounding, and dividing by it would make it noise.
    rounding = torch.finfo(next(module.parameters()).dtype).eps * (shift.abs() + largest)
    variance[variance.sqrt() <= 10 * rounding] = 0.0
    return float(total), (shift + mean).numpy(), variance.numpy()


def merge_moments(first, second):
    """Return the moments of two tables together (Chan, Golub and LeVeque, 1983).

    Parameters
    ----------
    first : tuple or None
        What `code_moments` returned for one table; None for an empty one.
    second : tuple
        The same for the other.
    """
    if first is None:
        return second
    (n_a, mean_a, variance_a), (n_b, mean_b, variance_b) = first, second
    total = n_a + n_b
    share = n_b / total
    mean = mean_a + share * (mean_b - mean_a)
    between = share * (1 - share) * np.square(mean_b - mean_a)
    return total, mean, (1 - share) * variance_a + share * variance_b + between
