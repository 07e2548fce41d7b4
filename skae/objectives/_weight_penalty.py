"""The elastic-net penalty on a network's weights, and the step that makes weights exactly zero."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from skae._batch import Parts


class WeightPenalty(nn.Module):
    """``alpha * (l1_ratio * |W|_1 + 0.5 * (1 - l1_ratio) * |W|_2^2)``.

    Only the weights of linear and convolutional layers count, neither biases nor the
    parameters of normalisation layers.
    """

    def __init__(self, alpha: float, l1_ratio: float) -> None:
        super().__init__()
        self.l1 = alpha * l1_ratio
        self.l2 = alpha * (1 - l1_ratio)

    @staticmethod
    def weights(module: nn.Module) -> list[Tensor]:
        """Return the parameters that the penalty falls on."""
        return [p for p in module.parameters() if p.ndim > 1 and p.requires_grad]

    def forward(self, module: nn.Module) -> Parts:
        """Return the penalty as named parts, none where it is switched off.

        The L1 part carries no gradient: it is minimised by soft-thresholding after each
        step, which is what makes weights exactly zero.
        """
        parts = {}
        if self.l2:
            parts["l2"] = 0.5 * self.l2 * sum(w.square().sum() for w in self.weights(module))
        if self.l1:
            parts["l1"] = self.l1 * sum(w.detach().abs().sum() for w in self.weights(module))
        return parts  # type: ignore[return-value]  # sums of tensors are no numbers


@torch.no_grad()
def shrink(optimizer: Optimizer, weights: list[Tensor], strength: float) -> None:
    """Soft-threshold weights after a step of the optimizer: the proximal step of an L1 penalty.

    Adaptive optimizers move each weight in a metric of its own, and the threshold follows
    that metric (Yun, Lozano and Yang, 2021, "Adaptive proximal gradient methods for
    structured neural networks"); otherwise the noise of the steps would always outrun it.
    """
    shrunk = {id(weight) for weight in weights}
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if id(weight) in shrunk:
                threshold = strength * _step_length(optimizer, optimizer.state[weight], group)
                weight.copy_(weight.sign() * (weight.abs() - threshold).clamp_(min=0))


def _step_length(
    optimizer: Optimizer, state: dict[str, Any], group: dict[str, Any]
) -> float | Tensor:
    """Return how far the optimizer moves each weight for a steady gradient of one."""
    # A steady gradient adds up in the momentum to this multiple.
    length = group["lr"] / (1 - group.get("momentum", 0.0))
    if "exp_avg_sq" in state and "betas" in group:
        correction = 1 - group["betas"][1] ** state["step"]
        second = (state["exp_avg_sq"] / correction).sqrt_()
        return second.add_(group["eps"]).reciprocal_().mul_(length)
    if "square_avg" in state and "alpha" in group:
        return state["square_avg"].sqrt().add_(group["eps"]).reciprocal_().mul_(length)
    if isinstance(optimizer, torch.optim.SGD):
        return length
    raise ValueError(
        f"An L1 penalty (alpha > 0 and l1_ratio > 0) works with 'adam', 'adamw', 'sgd', 'rmsprop' "
        f"and torch's optimizers that keep a second moment as these do, not with "
        f"optimizer={type(optimizer).__name__}."
    )
