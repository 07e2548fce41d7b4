"""A loss over the cells that have a value."""

from functools import cache

import torch
from torch import Tensor

from ._losses import Loss


class ObservedLoss(Loss):
    """A loss in which cells without a value (NaN) do not count.

    The others are weighted such that the mean over the cells of a row is that over those with a
    value.
    """

    def cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each cell, NaN where there is no value."""
        seen = ~target.isnan()
        losses = self.function(output, target, reduction="none")
        return torch.where(seen, losses / _share(seen), torch.nan)


@cache
def over_observed(loss: Loss) -> ObservedLoss:
    """Return a loss over the cells that have a value, always the same one for a loss."""

    def function(output: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        seen = ~target.isnan()
        # Zero is in the range of every loss. What it costs does not count.
        losses = loss.function(output, torch.where(seen, target, 0.0), reduction="none")
        losses = torch.where(seen, losses * _share(seen), 0.0)
        return losses.mean() if reduction == "mean" else losses

    def gradient(output: Tensor, target: Tensor) -> Tensor:
        assert loss.gradient is not None
        seen = ~target.isnan()
        return loss.gradient(output, torch.where(seen, target, 0.0)).mul_(seen * _share(seen))

    own = {"function": function, "gradient": loss.gradient and gradient, "mean_and_gradient": None}
    return ObservedLoss(**vars(loss) | own)


def _share(seen: Tensor) -> Tensor:
    """Return the weight of the cells of each row that have a value, given which they are."""
    return seen.shape[-1] / seen.sum(dim=-1, keepdim=True).clamp(min=1)
