"""The training step of dense networks, its backward derived by hand.

A dense autoencoder on a plain reconstruction loss spends most of autograd's time outside its
matrix products: in graph nodes, in temporary tensors, in one optimizer call for each parameter.
Here parameters, gradients and moments are views of one flat buffer each, every product writes
into a buffer that is reused, and one call of torch's fused kernel updates all parameters.

`fused_step` says whether a net qualifies. What does not is trained by autograd.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn, optim

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


def fused_step(module, objective, optimizer, max_grad_norm):
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

    Returns
    -------
    step : FusedStep or None
    """
    plain = getattr(objective, "is_plain_reconstruction", False)
    if not plain or _fused_as(module) != "autoencoder" or _has_hooks(module):
        return None
    halves = [_read_half(module.encoder), _read_half(module.decoder)]
    update = _fused_update(optimizer)
    if None in halves or update is None or not _covers(halves, module, optimizer):
        return None
    return FusedStep(module, halves, objective, optimizer, update, max_grad_norm)


class _Layer:
    """The tensors of a linear layer, as views that the step uses again and again."""

    def __init__(self, layer):
        self.weight, self.bias = layer.weight.data, layer.bias.data
        self.transposed = self.weight.t()
        self.weight_gradient, self.bias_gradient = layer.weight.grad, layer.bias.grad


@dataclass
class _Half:
    """An encoder or a decoder: linear layers, what follows each, and the path beside them."""

    layers: list
    activations: list
    linear: object = None

    def bind(self):
        """Replace the modules by their tensors, once these have their final place."""
        linear = None if self.linear is None else _Layer(self.linear)
        return _Half([_Layer(layer) for layer in self.layers], self.activations, linear)


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
    state["step"] += 1
    beta1, beta2 = group["betas"]
    kernel(
        [parameters],
        [gradients],
        [state["exp_avg"]],
        [state["exp_avg_sq"]],
        [],
        [state["step"]],
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )


def _sgd(parameters, gradients, state, group):
    torch._fused_sgd_(
        [parameters],
        [gradients],
        [state["momentum_buffer"]],
        weight_decay=group["weight_decay"],
        momentum=group["momentum"],
        lr=group["lr"],
        dampening=0.0,
        nesterov=group["nesterov"],
        maximize=False,
        is_first_step=False,
    )


class FusedStep:
    """One step of training: forward, backward, clipping, update.

    Made by `fused_step`. Called with a batch, it returns the parts of the objective as
    `train_step` does.
    """

    def __init__(self, module, halves, objective, optimizer, update, max_grad_norm):
        self.objective = objective
        self.optimizer = optimizer
        self.update = update
        self.max_grad_norm = max_grad_norm
        self.penalty = objective.weight_penalty
        self.module = module
        # Weights first, so that a penalty on them is one call on a part of the buffer.
        parameters = sorted(module.parameters(), key=lambda p: p.ndim < 2)
        self.flat = _flatten([p.data for p in parameters])
        self.gradient = torch.zeros_like(self.flat)
        n_weights = sum(p.numel() for p in parameters if p.ndim > 1)
        self.flat_weights, self.weight_gradient = self.flat[:n_weights], self.gradient[:n_weights]
        for p, value, gradient in zip(
            parameters,
            _views(self.flat, parameters),
            _views(self.gradient, parameters),
            strict=True,
        ):
            p.data, p.grad = value, gradient
        self.halves = [half.bind() for half in halves]
        self.state = self._adopt_state(parameters)
        self._buffers = {}
        # What torch's schedulers ask an optimizer before they move.
        optimizer._opt_called = True

    def _adopt_state(self, parameters):
        """Make the optimizer's state of all parameters views of one flat buffer each."""
        names = {
            optim.Adam: ("exp_avg", "exp_avg_sq"),
            optim.AdamW: ("exp_avg", "exp_avg_sq"),
            optim.SGD: ("momentum_buffer",),
        }[type(self.optimizer)]
        held = [self.optimizer.state[p] for p in parameters]
        flat = {}
        for name in names:
            before = [
                torch.zeros_like(p) if s.get(name) is None else s[name]
                for p, s in zip(parameters, held, strict=True)
            ]
            flat[name] = _flatten(before)
            for s, view in zip(held, _views(flat[name], parameters), strict=True):
                s[name] = view
        if "exp_avg" in flat:
            before = float(held[0].get("step", 0))
            flat["step"] = torch.full((), before, dtype=torch.float32, device=self.flat.device)
            for s in held:
                s["step"] = flat["step"]
        return flat

    def release(self):
        """Give every parameter a count of steps of its own, as the optimizer's step needs."""
        for p in self.module.parameters():
            state = self.optimizer.state.get(p, {})
            if "step" in state:
                state["step"] = state["step"].clone()

    @torch.no_grad()
    def __call__(self, x, sample_weight):
        """Take one step and return the parts of the objective on the batch before it."""
        buffers = self._buffers.get(len(x))
        if buffers is None:
            buffers = [self._allocate(half, len(x)) for half in self.halves]
            self._buffers[len(x)] = buffers
        code = _forward(self.halves[0], x, buffers[0])
        output = _forward(self.halves[1], code, buffers[1])
        value, gradient = self.objective.loss.value_and_gradient(output, x, sample_weight)
        to_code = _backward(self.halves[1], code, gradient, buffers[1], input_needed=True)
        _backward(self.halves[0], x, to_code, buffers[0], input_needed=False)
        parts = {"reconstruction": value}
        if self.penalty.l1 or self.penalty.l2:
            parts |= self.penalty(self.module)
            self.weight_gradient.add_(self.flat_weights, alpha=self.penalty.l2)
        if self.max_grad_norm is not None:
            norm = self.gradient.norm()
            self.gradient.mul_((self.max_grad_norm / (norm + 1e-6)).clamp_(max=1.0))
        self.update(self.flat, self.gradient, self.state, self.optimizer.param_groups[0])
        return parts

    def _allocate(self, half, n_rows):
        """Make the buffers of a half for batches of one size: of each layer, and of its input."""

        def rows(width):
            return self.flat.new_empty(n_rows, width)

        outputs = [rows(len(layer.weight)) for layer in half.layers]
        activated = [
            rows(len(layer.weight)) if a is not None and a.saves_input else out
            for layer, a, out in zip(half.layers[:-1], half.activations, outputs, strict=False)
        ]
        gradients = [rows(layer.weight.shape[1]) for layer in half.layers]
        return outputs, activated, gradients


def _forward(half, x, buffers):
    outputs, activated, _ = buffers
    h = x
    for layer, activation, z, a in zip(
        half.layers, half.activations, outputs, activated, strict=False
    ):
        torch.addmm(layer.bias, h, layer.transposed, out=z)
        if activation is not None:
            activation.forward(z, a)
        h = a
    last, z = half.layers[-1], outputs[-1]
    torch.addmm(last.bias, h, last.transposed, out=z)
    if half.linear is not None:
        z.addmm_(x, half.linear.transposed)
        z.add_(half.linear.bias)
    return z


def _backward(half, x, gradient, buffers, input_needed):
    """Write the gradients of a half's parameters; return that of its input if needed."""
    outputs, activated, inputs = buffers
    if half.linear is not None:
        torch.mm(gradient.t(), x, out=half.linear.weight_gradient)
        torch.sum(gradient, 0, out=half.linear.bias_gradient)
    delta = gradient
    for i in range(len(half.layers) - 1, -1, -1):
        layer = half.layers[i]
        torch.mm(delta.t(), activated[i - 1] if i else x, out=layer.weight_gradient)
        torch.sum(delta, 0, out=layer.bias_gradient)
        if i == 0 and not input_needed:
            return None
        delta = torch.mm(delta, layer.weight, out=inputs[i])
        activation = half.activations[i - 1] if i else None
        if activation is not None:
            saved = outputs[i - 1] if activation.saves_input else activated[i - 1]
            activation.backward(delta, saved)
    if half.linear is not None:
        delta.addmm_(gradient, half.linear.weight)
    return delta


def _flatten(tensors):
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _views(flat, parameters):
    sizes = [p.numel() for p in parameters]
    return [v.view_as(p) for v, p in zip(flat.split(sizes), parameters, strict=True)]
