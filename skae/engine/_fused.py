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

from ._tape import Tape

_aten = torch.ops.aten

# Values that fill a cache line in single precision.
_ALIGNMENT = 16


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
    return FusedStep(module, halves, objective, optimizer, update, max_grad_norm, low, by_autograd)


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
    groups = [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]
    return parameters, groups, _has_hooks(module)


class _Layer:
    """The tensors of a linear layer, as views into the flat buffers."""

    def __init__(self, layer, values, gradients):
        self.weight, self.bias = values[layer.weight], values[layer.bias]
        self.transposed = self.weight.t()
        self.weight_gradient, self.bias_gradient = gradients[layer.weight], gradients[layer.bias]


@dataclass
class _Half:
    """An encoder or a decoder: linear layers, what follows each, and the path beside them."""

    layers: list
    activations: list
    linear: object = None

    def bind(self, values, gradients):
        """Replace the modules by their tensors, once these have their final place."""
        layers = [_Layer(layer, values, gradients) for layer in self.layers]
        linear = None if self.linear is None else _Layer(self.linear, values, gradients)
        return _Half(layers, [*self.activations, None], linear)


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
        [parameters],
        [gradients],
        [state["exp_avg"]],
        [state["exp_avg_sq"]],
        [],
        [steps],
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
        [parameters],
        [gradients],
        [state["momentum_buffer"]],
        weight_decay=group["weight_decay"],
        momentum=group["momentum"],
        dampening=0.0,
        nesterov=group["nesterov"],
        maximize=False,
        is_first_step=False,
    )
    return lambda rate: update(lr=rate)


class FusedStep:
    """One step of training: forward, backward, clipping, update.

    Made by `fused_step`. Called with a batch, it returns the parts of the objective as
    `train_step` does.
    """

    def __init__(
        self, module, halves, objective, optimizer, update, max_grad_norm, low, latent_by_autograd
    ):
        self.objective = objective
        self.latent_by_autograd = latent_by_autograd
        self.optimizer = optimizer
        self.max_grad_norm = max_grad_norm
        self.penalty = objective.weight_penalty
        self.corruption = objective.corruption
        self.module = module
        # Weights first, so that a penalty on them is one call on a part of the buffer.
        parameters = sorted(module.parameters(), key=lambda p: p.ndim < 2)
        self.flat = _flatten([p.data for p in parameters])
        self.gradient = torch.zeros_like(self.flat)
        n_weights = sum(_padded(p) for p in parameters if p.ndim > 1)
        self.flat_weights, self.weight_gradient = self.flat[:n_weights], self.gradient[:n_weights]
        values, gradients = _views(self.flat, parameters), _views(self.gradient, parameters)
        for p in parameters:
            p.data, p.grad = values[p], gradients[p]
        self.low_flat = self.low_gradient = None
        if low is not None:
            self.low_flat, self.low_gradient = self.flat.to(low), self.gradient.to(low)
            values = _views(self.low_flat, parameters)
            gradients = _views(self.low_gradient, parameters)
        self.halves = [half.bind(values, gradients) for half in halves]
        state = self._adopt_state(parameters)
        self.update = update(self.flat, self.gradient, state, optimizer.param_groups[0])
        self._tapes = {}
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
            views = _views(flat[name], parameters)
            for p, s in zip(parameters, held, strict=True):
                s[name] = views[p]
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

    @property
    def learning_rate(self):
        """Rate that the next step is to be taken at."""
        return self.optimizer.param_groups[0]["lr"]

    def __call__(self, x, sample_weight):
        """Take one step and return the parts of the objective on the batch before it."""
        self.prepare(x)
        return self.run(x, sample_weight, self.learning_rate)

    def prepare(self, x):
        """Make the calls for a batch and draw its noise; a CUDA graph holds what comes after."""
        tape = self._tapes.get(x.shape[0])
        if tape is None or tape.x is not x:
            # Batches of one size come in the same tensor, so this is rare.
            tape = self._tapes[x.shape[0]] = Tape(self, x)
        if self.corruption is not None:
            tape.seen.copy_(self.corruption(x))

    def run(self, x, sample_weight, rate):
        """Take a step that is prepared, at a rate, a float or a tensor."""
        tape = self._tapes[x.shape[0]]
        penalties = tape.run_forward(sample_weight)
        value, _ = self.objective.reconstruction_and_gradient(tape.output, x, sample_weight)
        tape.run_backward()
        parts = {"reconstruction": value, **penalties}
        if self.penalty.l1 or self.penalty.l2:
            with torch.no_grad():
                parts |= self.penalty(self.module)
            self.weight_gradient.add_(self.flat_weights, alpha=self.penalty.l2)
        if self.max_grad_norm is not None:
            norm = self.gradient.norm()
            self.gradient.mul_((self.max_grad_norm / (norm + 1e-6)).clamp_(max=1.0))
        self.update(rate)
        return parts


def _padded(tensor):
    """Return how many values a part takes in a flat buffer, so that each begins aligned."""
    return -(-tensor.numel() // _ALIGNMENT) * _ALIGNMENT


def _flatten(tensors):
    flat = tensors[0].new_zeros(sum(map(_padded, tensors)))
    for tensor, part in zip(tensors, flat.split([*map(_padded, tensors)]), strict=True):
        part[: tensor.numel()] = tensor.reshape(-1)
    return flat


def _views(flat, parameters):
    """Return the parts of a flat buffer by parameter."""
    parts = flat.split([*map(_padded, parameters)])
    return {p: v[: p.numel()].view_as(p) for p, v in zip(parameters, parts, strict=True)}
