"""The training step of dense networks, its backward derived by hand.

A dense autoencoder on a plain reconstruction loss spends most of autograd's time outside its
matrix products: in graph nodes, in temporary tensors, in one optimizer call for each parameter.
Here parameters, gradients and moments are views of one flat buffer each, every product writes
into a buffer that is reused, and one call of torch's fused kernel updates all parameters.

`read_net` says whether a net qualifies. What does not is trained by autograd. Several nets of one
kind can take their steps as one: their buffers are the rows of a larger one, and what is a matrix
for one net is a stack of matrices for all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import nn, optim

from ._step import FusedStep

_aten = torch.ops.aten


@dataclass(frozen=True)
class _Activation:
    """An activation as two calls that write where they are told.

    Parameters
    ----------
    forward : callable
        ``forward(z, out)``.
    backward : callable
        ``backward(grad, saved)`` turns the gradient of the output into that of the input, in
        place.
    saves_input : bool
        Whether `backward` needs the input (which then must not be overwritten) or the output.
    """

    forward: Callable
    backward: Callable
    saves_input: bool = False


def _in_place(call):
    return lambda z, out: call(z)


ACTIVATIONS = {
    nn.ReLU: _Activation(
        _in_place(torch.relu_),
        lambda grad, a: _aten.threshold_backward.grad_input(grad, a, 0, grad_input=grad),
    ),
    nn.LeakyReLU: _Activation(
        _in_place(nn.functional.leaky_relu_),
        lambda grad, a: _aten.leaky_relu_backward.grad_input(grad, a, 0.01, True, grad_input=grad),
    ),
    nn.ELU: _Activation(
        _in_place(nn.functional.elu_),
        lambda grad, a: _aten.elu_backward.grad_input(grad, 1, 1, 1, True, a, grad_input=grad),
    ),
    nn.GELU: _Activation(
        lambda z, out: _aten.gelu.out(z, out=out),
        lambda grad, z: _aten.gelu_backward.grad_input(grad, z, grad_input=grad),
        saves_input=True,
    ),
    nn.SiLU: _Activation(
        lambda z, out: _aten.silu.out(z, out=out),
        lambda grad, z: _aten.silu_backward.grad_input(grad, z, grad_input=grad),
        saves_input=True,
    ),
    nn.Tanh: _Activation(
        _in_place(torch.tanh_),
        lambda grad, a: _aten.tanh_backward.grad_input(grad, a, grad_input=grad),
    ),
    nn.Sigmoid: _Activation(
        _in_place(torch.sigmoid_),
        lambda grad, a: _aten.sigmoid_backward.grad_input(grad, a, grad_input=grad),
    ),
    nn.Identity: None,
}


def fused_step(module, objective, optimizer, max_grad_norm, low=None):
    """Return the fused step of a net, or None if it needs autograd.

    Parameters
    ----------
    module : torch.nn.Module
        The network, with `encoder` and `decoder`.
    objective : torch.nn.Module
        What is minimised.
    optimizer : torch.optim.Optimizer
        The optimizer of the module's parameters; its state lives on in the fused step.
    max_grad_norm : float or None
        Norm to which the gradient is clipped.
    low : torch.dtype or None, default=None
        Type that the matrix products are done in; None is the parameters' own.

    Returns
    -------
    step : FusedStep or None
    """
    net = read_net(module, objective, optimizer, max_grad_norm, low)
    return None if net is None else FusedStep([net])


@dataclass(frozen=True, eq=False)
class FusedNet:
    """A net that the fused step can read.

    Parameters
    ----------
    module, objective, optimizer, max_grad_norm, low
        See `fused_step`.
    halves : list of _Half
        Encoder and decoder.
    update : callable
        See `_fused_update`.
    latent_by_autograd : bool
        Whether autograd goes through the latent.
    """

    module: nn.Module
    objective: nn.Module
    optimizer: optim.Optimizer
    max_grad_norm: float | None
    low: torch.dtype | None
    halves: list
    update: Callable
    latent_by_autograd: bool

    @cached_property
    def parameters(self):
        """Parameters, weights first: a penalty on them is one call on a part of the buffer."""
        return sorted(self.module.parameters(), key=lambda p: p.ndim < 2)

    @property
    def stacks(self):
        """Whether it can take steps as one with others of its kind."""
        # Autograd goes through one latent at a time, and the rounding of low precision would
        # tell a net from one that was trained apart.
        return self.low is None and not self.latent_by_autograd

    @cached_property
    def kind(self):
        """Key that is equal for nets that can take their steps as one."""
        layers = [layer for half in self.halves for layer in half.layers]
        first, penalty = self.parameters[0], self.objective.weight_penalty
        corruption = self.objective.corruption
        return (
            [(type(layer), layer.weight.shape) for layer in layers],
            [(half.activations, half.linear is None) for half in self.halves],
            (first.dtype, first.device, self.low, self.max_grad_norm),
            (type(self.objective), self.objective.loss),
            (penalty.l1, penalty.l2),
            None if corruption is None else corruption.kind,
            (type(self.optimizer), _settings(self.optimizer)),
        )


def read_net(module, objective, optimizer, max_grad_norm, low=None):
    """Return what a fused step needs to know of a net, or None if it needs autograd.

    Parameters
    ----------
    module, objective, optimizer, max_grad_norm, low
        See `fused_step`.

    Returns
    -------
    net : FusedNet or None
    """
    one_pass = getattr(objective, "is_one_pass", False)
    if not one_pass or _fused_as(module) != "autoencoder" or _has_hooks(module):
        return None
    by_autograd = objective.code_term is not None or _fused_as(module.latent) != "plain latent"
    if by_autograd and low is not None:
        return None
    halves = [_read_half(module.encoder), _read_half(module.decoder)]
    update = _fused_update(optimizer)
    if None in halves or update is None or not _covers(halves, module, optimizer):
        return None
    return FusedNet(module, objective, optimizer, max_grad_norm, low, halves, update, by_autograd)


def what_it_stands_on(module, optimizer):
    """Return all that a fused step takes for granted and a callback may change, to compare.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    optimizer : torch.optim.Optimizer
        Its optimizer.
    """
    parameters = [(p.data_ptr(), p.requires_grad) for p in module.parameters()]
    return parameters, _settings(optimizer), _has_hooks(module)


def _settings(optimizer):
    """Return the settings of an optimizer that stay the same during training."""
    return [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]


@dataclass
class _Half:
    """An encoder or a decoder: linear layers, what is between them, and the path beside."""

    layers: list
    activations: list
    linear: object = None


def _fused_as(module):
    """Return what a module's class itself declares to compute; a subclass may differ."""
    return "linear" if type(module) is nn.Linear else vars(type(module)).get("fused_as")


def _is_known_activation(module):
    known = type(module) in ACTIVATIONS
    return known and module.extra_repr() == type(module)().extra_repr()


def _has_hooks(module):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(m, kind) for m in module.modules() for kind in kinds)


def _read_half(half):
    """Read a half as alternating linear layers and activations, or return None."""
    linear = None
    if _fused_as(half) == "linear path":
        half, linear = half.deep, half.linear
    layers, activations = [], []
    for module in half if type(half) is nn.Sequential else [half]:
        if _fused_as(module) == "linear" and len(layers) == len(activations):
            layers.append(module)
        elif _is_known_activation(module) and len(layers) == len(activations) + 1:
            activations.append(ACTIVATIONS[type(module)])
        else:
            return None
    return _Half(layers, activations, linear) if len(layers) == len(activations) + 1 else None


def _covers(halves, module, optimizer):
    """Whether the layers hold every parameter once, and the optimizer moves all as one."""
    layers = [layer for half in halves for layer in (*half.layers, half.linear) if layer]
    held = [id(p) for layer in layers for p in layer.parameters()]
    moved = {id(p) for p in optimizer.param_groups[0]["params"] if p.requires_grad}
    everything = {id(p) for p in module.parameters()}
    steps = {float(optimizer.state[p].get("step", 0)) for p in module.parameters()}
    once = len(held) == len(everything) == 2 * len(layers)
    return once and set(held) == everything == moved and len(steps) == 1


def _fused_update(optimizer):
    """Return how torch's fused kernel of this optimizer is called, or None."""
    group = optimizer.param_groups[0]
    unusual = ("amsgrad", "maximize", "capturable", "differentiable", "dampening")
    hooks = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    if len(optimizer.param_groups) > 1 or hooks or any(group.get(name) for name in unusual):
        return None
    if type(optimizer) in (optim.Adam, optim.AdamW):
        decoupled = type(optimizer) is optim.AdamW or group.get("decoupled_weight_decay")
        return partial(_adam, torch._fused_adamw_ if decoupled else torch._fused_adam_)
    if type(optimizer) is optim.SGD and group["momentum"]:
        return _sgd
    return None


def _adam(kernel, parameters, gradients, state, group):
    beta1, beta2 = group["betas"]
    steps = state["step"]
    one = torch.ones_like(steps)
    update = partial(
        kernel,
        parameters.unbind(),
        gradients.unbind(),
        state["exp_avg"].unbind(),
        state["exp_avg_sq"].unbind(),
        [],
        steps.unbind(),
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )

    def step(rate):
        steps.add_(one)
        update(lr=rate)

    return step


def _sgd(parameters, gradients, state, group):
    update = partial(
        torch._fused_sgd_,
        parameters.unbind(),
        gradients.unbind(),
        state["momentum_buffer"].unbind(),
        weight_decay=group["weight_decay"],
        momentum=group["momentum"],
        dampening=0.0,
        nesterov=group["nesterov"],
        maximize=False,
        is_first_step=False,
    )
    return lambda rate: update(lr=rate)
