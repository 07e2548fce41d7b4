"""Nets that the fused step can train, and those whose steps can be taken as one."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn, optim

from ._activations import ACTIVATIONS, Activation
from ._protocols import DenseAutoencoder, DenseParts, OnePassObjective
from ._updates import Update, fused_update

# The fields of a batch that the fused step can take.
_FIELDS = frozenset({"x", "weight", "target"})


@dataclass
class Half:
    """An encoder or a decoder: linear layers, the activations between, the linear path beside.

    `first` makes of rows what the layers see, without parameters.
    """

    layers: list[Any]
    activations: list[Activation | None]
    linear: Any = None
    first: Any = None


@dataclass(frozen=True, eq=False)
class FusableNet:
    """A net as the fused step reads it.

    `halves` are encoder and decoder, `update` calls the kernel of the optimizer, whose state
    lives on in the fused step; `low` is the type of the matrix products, None for that of the
    parameters. With `latent_by_autograd` autograd goes through the latent.
    """

    module: DenseAutoencoder
    objective: OnePassObjective
    optimizer: optim.Optimizer
    max_grad_norm: float | None
    low: torch.dtype | None
    halves: list[Half]
    update: Update
    latent_by_autograd: bool

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        """Parameters: weights first, as a penalty on them is one call on a part of the buffer.

        Biases have the groups of the optimizer in the opposite order, so that few parts of the
        buffer are of one group.
        """
        held = sorted(self.module.parameters(), key=self._groups.__getitem__)
        return [p for p in held if p.ndim > 1] + [p for p in reversed(held) if p.ndim < 2]

    @cached_property
    def groups(self) -> list[int]:
        """The group of the optimizer that moves each of the parameters."""
        return [self._groups[p] for p in self.parameters]

    @cached_property
    def _groups(self) -> dict[nn.Parameter, int]:
        groups = enumerate(self.optimizer.param_groups)
        return {p: i for i, group in groups for p in group["params"]}

    @property
    def stacks(self) -> bool:
        """Whether it can take steps as one with others of its kind."""
        # Autograd goes through one latent at a time, and the rounding of low precision would
        # tell a net from one that was trained apart.
        return self.low is None and not self.latent_by_autograd

    @cached_property
    def kind(self) -> tuple:
        """Key that is equal for nets that can take their steps as one."""
        layers = [layer for half in self.halves for layer in half.layers]
        first, penalty = self.parameters[0], self.objective.weight_penalty
        corruption = self.objective.corruption
        return (
            [(type(layer), layer.weight.shape) for layer in layers],
            [(half.activations, half.linear is None) for half in self.halves],
            (first.dtype, first.device, self.low, self.max_grad_norm),
            (type(self.objective), self.objective.heads),
            (penalty.l1, penalty.l2),
            None if corruption is None else corruption.kind,
            (type(self.optimizer), _settings(self.optimizer), self.groups),
        )


def read_net(
    module: Any,
    objective: Any,
    optimizer: optim.Optimizer,
    fields: frozenset[str],
    max_grad_norm: float | None = None,
    low: torch.dtype | None = None,
) -> FusableNet | None:
    """Return a net as the fused step reads it, or None if it needs autograd.

    `module` has the attributes of `DenseAutoencoder`, `objective` those of `OnePassObjective` if it
    may be fused. `fields` are those of the batches. The gradient is clipped to the norm
    `max_grad_norm`, and matrix products are done in the type `low`.
    """
    one_pass = getattr(objective, "is_one_pass", False) and fields <= _FIELDS
    if not one_pass or has_hooks(module):
        return None
    term = objective.code_term
    by_autograd = term is not None or not module.has_plain_latent
    if (by_autograd and low is not None) or getattr(term, "uses_encoder", False):
        return None
    encoder, decoder = _read_half(module.dense_encoder), _read_half(module.dense_decoder)
    update = fused_update(optimizer)
    if encoder is None or decoder is None or update is None:
        return None
    halves = [encoder, decoder]
    if not _covers(halves, module, optimizer):
        return None
    return FusableNet(module, objective, optimizer, max_grad_norm, low, halves, update, by_autograd)


def assumptions_of(module: nn.Module, optimizer: optim.Optimizer) -> tuple:
    """Return the state that a fused step relies on and a callback may change, to compare."""
    parameters = [(p.data_ptr(), p.requires_grad) for p in module.parameters()]
    return parameters, _settings(optimizer), has_hooks(module)


def _settings(optimizer: optim.Optimizer) -> list[dict[str, Any]]:
    """Return the settings of an optimizer that stay the same during training."""
    return [
        {name: value for name, value in group.items() if name not in ("params", "lr")}
        for group in optimizer.param_groups
    ]


def has_hooks(module: nn.Module | DenseAutoencoder) -> bool:
    """Return whether a module, or one in it, calls hooks."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(m, kind) for m in module.modules() for kind in kinds)


def _read_half(stack: DenseParts | None) -> Half | None:
    """Return a dense half with its activations as calls, or None if one is not known."""
    if stack is None or not all(map(_is_known_activation, stack.activations)):
        return None
    activations = [ACTIVATIONS[type(activation)] for activation in stack.activations]
    return Half(stack.layers, activations, stack.linear, stack.first)


def _is_known_activation(module: nn.Module) -> bool:
    """Return whether an activation has a backward here, for its parameters as they are."""
    known = type(module) in ACTIVATIONS
    return known and module.extra_repr() == type(module)().extra_repr()


def _covers(halves: list[Half], module: DenseAutoencoder, optimizer: optim.Optimizer) -> bool:
    """Return whether the layers hold each parameter once and the optimizer moves all of them."""
    layers = [layer for half in halves for layer in (*half.layers, half.linear) if layer]
    held = [id(p) for layer in layers for p in layer.parameters()]
    groups = [group["params"] for group in optimizer.param_groups]
    moved = {id(p) for group in groups for p in group if p.requires_grad}
    everything = {id(p) for p in module.parameters()}
    steps = {float(optimizer.state[p].get("step", 0)) for p in module.parameters()}
    once = len(held) == len(everything) == 2 * len(layers)
    return once and set(held) == everything == moved and len(steps) == 1 and all(groups)
