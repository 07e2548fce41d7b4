"""Calls of torch's fused kernels that update all parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, optim


@dataclass
class Moved:
    """The tensors of one group of an optimizer: parameters, gradients, moments and counts of steps.

    They are parts of the flat buffers of one or of several nets. Entries of the same index belong
    together. `steps` is empty for optimizers that do not count.
    """

    parameters: list[Tensor]
    gradients: list[Tensor]
    moments: dict[str, list[Tensor]]
    steps: list[Tensor]


# Takes what a group moves and its settings; returns the call that takes a step at a rate.
Update = Callable[[Moved, dict[str, Any]], Callable[[Any], None]]


def fused_update(optimizer: optim.Optimizer) -> Update | None:
    """Return how torch's fused kernel of this optimizer is called, or None if it has none."""
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return None
    updates = [_update_of(optimizer, group) for group in optimizer.param_groups]
    return updates[0] if updates.count(updates[0]) == len(updates) else None


def _update_of(optimizer: optim.Optimizer, group: dict[str, Any]) -> Update | None:
    unusual = ("amsgrad", "maximize", "capturable", "differentiable", "dampening")
    if any(group.get(name) for name in unusual):
        return None
    if type(optimizer) in (optim.Adam, optim.AdamW):
        decoupled = type(optimizer) is optim.AdamW or group.get("decoupled_weight_decay")
        return _adamw if decoupled else _adam
    if type(optimizer) is optim.SGD and group["momentum"]:
        return _sgd
    return None


def _adam(moved: Moved, group: dict[str, Any]) -> Callable[[Any], None]:
    return _adam_by(torch._fused_adam_, moved, group)


def _adamw(moved: Moved, group: dict[str, Any]) -> Callable[[Any], None]:
    return _adam_by(torch._fused_adamw_, moved, group)


def _adam_by(kernel: Callable, moved: Moved, group: dict[str, Any]) -> Callable[[Any], None]:
    beta1, beta2 = group["betas"]
    update = partial(
        kernel,
        moved.parameters,
        moved.gradients,
        moved.moments["exp_avg"],
        moved.moments["exp_avg_sq"],
        [],
        moved.steps,
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )
    return lambda rate: update(lr=rate)


def _sgd(moved: Moved, group: dict[str, Any]) -> Callable[[Any], None]:
    update = partial(
        torch._fused_sgd_,
        moved.parameters,
        moved.gradients,
        moved.moments["momentum_buffer"],
        weight_decay=group["weight_decay"],
        momentum=group["momentum"],
        dampening=0.0,
        nesterov=group["nesterov"],
        maximize=False,
        is_first_step=False,
    )
    return lambda rate: update(lr=rate)
