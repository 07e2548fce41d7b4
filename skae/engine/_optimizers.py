"""Optimizers by name, and the step that makes weights exactly zero."""

from functools import partial

import torch
from torch import optim

# Adam divides each gradient by its own size, down to `eps`. Batches have unit variance here,
# so gradients below 1e-6 are rounding; torch's 1e-8 would blow that rounding up into steps.
_EPS = 1e-6

OPTIMIZERS = {
    "adam": partial(optim.Adam, eps=_EPS, fused=True),
    "adamw": partial(optim.AdamW, eps=_EPS, fused=True),
    "sgd": partial(optim.SGD, momentum=0.9, nesterov=True),
    "rmsprop": optim.RMSprop,
}


@torch.no_grad()
def shrink(optimizer, weights, strength):
    """Soft-threshold `weights`, the proximal step of an L1 penalty.

    Adaptive optimizers move each weight in a metric of its own, and the threshold follows
    that metric (Yun, Lozano and Yang, 2021, "Adaptive proximal gradient methods for
    structured neural networks"); otherwise the noise of the steps would always outrun it.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer, after its step.
    weights : list of torch.nn.Parameter
        What is shrunk, in place.
    strength : float
        Factor of the L1 norm in the objective.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if not any(weight is w for w in weights):
                continue
            threshold = group["lr"] * strength / _metric(optimizer.state[weight], group)
            weight.copy_(weight.sign() * (weight.abs() - threshold).clamp_(min=0))


def _metric(state, group):
    """Return what the optimizer divides the gradient of one weight by."""
    if "exp_avg_sq" in state and "betas" in group:
        correction = 1 - group["betas"][1] ** float(state["step"])
        return (state["exp_avg_sq"] / correction).sqrt_().add_(group["eps"])
    if "square_avg" in state:
        return state["square_avg"].sqrt().add_(group["eps"])
    return 1.0
