"""The logarithm of the gamma function for likelihoods of counts."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

# Stirling's series is exact to the last digits for numbers this large or larger.
_SHIFT = 8
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def log_gamma(x: Tensor) -> Tensor:
    """Return the logarithm of the gamma function of numbers above zero."""
    # ONNX has no such operator.
    return _by_stirling(x) if torch.compiler.is_exporting() else torch.lgamma(x)


def where_counted(function: Callable[..., Tensor], counts: Tensor, *of_columns: Tensor) -> Tensor:
    """Return a function of counts, and of values of columns, that is zero where the count is.

    Most counts of a table are zero, and the logarithm of the gamma function takes long.
    """
    if counts.device.type != "cpu" or torch.compiler.is_exporting():
        return function(counts, *of_columns)
    flat = counts.flatten()
    places = flat.nonzero().squeeze(1)
    columns = places.remainder(counts.shape[-1])
    found = function(flat[places], *(values[columns] for values in of_columns))
    return torch.zeros_like(flat).index_copy_(0, places, found).view_as(counts)


def _by_stirling(x: Tensor) -> Tensor:
    """Return it for larger numbers by a series, from which the factors between lead back."""
    factors = x
    for i in range(1, _SHIFT):
        factors = factors * (x + i)
    z = x + _SHIFT
    inverse, series = 1 / z.square(), torch.zeros_like(z)
    for coefficient in reversed(_SERIES):
        series = series * inverse + coefficient
    return (z - 0.5) * z.log() - z + 0.5 * math.log(2 * math.pi) + series / z - factors.log()
