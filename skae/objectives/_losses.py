"""The reconstruction losses and all that depends on which one is chosen."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional as F

_aten = torch.ops.aten


@dataclass(frozen=True)
class Loss:
    """A reconstruction loss.

    Parameters
    ----------
    name : str
        What users call it.
    function : callable
        ``function(output, target, reduction="mean" | "none")``, where `output` is what
        the decoder gives, before the inverse link.
    gradient : callable
        ``gradient(output, target)``, the derivative of each element of the loss with
        respect to the output; it takes the place of the output.
    mean_and_gradient : callable or None, default=None
        ``mean_and_gradient(output, target)``, the mean of the loss and its derivative, in the
        place of the output, where both at once save passes over the batch.
    inverse_link : callable or None, default=None
        Maps the decoder's output to the scale of the data; None is the identity.
    link, link_slope : callable or None, default=None
        The link at the mean of each feature and its derivative there: how an output
        that is linear in the data starts in the scale of the decoder.
    minimum, maximum : float
        Range of the data that the loss is defined on.
    centered : bool, default=True
        Whether the data may be shifted before training.
    scaled : bool, default=True
        Whether the data may be divided by a scalar before training.
    scale_power : int, default=0
        The loss of data divided by s is the loss of the data divided by s to this power.
    """

    name: str
    function: Callable
    gradient: Callable
    mean_and_gradient: Callable | None = None
    inverse_link: Callable | None = None
    link: Callable | None = None
    link_slope: Callable | None = None
    minimum: float = -math.inf
    maximum: float = math.inf
    centered: bool = True
    scaled: bool = True
    scale_power: int = 0

    def value_and_gradient(self, output, target, sample_weight=None):
        """Return the mean loss and its gradient, which overwrites the output.

        Parameters
        ----------
        output, target : tensor of shape (..., n_samples, n_features)
            What the decoder gave and what it should give; of several networks, each has a
            mean of its own.
        sample_weight : tensor of shape (..., n_samples) or None, default=None
            Weights of the rows.
        """
        if sample_weight is None and self.mean_and_gradient is not None:
            return self.mean_and_gradient(output, target)
        n_values = output.shape[-2:].numel()
        if sample_weight is not None:
            rows = self.function(output, target, reduction="none").mean(dim=-1)
            share = sample_weight[..., None] / n_values
            return (rows * sample_weight).mean(dim=-1), self.gradient(output, target).mul_(share)
        value = self.function(output, target, reduction="none").mean(dim=(-2, -1))
        return value, self.gradient(output, target).div_(n_values)

    @property
    def limits(self):
        """Smallest and largest value that the loss is defined on, or None if it has no limits."""
        limits = self.minimum, self.maximum
        return None if limits == (-math.inf, math.inf) else limits

    def to_data(self, output):
        """Map the decoder's output to the scale of the training data."""
        return output if self.inverse_link is None else self.inverse_link(output)


# No count is expected to be more than 1e13 times the mean; beyond, exp would overflow.
_LARGEST_LOG = 30.0


def _mean_poisson_deviance(output, target, reduction="mean"):
    # 2 (x log(x / mu) - x + mu) with mu = exp(output): zero for a perfect prediction.
    output = output.clamp(max=_LARGEST_LOG)
    deviance = 2 * (torch.xlogy(target, target) - target * (output + 1) + output.exp())
    return deviance.mean() if reduction == "mean" else deviance


# A mean at the edge of its range has an infinite link and an infinite slope there. Moving it in
# by the first of these changes the loss by less than rounding does; the second keeps slopes in
# the range of the weights.
_EDGE, _EDGE_OF_SLOPES = 1e-6, 0.05


def _squared_error_and_gradient(output, target):
    # The gradient of the mean is 2 / n times the errors, in one pass; what is summed up in a
    # second one are its squares. The kernel's mean is that over all networks.
    n_networks = output.new_full((), 1 if output.ndim == 2 else len(output))
    gradient = _aten.mse_loss_backward.grad_input(n_networks, output, target, 1, grad_input=output)
    flat = gradient.flatten(-2)
    squares = torch.dot(flat, flat) if flat.ndim == 1 else torch.linalg.vecdot(flat, flat)
    return squares.mul_(flat.shape[-1] / 4), gradient


def _poisson_gradient(output, target):
    # Beyond the bound the loss does not change with the output any more.
    beyond = output > _LARGEST_LOG
    gradient = output.clamp_(max=_LARGEST_LOG).exp_().sub_(target).mul_(2)
    return gradient.masked_fill_(beyond, 0.0)


def _logit_slope(mean):
    mean = mean.clamp(_EDGE_OF_SLOPES, 1 - _EDGE_OF_SLOPES)
    return 1 / (mean * (1 - mean))


_ALL = (
    Loss(
        "squared_error",
        F.mse_loss,
        lambda o, x: o.sub_(x).mul_(2),
        mean_and_gradient=_squared_error_and_gradient,
        scale_power=2,
    ),
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

LOSSES = {loss.name: loss for loss in _ALL}
