"""The supervised head: dense layers from codes to answers."""

from itertools import pairwise

import torch
from torch import Generator, nn

from ._calls import Stack
from ._layers import ACTIVATIONS, ActivationName, Dropout, Linear
from ._linear_path import add_linear_path


def make_head(
    n_inputs: int,
    n_answers: int,
    hidden_layer_sizes: tuple[int, ...],
    activation: ActivationName,
    dropout: float,
    generator: Generator,
) -> nn.Module:
    """Return a head that starts linear: hidden layers beside a linear path, or that alone.

    Dropout, where there is some, comes before each layer but the linear path.
    """
    if not hidden_layer_sizes:
        linear = Linear(n_inputs, n_answers, generator)
        return Stack(Dropout(dropout), linear) if dropout else linear
    layers: list[nn.Module] = []
    sizes = (n_inputs, *hidden_layer_sizes)
    for n_in, n_out in pairwise(sizes):
        layers += [Dropout(dropout)] if dropout else []
        layers += [Linear(n_in, n_out, generator), ACTIVATIONS[activation]()]
    layers += [Dropout(dropout)] if dropout else []
    deep = Stack(*layers, Linear(sizes[-1], n_answers, generator))
    return add_linear_path(deep, n_inputs, n_answers)


@torch.no_grad()
def rescale_inputs(head: nn.Module, factor: torch.Tensor, shift: torch.Tensor) -> None:
    """Let a head give for ``x`` what it gave for ``factor * x + shift``."""
    layers = linear_layers_of(head)
    # The first hidden layer, and the linear path.
    for layer in {layers[0], layers[-1]}:
        layer.bias.add_(layer.weight @ shift.to(layer.weight))
        layer.weight.mul_(factor.to(layer.weight))


def linear_layers_of(head: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of a head in their order, the linear path last."""
    return [module for module in head.modules() if isinstance(module, nn.Linear)]
