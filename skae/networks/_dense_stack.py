"""The parts of a dense half of an autoencoder, for code that does not call `forward`."""

from dataclasses import dataclass

from torch import nn

from ._calls import Stack
from ._column_input import WithColumnInput
from ._layers import ACTIVATIONS, Linear
from ._linear_path import WithLinearPath


@dataclass(frozen=True, eq=False)
class DenseStack:
    """Linear layers, the activations between them, and a linear path beside them.

    `activations` are elementwise and one fewer than `layers`: nothing follows the last layer.
    The output of `linear`, a layer on the same input, is added to that of the last layer. The input
    is what `first` makes of rows, a layer without parameters.
    """

    layers: list[nn.Module]
    activations: list[nn.Module]
    linear: nn.Module | None = None
    first: nn.Module | None = None


def dense_stack_of(half: nn.Module) -> DenseStack | None:
    """Return the parts of a dense half, or None if `half` computes anything else.

    Classes must match exactly: a subclass may override `forward`.
    """
    linear = first = None
    if type(half) is WithColumnInput:
        first, half = half.columns, half.encoder
    if type(half) is WithLinearPath:
        linear, half = half.linear, half.deep
    modules = [half]
    if isinstance(half, nn.Sequential) and type(half) in (Stack, nn.Sequential):
        modules = list(half)
    layers, activations = modules[::2], modules[1::2]
    is_dense = (
        len(layers) == len(activations) + 1
        and all(type(layer) in (Linear, nn.Linear) for layer in layers)
        and all(type(activation) in ACTIVATIONS.values() for activation in activations)
    )
    return DenseStack(layers, activations, linear, first) if is_dense else None
