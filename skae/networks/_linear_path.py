"""A linear path beside a deep one, for networks that start at a linear solution."""

import torch
from torch import nn

from ._layers import Linear


class WithLinearPath(nn.Module):
    """The sum of a deep module and a linear layer on the same input.

    Parameters
    ----------
    deep : torch.nn.Module
        Any module from (n_samples, n_in) to (n_samples, n_out).
    linear : torch.nn.Linear
        The path beside it.
    """

    def __init__(self, deep, linear):
        super().__init__()
        self.deep = deep
        self.linear = linear

    def forward(self, x):
        """Return ``deep(x) + linear(x)``."""
        return self.deep(x) + self.linear(x)


def add_linear_path(deep, n_in, n_out):
    """Put a linear path beside `deep`, whose last layer becomes zero.

    The sum is then linear at the start, and its deep half learns what a linear map
    cannot do. A `deep` that is one linear layer already needs no second one.

    Parameters
    ----------
    deep : torch.nn.Module
        Module from `n_in` to `n_out` features whose last layer with a weight is linear
        in it.
    n_in, n_out : int
        Widths of input and output.

    Returns
    -------
    module : torch.nn.Module
        With its linear layer still to be set by `start_linear_path`.
    """
    layers = [m for m in deep.modules() if getattr(m, "weight", None) is not None]
    if len(layers) == 1 and isinstance(layers[0], nn.Linear):
        return deep
    with torch.no_grad():
        for parameter in layers[-1].parameters():
            parameter.zero_()
    return WithLinearPath(deep, nn.utils.skip_init(Linear, n_in, n_out))


@torch.no_grad()
def start_linear_path(module, weight, bias):
    """Set the linear path made by `add_linear_path`.

    Parameters
    ----------
    module : torch.nn.Module
        What `add_linear_path` returned.
    weight : ndarray of shape (n_out, n_in)
        Its weight.
    bias : ndarray of shape (n_out,)
        Its bias.
    """
    if isinstance(module, WithLinearPath):
        linear = module.linear
    else:
        linear = next(m for m in module.modules() if isinstance(m, nn.Linear))
    linear.weight.copy_(torch.as_tensor(weight))
    linear.bias.copy_(torch.as_tensor(bias))
