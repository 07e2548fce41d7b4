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

    fused_as = "linear path"

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

    Raises
    ------
    ValueError
        If `deep` has other widths, or does not become zero with its last layer.
    """
    leaves = [module for module in deep.modules() if not list(module.children())]
    if len(leaves) == 1 and isinstance(leaves[0], nn.Linear):
        return deep
    with_weights = [module for module in leaves if getattr(module, "weight", None) is not None]
    with torch.no_grad():
        # Without any, as of layers whose weights are computed, the check below refuses them.
        for parameter in (p for module in with_weights[-1:] for p in module.parameters()):
            parameter.zero_()
    _check_zero(deep, n_in, n_out)
    return WithLinearPath(deep, nn.utils.skip_init(Linear, n_in, n_out))


@torch.no_grad()
def _check_zero(deep, n_in, n_out):
    output = deep.eval()(torch.ones(2, n_in))
    deep.train()
    if output.shape != (2, n_out):
        raise ValueError(
            f"The network maps rows of {n_in} values to shape {tuple(output.shape[1:])}, expected "
            f"({n_out},)."
        )
    if output.any():
        raise ValueError(
            "init='pca' needs encoder and decoder to end in a linear layer, and this network "
            "ends otherwise. Remove what follows the last layer, or set init='random'."
        )


def linear_layer_of(module):
    """Return the linear path made by `add_linear_path`, a torch.nn.Linear."""
    if isinstance(module, WithLinearPath):
        return module.linear
    return next(m for m in module.modules() if isinstance(m, nn.Linear))


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
    linear = linear_layer_of(module)
    linear.weight.copy_(torch.as_tensor(weight))
    linear.bias.copy_(torch.as_tensor(bias))
