"""Calls of modules without the search for hooks, which dominates on a few rows."""

from torch import Tensor, nn


def call(module: nn.Module, x: Tensor) -> Tensor:
    """Return ``module(x)``.

    The call of a module looks for hooks in a dozen places, which takes as long as the products of
    one row. Without hooks of the module's own, `forward` is called at once.
    """
    hooks = (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
    return module(x) if hooks else module.forward(x)


class Stack(nn.Sequential):
    """Modules in a row, as in `torch.nn.Sequential`."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of the last module."""
        for module in self:
            x = call(module, x)
        return x
