"""One call of torch's fused kernels that updates all parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, optim

# Takes the flat parameters, gradients, state and the settings of an optimizer; returns the call
# that takes a step at a rate.
Update = Callable[[Tensor, Tensor, dict[str, Tensor], dict[str, Any]], Callable[[Any], None]]


def fused_update(optimizer: optim.Optimizer) -> Update | None:
    """Return how torch's fused kernel of this optimizer is called, or None if it has none."""
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


def _adam(
    kernel: Callable,
    parameters: Tensor,
    gradients: Tensor,
    state: dict[str, Tensor],
    group: dict[str, Any],
) -> Callable[[Any], None]:
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

    def step(rate: Any) -> None:
        steps.add_(one)
        update(lr=rate)

    return step


def _sgd(
    parameters: Tensor, gradients: Tensor, state: dict[str, Tensor], group: dict[str, Any]
) -> Callable[[Any], None]:
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
