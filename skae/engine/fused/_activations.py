"""Activations of the fused step: forward, and the backward derived by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_aten = torch.ops.aten


@dataclass(frozen=True)
class Activation:
    """An activation as two calls that write where they are told.

    ``forward(z, out)`` writes the output. ``backward(grad, saved)`` turns the gradient of the
    output into that of the input, in place. With `saves_input` it needs the input, which then
    must not be overwritten, else the output.
    """

    forward: Callable[[Tensor, Tensor], Any]
    backward: Callable[[Tensor, Tensor], Any]
    saves_input: bool = False


def _in_place(call: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], Any]:
    return lambda z, out: call(z)


ACTIVATIONS: dict[type[nn.Module], Activation | None] = {
    nn.ReLU: Activation(
        _in_place(torch.relu_),
        lambda grad, a: _aten.threshold_backward.grad_input(grad, a, 0, grad_input=grad),
    ),
    nn.LeakyReLU: Activation(
        _in_place(nn.functional.leaky_relu_),
        lambda grad, a: _aten.leaky_relu_backward.grad_input(grad, a, 0.01, True, grad_input=grad),
    ),
    nn.ELU: Activation(
        _in_place(nn.functional.elu_),
        lambda grad, a: _aten.elu_backward.grad_input(grad, 1, 1, 1, True, a, grad_input=grad),
    ),
    nn.GELU: Activation(
        lambda z, out: _aten.gelu.out(z, out=out),
        lambda grad, z: _aten.gelu_backward.grad_input(grad, z, grad_input=grad),
        saves_input=True,
    ),
    nn.SiLU: Activation(
        lambda z, out: _aten.silu.out(z, out=out),
        lambda grad, z: _aten.silu_backward.grad_input(grad, z, grad_input=grad),
        saves_input=True,
    ),
    nn.Tanh: Activation(
        _in_place(torch.tanh_),
        lambda grad, a: _aten.tanh_backward.grad_input(grad, a, grad_input=grad),
    ),
    nn.Sigmoid: Activation(
        _in_place(torch.sigmoid_),
        lambda grad, a: _aten.sigmoid_backward.grad_input(grad, a, grad_input=grad),
    ),
    nn.Identity: None,
}
