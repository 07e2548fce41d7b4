"""The values of all rows of a batch, of which each rank computes some."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def gathered(values: Tensor, part: slice, n_rows: int, add: Callable[[Tensor], None]) -> Tensor:
    """Return the values of all rows, given those of the rows `part` of this rank.

    `add` adds up a tensor over the ranks, in its place.
    """
    if values.dtype == torch.bool:
        return gathered(values.to(torch.uint8), part, n_rows, add).bool()
    return _Gather.apply(values, part, n_rows, add)


class _Gather(torch.autograd.Function):
    """Each rank writes its rows into zeros, and the sum over the ranks has all of them.

    The objective is the mean of those of the ranks, weighted by their shares of the rows. The
    gradient of a row is the sum over all ranks, as each of them may use it, and it is divided by
    the share of its own rank, by which the gradients of the parameters are multiplied later.
    """

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, part: slice, n_rows: int, add: Callable[[Tensor], None]
    ) -> Tensor:
        ctx.part, ctx.add = part, add
        whole = values.new_zeros(n_rows, *values.shape[1:])
        whole[part] = values
        add(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (gradient,) = gradients
        share = (ctx.part.stop - ctx.part.start) / len(gradient)
        summed = gradient * share
        ctx.add(summed)
        return summed[ctx.part] / share, None, None, None
