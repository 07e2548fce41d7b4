"""A linear path beside a deep one, for networks that start at a linear solution."""

import numpy as np
import torch
from torch import Tensor, nn

from ._calls import call
from ._column_input import WithColumnInput
from ._layers import Linear, leaves_of


class WithLinearPath(nn.Module):
    """The sum of a deep module and a linear layer on the same input."""

    def __init__(self, deep: nn.Module, linear: nn.Linear) -> None:
        super().__init__()
        self.deep = deep
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Return ``deep(x) + linear(x)``."""
        return call(self.deep, x) + call(self.linear, x)


def add_linear_path(deep: nn.Module, n_in: int, n_out: int) -> nn.Module:
    """Return the sum of `deep`, whose last layer becomes zero, and a new linear layer.

    Once :func:`start_linear_path` has set that layer, the sum is linear; `deep` then learns what
    a linear map cannot do. A `deep` that is a single linear layer is returned as it is. One that
    does not become zero with the last layer that has a weight raises a ValueError.
    """
    leaves = leaves_of(deep)
    if len(leaves) == 1 and isinstance(leaves[0], nn.Linear):
        return deep
    with_weights = [leaf for leaf in leaves if getattr(leaf, "weight", None) is not None]
    with torch.no_grad():
        # Layers that compute their weights have none to set: they do not become zero.
        for last in with_weights[-1:]:
            for parameter in last.parameters():
                parameter.zero_()
        output = deep.eval()(torch.ones(2, n_in))
    deep.train()
    if output.any():
        raise ValueError(
            "init='pca' needs encoder and decoder to end in a linear layer, and this network "
            "ends otherwise. Remove what follows the last layer, or set init='random'."
        )
    return WithLinearPath(deep, Linear(n_in, n_out, None))


def linear_layer_of(module: nn.Module) -> nn.Linear:
    """Return the linear layer of a module made by `add_linear_path`, or of one around it."""
    if isinstance(module, WithColumnInput):
        module = module.encoder
    if isinstance(module, WithLinearPath):
        return module.linear
    return next(m for m in module.modules() if isinstance(m, nn.Linear))


@torch.no_grad()
def start_linear_path(module: nn.Module, weight: np.ndarray, bias: np.ndarray) -> None:
    """Set the linear layer of a module made by `add_linear_path`.

    Inputs beyond the columns of `weight`, such as classes, start without one.
    """
    linear = linear_layer_of(module)
    linear.weight[:, weight.shape[1] :] = 0
    linear.weight[:, : weight.shape[1]] = torch.as_tensor(weight)
    linear.bias.copy_(torch.as_tensor(bias))
