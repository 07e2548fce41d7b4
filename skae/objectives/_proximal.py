"""The step that makes weights exactly zero."""

import torch


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

    Raises
    ------
    ValueError
        If the length of the optimizer's steps is not known.
    """
    shrunk = {id(weight) for weight in weights}
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if id(weight) in shrunk:
                threshold = strength * _step_length(optimizer, optimizer.state[weight], group)
                weight.copy_(weight.sign() * (weight.abs() - threshold).clamp_(min=0))


def _step_length(optimizer, state, group):
    """Return how far the optimizer moves each weight for a steady gradient of one."""
    # A steady gradient adds up in the momentum to this multiple.
    length = group["lr"] / (1 - group.get("momentum", 0.0))
    if "exp_avg_sq" in state and "betas" in group:
        correction = 1 - group["betas"][1] ** state["step"]
        return length / (state["exp_avg_sq"] / correction).sqrt_().add_(group["eps"])
    if "square_avg" in state and "alpha" in group:
        return length / state["square_avg"].sqrt().add_(group["eps"])
    if isinstance(optimizer, torch.optim.SGD):
        return length
    raise ValueError(
        f"An L1 penalty (alpha > 0 and l1_ratio > 0) works with 'adam', 'adamw', 'sgd', 'rmsprop' "
        f"and torch's optimizers that keep a second moment as these do, not with "
        f"optimizer={type(optimizer).__name__}."
    )
