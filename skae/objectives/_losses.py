"""The reconstruction losses and all that depends on which one is chosen."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ._count_losses import CountLoss, Multinomial, NegativeBinomial

_aten = torch.ops.aten

LossName = Literal[
    "squared_error",
    "absolute_error",
    "huber",
    "log_loss",
    "poisson",
    "negative_binomial",
    "multinomial",
]


@dataclass(frozen=True)
class Loss:
    """A reconstruction loss, in which `output` is the decoder's, before the inverse link."""

    # The name that users know.
    name: LossName
    # function(output, target, reduction="mean" | "none"). Graphs in ONNX compute it in double
    # precision, in which ONNX Runtime lacks some operators: Sinh, for example.
    function: Callable[..., Tensor]
    # gradient(output, target): the derivative of each element by the output, in its place. None
    # leaves it to autograd, and the step of training is then not fused.
    gradient: Callable[[Tensor, Tensor], Tensor] | None = None
    # mean_and_gradient(output, target): the mean and its derivative, in the place of the output,
    # where both at once save passes over the batch.
    mean_and_gradient: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    # Maps the decoder's output to the scale of the data; None is the identity.
    inverse_link: Callable[[Tensor], Tensor] | None = None
    # The link at the mean of each feature and its derivative there: how an output that is linear
    # in the data starts in the scale of the decoder.
    link: Callable[[Tensor], Tensor] | None = None
    link_slope: Callable[[Tensor], Tensor] | None = None
    # Range of the data that the loss is defined on.
    minimum: float = -math.inf
    maximum: float = math.inf
    # Whether the data may be shifted, and divided by a scalar, before training.
    centered: bool = True
    scaled: bool = True
    # The loss of data divided by s is the loss of the data divided by s to this power. Where that
    # holds for small errors only (huber), their power: the bend is in units of the scaled data.
    scale_power: int = 0

    def cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each cell."""
        return self.function(output, target, reduction="none")

    @property
    def has_gradient(self) -> bool:
        """Whether the gradient is known by hand."""
        return self.gradient is not None

    def value_and_gradient(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss over (n_samples, n_features), and its gradient.

        The gradient overwrites the output. A leading dimension is that of several networks, each
        of which has a mean of its own.
        """
        if weight is None and self.mean_and_gradient is not None:
            return self.mean_and_gradient(output, target)
        assert self.gradient is not None
        n_values = output.shape[-2:].numel()
        if weight is not None:
            rows = self.function(output, target, reduction="none").mean(dim=-1)
            share = weight[..., None] / n_values
            return (rows * weight).mean(dim=-1), self.gradient(output, target).mul_(share)
        value = self.function(output, target, reduction="none").mean(dim=(-2, -1))
        return value, self.gradient(output, target).div_(n_values)

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest value that the loss is defined on, or None if it has no limits."""
        limits = self.minimum, self.maximum
        return None if limits == (-math.inf, math.inf) else limits

    def to_data(self, output: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return outputs of the decoder in the scale of the training data.

        `rows` are those that the outputs answer, which tell only a `CountLoss` something.
        """
        return output if self.inverse_link is None else self.inverse_link(output)

    def linear_output(self, weight: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight and bias of a linear decoder, given those without a link.

        They are the first-order expansion of the link around the means of the columns.
        """
        if self.link is None or self.link_slope is None:
            return weight, mean
        return weight * self.link_slope(mean)[:, None], self.link(mean)

    def from_data(self, mean: Tensor) -> Tensor:
        """Return the output of the decoder for means of columns of the training data."""
        return mean if self.link is None else self.link(mean)


# No count is expected to be more than 1e13 times the mean; beyond, exp would overflow.
_LARGEST_LOG = 30.0


def _mean_poisson_deviance(output: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    # 2 (x log(x / mu) - x + mu) with mu = exp(output): zero for a perfect prediction.
    output = output.clamp(max=_LARGEST_LOG)
    deviance = 2 * (torch.xlogy(target, target) - target * (output + 1) + output.exp())
    return deviance.mean() if reduction == "mean" else deviance


# A mean at the edge of its range has an infinite link and an infinite slope there. Moving it in
# by the first of these changes the loss by less than rounding does; the second keeps slopes in
# the range of the weights.
_EDGE, _EDGE_OF_SLOPES = 1e-6, 0.05


def _squared_error_and_gradient(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    # The first pass writes the gradient of the mean, 2 / n times the errors; the second sums its
    # squares. The kernel's mean is that over all networks.
    n_networks = output.new_full((), 1 if output.ndim == 2 else len(output))
    gradient = _aten.mse_loss_backward.grad_input(n_networks, output, target, 1, grad_input=output)
    flat = gradient.flatten(-2)
    squares = torch.dot(flat, flat) if flat.ndim == 1 else torch.linalg.vecdot(flat, flat)
    return squares.mul_(flat.shape[-1] / 4), gradient


def _poisson_gradient(output: Tensor, target: Tensor) -> Tensor:
    # Beyond the bound the loss does not change with the output any more.
    beyond = output > _LARGEST_LOG
    gradient = output.clamp_(max=_LARGEST_LOG).exp_().sub_(target).mul_(2)
    return gradient.masked_fill_(beyond, 0.0)


def _logit_slope(mean: Tensor) -> Tensor:
    mean = mean.clamp(_EDGE_OF_SLOPES, 1 - _EDGE_OF_SLOPES)
    return 1 / (mean * (1 - mean))


SQUARED_ERROR = Loss(
    "squared_error",
    F.mse_loss,
    lambda o, x: o.sub_(x).mul_(2),
    mean_and_gradient=_squared_error_and_gradient,
    scale_power=2,
)

_ALL = (
    SQUARED_ERROR,
    Loss("absolute_error", F.l1_loss, lambda o, x: o.sub_(x).sign_(), scale_power=1),
    Loss("huber", F.huber_loss, lambda o, x: o.sub_(x).clamp_(-1, 1), scale_power=2),
    Loss(
        "log_loss",
        F.binary_cross_entropy_with_logits,
        lambda o, x: o.sigmoid_().sub_(x),
        inverse_link=torch.sigmoid,
        link=lambda mean: torch.logit(mean, eps=_EDGE),
        link_slope=_logit_slope,
        minimum=0.0,
        maximum=1.0,
        centered=False,
        scaled=False,
    ),
    Loss(
        "poisson",
        _mean_poisson_deviance,
        _poisson_gradient,
        inverse_link=lambda output: torch.exp(output.clamp(max=_LARGEST_LOG)),
        link=lambda mean: torch.log(mean.clamp(min=_EDGE)),
        link_slope=lambda mean: 1 / mean.clamp(min=_EDGE_OF_SLOPES),
        minimum=0.0,
        centered=False,
        scale_power=1,
    ),
)

# A loss, or the class of losses with what was learned of a table in them.
LOSSES: dict[LossName, Loss | type[CountLoss]] = {
    loss.name: loss for loss in (*_ALL, NegativeBinomial, Multinomial)
}
