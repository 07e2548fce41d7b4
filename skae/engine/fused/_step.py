"""The step that is taken on the buffers of one or of several nets."""

from dataclasses import replace

import torch
from torch import optim

from ._recorded_calls import Tape

# Values that fill a cache line in single precision.
_ALIGNMENT = 16


class _Layer:
    """The tensors of a linear layer, or of one of each net, as views into the flat buffers."""

    def __init__(self, layer, values, gradients):
        self.weight, self.bias = values[layer.weight], values[layer.bias]
        if self.weight.ndim > 2:
            # The same bias for all rows of a net.
            self.bias = self.bias.unsqueeze(-2)
        self.transposed = self.weight.mT
        self.weight_gradient, self.bias_gradient = gradients[layer.weight], gradients[layer.bias]


class FusedStep:
    """One step of training: forward, backward, clipping, update.

    Called with a batch, it returns the parts of the objective as `train_step` does. The step of
    several nets takes a batch for each, as a tensor of shape (n_nets, n_samples, n_features),
    and returns parts of shape (n_nets,).

    Parameters
    ----------
    nets : list of FusedNet
        One net, or several of one `kind` and with equal learning rates.
    """

    def __init__(self, nets):
        self.nets = nets
        first = nets[0]
        self.objective, self.penalty = first.objective, first.objective.weight_penalty
        self.max_grad_norm = first.max_grad_norm
        self.latent_by_autograd = first.latent_by_autograd
        corruptions = [net.objective.corruption for net in nets]
        self.corruptions = [one for one in corruptions if one is not None]
        # One net computes with matrices, several with stacks of them.
        self.stacked = len(nets) > 1
        self.addmm, self.mm = torch.addmm, torch.mm
        if self.stacked:
            self.addmm, self.mm = torch.baddbmm, torch.bmm
        parameters = [net.parameters for net in nets]
        flat = _flatten([[p.data for p in row] for row in parameters])
        gradient = torch.zeros_like(flat)
        self.flat, self.gradient = (flat, gradient) if self.stacked else (flat[0], gradient[0])
        n_weights = sum(_padded(p) for p in parameters[0] if p.ndim > 1)
        self.flat_weights = self.flat[..., :n_weights]
        self.weight_gradient = self.gradient[..., :n_weights]
        values, gradients = _views(self.flat, parameters[0]), _views(self.gradient, parameters[0])
        for i, row in enumerate(parameters):
            for p, value, p_gradient in zip(row, values, gradients, strict=True):
                p.data, p.grad = (value[i], p_gradient[i]) if self.stacked else (value, p_gradient)
        state = self._adopt_state(parameters)
        self.update = first.update(flat, gradient, state, first.optimizer.param_groups[0])
        self.low_flat = self.low_gradient = None
        if first.low is not None:
            self.low_flat, self.low_gradient = self.flat.to(first.low), self.gradient.to(first.low)
            values = _views(self.low_flat, parameters[0])
            gradients = _views(self.low_gradient, parameters[0])
        values = dict(zip(parameters[0], values, strict=True))
        gradients = dict(zip(parameters[0], gradients, strict=True))
        self.halves = [_bind(half, values, gradients) for half in first.halves]
        self._tapes = {}
        for net in nets:
            # Torch's schedulers warn of an optimizer that has not taken a step.
            net.optimizer._opt_called = True

    def _adopt_state(self, parameters):
        """Make the optimizers' states of all parameters views of one buffer each."""
        names = {
            optim.Adam: ("exp_avg", "exp_avg_sq"),
            optim.AdamW: ("exp_avg", "exp_avg_sq"),
            optim.SGD: ("momentum_buffer",),
        }[type(self.nets[0].optimizer)]
        held = [
            [net.optimizer.state[p] for p in row]
            for net, row in zip(self.nets, parameters, strict=True)
        ]
        flat = {}
        for name in names:
            before = [
                [
                    torch.zeros_like(p) if s.get(name) is None else s[name]
                    for p, s in zip(row, states, strict=True)
                ]
                for row, states in zip(parameters, held, strict=True)
            ]
            flat[name] = _flatten(before)
            for values, states in zip(flat[name], held, strict=True):
                for s, view in zip(states, _views(values, parameters[0]), strict=True):
                    s[name] = view
        if "exp_avg" in flat:
            before = [float(states[0].get("step", 0)) for states in held]
            device = flat["exp_avg"].device
            flat["step"] = torch.tensor(before, dtype=torch.float32, device=device)
            for step, states in zip(flat["step"], held, strict=True):
                for s in states:
                    s["step"] = step
        return flat

    def release(self):
        """Make each net what it is without the step.

        Every parameter has its own count of steps then, as the optimizer needs, and each net of
        a stack its own memory.
        """
        for net in self.nets:
            for p in net.parameters:
                state = net.optimizer.state.get(p, {})
                if self.stacked:
                    p.data, p.grad = p.data.clone(), None
                    state |= {name: value.clone() for name, value in state.items()}
                elif "step" in state:
                    state["step"] = state["step"].clone()

    @property
    def learning_rate(self):
        """Rate that the next step is to be taken at."""
        return self.nets[0].optimizer.param_groups[0]["lr"]

    def __call__(self, x, sample_weight):
        """Take one step and return the parts of the objective on the batch before it."""
        self.prepare(x)
        return self.run(x, sample_weight, self.learning_rate)

    def prepare(self, x):
        """Make the calls for a batch and draw its noise; a CUDA graph holds what comes after."""
        tape = self._tapes.get(x.shape[-2])
        if tape is None or tape.x is not x:
            # Batches of one size come in the same tensor, so this is rare.
            tape = self._tapes[x.shape[-2]] = Tape(self, x)
        if self.corruptions:
            first = self.corruptions[0]
            noisy = first.together(self.corruptions, x) if self.stacked else first(x)
            tape.seen.copy_(noisy)

    def run(self, x, sample_weight, rate):
        """Take a step that is prepared, at a rate, a float or a tensor."""
        tape = self._tapes[x.shape[-2]]
        penalties = tape.run_forward(sample_weight)
        value, _ = self.objective.reconstruction_and_gradient(tape.output, x, sample_weight)
        tape.run_backward()
        parts = {"reconstruction": value, **penalties}
        if self.penalty.l1 or self.penalty.l2:
            parts |= self._weight_penalties()
            self.weight_gradient.add_(self.flat_weights, alpha=self.penalty.l2)
        if self.max_grad_norm is not None:
            norm = torch.linalg.vector_norm(self.gradient, dim=-1, keepdim=True)
            self.gradient.mul_((self.max_grad_norm / (norm + 1e-6)).clamp_(max=1.0))
        self.update(rate)
        return parts

    @torch.no_grad()
    def _weight_penalties(self):
        parts = [net.objective.weight_penalty(net.module) for net in self.nets]
        if not self.stacked:
            return parts[0]
        return {name: torch.stack([one[name] for one in parts]) for name in parts[0]}


def _bind(half, values, gradients):
    """Replace the modules of a half by their tensors, once these have their final place."""
    layers = [_Layer(layer, values, gradients) for layer in half.layers]
    linear = None if half.linear is None else _Layer(half.linear, values, gradients)
    return replace(half, layers=layers, activations=[*half.activations, None], linear=linear)


def _padded(tensor):
    """Return how many values a part takes in a flat buffer, so that each begins aligned."""
    return -(-tensor.numel() // _ALIGNMENT) * _ALIGNMENT


def _flatten(rows):
    """Return a buffer with a row for each list of tensors."""
    sizes = [*map(_padded, rows[0])]
    flat = rows[0][0].new_zeros(len(rows), sum(sizes))
    for row, tensors in zip(flat, rows, strict=True):
        for tensor, part in zip(tensors, row.split(sizes), strict=True):
            part[: tensor.numel()] = tensor.reshape(-1)
    return flat


def _views(flat, parameters):
    """Return the part of each parameter in a flat buffer, or in all rows of one."""
    parts = flat.split([*map(_padded, parameters)], dim=-1)
    lead = flat.shape[:-1]
    return [
        part.narrow(-1, 0, p.numel()).view(lead + p.shape)
        for p, part in zip(parameters, parts, strict=True)
    ]
