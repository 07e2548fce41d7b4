"""How far the columns of a table are from what a decoder answers."""

from typing import Any

import torch
from torch import Tensor

from ._column_losses import ColumnLosses


def column_residuals(
    losses: ColumnLosses, output: Tensor, target: Tensor, of_unknown: Tensor | None = None
) -> Tensor:
    """Return the residual of each cell, in the order of the columns.

    That of a number is the number minus the answer, and zero for a gap. That of a category is its
    deviance residual, the root of twice the cross-entropy, and for a gap the root of twice the
    entropy of the answer, which is what is expected. A category that is not known is as unlikely
    as the least likely of those that are, at least. `of_unknown` are cross-entropies of these in
    place of that of the losses, one for each of several networks.
    """
    least: Any = losses.of_unknown if of_unknown is None else of_unknown
    answers, codes = shares_of(losses, output), target.index_select(-1, losses.categories)
    n_numbers = len(losses.numbers)
    numbers = target.index_select(-1, losses.numbers) - answers[..., :n_numbers]
    numbers = numbers.nan_to_num(nan=0.0)
    if not len(losses.categories):
        return numbers.index_select(-1, losses.order)
    costs = []
    for i, shares in enumerate(answers[..., n_numbers:].split(losses.n_levels, dim=-1)):
        surprise = -shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
        code = codes[..., i]
        place = code.nan_to_num(nan=0.0).long().clamp(0, shares.shape[-1] - 1)
        cost = surprise.gather(-1, place[..., None])[..., 0]
        # Of no rows, ONNX Runtime reduces nothing: the first of what is left has the right shape.
        largest = surprise.amax(dim=-1, keepdim=True)[..., 0]
        of_other = torch.where(largest < least, least, largest)
        cost = torch.where(code < 0, of_other, cost)
        entropy = (shares * surprise).sum(dim=-1, keepdim=True)[..., 0]
        costs.append(torch.where(code.isnan(), entropy, cost))
    deviance = (2 * torch.stack(costs, dim=-1)).sqrt()
    return torch.cat([numbers, deviance], dim=-1).index_select(-1, losses.order)


def shares_of(losses: ColumnLosses, output: Tensor) -> Tensor:
    """Return the answers of a decoder: numbers, then the probabilities of all categories."""
    n_numbers = len(losses.numbers)
    answers = [losses.numeric.to_data(output[..., :n_numbers])]
    if len(losses.categories):
        logits = output[..., n_numbers:].split(losses.n_levels, dim=-1)
        answers += [of_column.softmax(dim=-1) for of_column in logits]
    return torch.cat(answers, dim=-1)
