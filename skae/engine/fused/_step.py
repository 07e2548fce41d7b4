"""A training step on the flat buffers of one or of several nets."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from skae._batch import Batch

from ..distributed import ONE_RANK, OneRank
from ._branch import branch_on
from ._flat_buffers import adopt_state, flatten, padded, spans, views
from ._fusable import FusableNet, Half
from ._recorded_calls import RecordedCalls
from ._updates import Moved

_Place = dict[Tensor, Tensor]


class _Layer:
    """The tensors of a linear layer, or of one of each net, as views into the flat buffers."""

    def __init__(self, layer: nn.Linear, values: _Place, gradients: _Place):
        self.weight, self.bias = values[layer.weight], values[layer.bias]
        if self.weight.ndim > 2:
            # The same bias for all rows of a net.
            self.bias = self.bias.unsqueeze(-2)
        self.transposed = self.weight.mT
        self.weight_gradient, self.bias_gradient = gradients[layer.weight], gradients[layer.bias]


class FusedStep:
    """One step of training: forward, backward, clipping, update.

    Called with a batch, it returns the parts of the objective as `train_step` does. The step of
    several nets takes a batch of shape (n_nets, n_samples, n_features), a part for each net, and
    returns parts of shape (n_nets,). Several nets must be of one `kind` and have equal learning
    rates. The batch of one net may be a part of that of several `ranks`.
    """

    def __init__(self, nets: Sequence[FusableNet], ranks: OneRank = ONE_RANK):
        self.nets, self.ranks = nets, ranks
        first = nets[0]
        self.objective, self.penalty = first.objective, first.objective.weight_penalty
        self.max_grad_norm = first.max_grad_norm
        self.latent_by_autograd = first.latent_by_autograd
        corruptions = [net.objective.corruption for net in nets]
        self.corruptions = [one for one in corruptions if one is not None]
        # One net computes with matrices, several with stacks of them.
        self.stacked = len(nets) > 1
        # Nets that take their steps as one have the same table.
        self.first = first.halves[0].first
        self.addmm: Callable[..., Tensor] = torch.baddbmm if self.stacked else torch.addmm
        self.mm: Callable[..., Tensor] = torch.bmm if self.stacked else torch.mm
        parameters = [net.parameters for net in nets]
        flat = flatten([[p.data for p in row] for row in parameters])
        gradient = torch.zeros_like(flat)
        self.flat, self.gradient = (flat, gradient) if self.stacked else (flat[0], gradient[0])
        n_weights = sum(padded(p) for p in parameters[0] if p.ndim > 1)
        self.flat_weights = self.flat[..., :n_weights]
        self.weight_gradient = self.gradient[..., :n_weights]
        values, gradients = views(self.flat, parameters[0]), views(self.gradient, parameters[0])
        for i, row in enumerate(parameters):
            for p, value, p_gradient in zip(row, values, gradients, strict=True):
                p.data, p.grad = (value[i], p_gradient[i]) if self.stacked else (value, p_gradient)
        state = adopt_state([net.optimizer for net in nets], parameters)
        # Only optimizers of two moments count their steps.
        self.n_steps = state.pop("step", None)
        self.updates = [
            first.update(_moved(parts, flat, gradient, state, self.n_steps), group)
            for parts, group in zip(
                spans(parameters[0], first.groups), first.optimizer.param_groups, strict=True
            )
        ]
        self.low_flat: Tensor | None = None
        self.low_gradient: Tensor | None = None
        if first.low is not None:
            self.low_flat, self.low_gradient = self.flat.to(first.low), self.gradient.to(first.low)
            values = views(self.low_flat, parameters[0])
            gradients = views(self.low_gradient, parameters[0])
        place_of_value: _Place = dict(zip(parameters[0], values, strict=True))
        place_of_gradient: _Place = dict(zip(parameters[0], gradients, strict=True))
        self.halves = [_bind(half, place_of_value, place_of_gradient) for half in first.halves]
        # Several ranks launch each kernel, and more calls would cost more than they gain.
        self.branch = branch_on(flat.device) if ranks.size == 1 else None
        self._calls: dict[int, RecordedCalls] = {}
        for net in nets:
            # Torch's schedulers warn of an optimizer that has not taken a step.
            net.optimizer._opt_called = True  # type: ignore[attr-defined]  # private

    def release(self) -> None:
        """Copy parameters and optimizer state out of the shared buffers.

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
    def learning_rates(self) -> list[Any]:
        """Rates at which the next step is to be taken, floats or tensors, one for each group."""
        return [group["lr"] for group in self.nets[0].optimizer.param_groups]

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step and return the parts of the objective on the batch before it."""
        calls = self._calls_for(batch.x)
        penalties = calls.run_forward(batch.weight)
        value, _ = self.objective.reconstruction_and_gradient(calls.output, batch)
        calls.run_backward()
        self.ranks.add_up(self.gradient)
        parts = {"reconstruction": value, **penalties}
        if self.penalty.l1 or self.penalty.l2:
            parts |= self._weight_penalties()
            self.weight_gradient.add_(self.flat_weights, alpha=self.penalty.l2)
        if self.max_grad_norm is not None:
            norm = torch.linalg.vector_norm(self.gradient, dim=-1, keepdim=True)
            self.gradient.mul_((self.max_grad_norm / (norm + 1e-6)).clamp_(max=1.0))
        if self.n_steps is not None:
            self.n_steps.add_(1)
        for update, rate in zip(self.updates, self.learning_rates, strict=True):
            update(rate)
        return parts

    def _calls_for(self, x: Tensor) -> RecordedCalls:
        """Return the recorded calls for a batch, whose noise is drawn."""
        calls = self._calls.get(x.shape[-2])
        if calls is None or calls.x is not x:
            # Batches of one size come in the same tensor, so this is rare.
            calls = self._calls[x.shape[-2]] = RecordedCalls(self, x)
        if self.corruptions:
            one = self.corruptions[0]
            x = one.corrupt_stack(self.corruptions, x) if self.stacked else one(x)
        if calls.seen is not x:
            calls.seen.copy_(x if self.first is None else self.first(x))
        return calls

    @torch.no_grad()
    def _weight_penalties(self) -> dict[str, Tensor]:
        parts = [net.objective.weight_penalty(net.module) for net in self.nets]
        if not self.stacked:
            return parts[0]
        return {name: torch.stack([one[name] for one in parts]) for name in parts[0]}


def _moved(
    parts: list[slice],
    flat: Tensor,
    gradient: Tensor,
    moments: dict[str, Tensor],
    n_steps: Tensor | None,
) -> Moved:
    """Return some parts of the flat buffers, those of each net by themselves."""

    def cut(rows: Tensor) -> list[Tensor]:
        return [row[part] for part in parts for row in rows]

    counts = [] if n_steps is None else [*n_steps] * len(parts)
    return Moved(cut(flat), cut(gradient), {name: cut(moments[name]) for name in moments}, counts)


def _bind(half: Half, values: _Place, gradients: _Place) -> Half:
    """Replace the modules of a half by their tensors, once these have their final place."""
    layers = [_Layer(layer, values, gradients) for layer in half.layers]
    linear = None if half.linear is None else _Layer(half.linear, values, gradients)
    return replace(half, layers=layers, activations=[*half.activations, None], linear=linear)
