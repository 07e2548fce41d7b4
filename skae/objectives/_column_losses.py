"""The loss of a table with columns of several types."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._losses import Loss

# Smallest loss of a column that knows nothing, by which its losses are divided: the entropy of a
# category that one row in a hundred has. A column that hardly varies would count for too much.
_LEAST_BASE = 0.056

# A guess of a category has at least this share: less is not known of it.
_LEAST_SHARE = 0.001

# Logits further below the largest of a row are taken for this far: their exponential is a number.
_LOWEST = -80.0


class ColumnLosses(nn.Module):
    """Losses of numbers and categories on one scale: relative to knowing nothing of the row.

    Numbers have a loss of `LOSSES`, categories the cross-entropy of their logits. Outputs are all
    numbers, then the logits of each category. The loss of a column is divided by that of its
    constant answer (the mean, or the shares of the categories), which is its `base`. A cell without
    a value (NaN) does not count, and the loss of a row is the mean over its other cells.

    Parameters
    ----------
    numeric : Loss
        The loss of the columns of numbers.
    n_levels : sequence of int
        The number of categories of each column, 0 for numbers.
    bases : ndarray of shape (n_columns,)
        The losses of the constant answers.
    shares : ndarray of shape (n_levels.sum(),)
        The shares of the categories.
    of_unknown : float
        Cross-entropy of a category that is not known (-1).
    column_weights : ndarray of shape (n_columns,) or None, default=None
        How much each column counts beside the others of its row. None is one for all.
    """

    numbers: Tensor
    categories: Tensor
    columns: Tensor
    order: Tensor
    starts: Tensor
    bases: Tensor
    logits: Tensor
    weights: Tensor
    share_of_input: Tensor
    segments: Tensor

    # As in `Loss`: numbers are centred and scaled before training, and losses have no unit.
    centered = scaled = True
    limits, link, scale_power = None, None, 0

    def __init__(
        self,
        numeric: Loss,
        n_levels: Sequence[int],
        bases: np.ndarray,
        shares: np.ndarray,
        of_unknown: float,
        column_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.numeric, self.name, self.of_unknown = numeric, numeric.name, of_unknown
        self.has_gradient = numeric.has_gradient
        levels = np.asarray(n_levels)
        numbers, categories = np.flatnonzero(levels == 0), np.flatnonzero(levels)
        self.n_levels = levels[categories].tolist()
        stops = levels[categories].cumsum()
        columns = np.r_[numbers, categories]
        segments = np.repeat(np.eye(len(categories)), self.n_levels, axis=0)
        weights = np.ones(len(levels)) if column_weights is None else column_weights
        factors = np.repeat(np.sqrt(weights[categories]), self.n_levels)
        for name, values in {
            "numbers": numbers,
            "categories": categories,
            "columns": columns,
            "order": np.argsort(columns),
            "starts": np.r_[0, stops][:-1],
            "bases": np.maximum(bases, _LEAST_BASE)[columns],
            "logits": np.log(shares),
            "weights": weights,
            "share_of_input": np.sqrt(shares) / factors,
            "segments": segments.reshape(len(shares), len(categories)),
        }.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)

    @property
    def n_outputs(self) -> int:
        """Width of the decoder's output."""
        return len(self.numbers) + len(self.logits)

    def function(self, output: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        """Return the loss of each cell, zero where there is no value, or the mean of all.

        Cells are weighted such that the mean over the columns of a row is the weighted mean over
        its cells that have a value.
        """
        seen = ~target.isnan()
        cells = self.known_cells(output, target) * (target.shape[-1] * self._share(seen))
        return cells.mean() if reduction == "mean" else cells

    def cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the relative loss of each cell, NaN where there is no value."""
        return self.known_cells(output, target).masked_fill(target.isnan(), torch.nan)

    def known_cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the relative loss of each cell; zero, without gradient, where it has no value.

        Outputs of several networks, with a leading dimension, may share a target.
        """
        losses = []
        if len(self.numbers):
            predicted = output[..., : len(self.numbers)]
            numbers = target.index_select(-1, self.numbers)
            # A cell without a value must have no gradient: a product with zero would leave NaN.
            filled = torch.where(numbers.isnan(), predicted.detach(), numbers)
            losses.append(self.numeric.function(predicted, filled, reduction="none"))
        if len(self.categories):
            logits = output[..., len(self.numbers) :]
            codes = target.index_select(-1, self.categories)
            _, _, log_sums = self._sums(logits)
            places = self._places(codes).expand(*logits.shape[:-1], -1)
            of_found = log_sums - logits.gather(-1, places)
            of_known = torch.where(codes < 0, self.of_unknown, of_found)
            losses.append(torch.where(codes.isnan(), 0.0, of_known))
        if len(losses) == 1:
            return losses[0] / self._unit()
        return (torch.cat(losses, dim=-1) / self._unit()).index_select(-1, self.order)

    def _unit(self) -> Tensor:
        """Return what divides the losses of the columns, in the order of the outputs."""
        return self.bases

    def _share(self, seen: Tensor) -> Tensor:
        """Return the weight of each cell in the loss of its row, given which have a value."""
        weights = seen * self.weights
        return weights / weights.sum(dim=-1, keepdim=True).clamp(min=self.weights.min())

    def _places(self, codes: Tensor) -> Tensor:
        """Return the places of categories among all logits; of gaps that of the first one."""
        return self.starts + codes.nan_to_num(0.0).clamp(min=0).long()

    def _sums(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return exponentials of shifted logits, and their sums by column; logs of true sums."""
        largest = logits.detach().amax(dim=-1, keepdim=True)
        exponentials = (logits - largest).clamp(min=_LOWEST).exp()
        sums = exponentials @ self.segments.to(logits)
        return exponentials, sums, sums.log() + largest

    def value_and_gradient(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss, and its gradient in the place of the output; see `Loss`."""
        n_numbers, seen = len(self.numbers), ~target.isnan()
        # The weight of a cell in the mean over the batch, in which each row counts the same.
        share = self._share(seen) / target.shape[-2]
        if weight is not None:
            share = share * weight[..., None]
        share = share[..., self.columns] / self._unit()
        value: Any = 0.0
        if n_numbers:
            predicted, numbers = output[..., :n_numbers], target.index_select(-1, self.numbers)
            filled = torch.where(numbers.isnan(), predicted, numbers)
            losses = self.numeric.function(predicted, filled, reduction="none")
            value = value + (losses * share[..., :n_numbers]).sum(dim=(-2, -1))
            assert self.numeric.gradient is not None
            self.numeric.gradient(predicted, filled).mul_(share[..., :n_numbers])
        if len(self.categories):
            logits, codes = output[..., n_numbers:], target.index_select(-1, self.categories)
            of_column = share[..., n_numbers:] * (codes >= 0)
            places = self._places(codes)
            exponentials, sums, log_sums = self._sums(logits)
            losses = torch.where(codes < 0, self.of_unknown, log_sums - logits.gather(-1, places))
            value = value + (losses * share[..., n_numbers:]).sum(dim=(-2, -1))
            torch.mul(exponentials, (of_column / sums) @ self.segments.T, out=exponentials)
            logits.copy_(exponentials.scatter_add_(-1, places, -of_column))
        return value, output

    def to_data(self, output: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return numbers in the scale of the training data, and the likeliest categories' codes."""
        columns = [self.numeric.to_data(output[..., : len(self.numbers)])]
        logits = output[..., len(self.numbers) :].split(self.n_levels, dim=-1)
        columns += [of_column.argmax(dim=-1, keepdim=True).to(output) for of_column in logits]
        return torch.cat(columns, dim=-1).index_select(-1, self.order)

    def linear_output(self, weight: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight and bias of a linear decoder, given those of numbers and categories.

        Each category is a one in the unit of the inputs of the first layer. Logits are the
        first-order expansion of the logarithm around the shares.
        """
        n_numbers = len(self.numbers)
        of_logits = weight[n_numbers:] * (self.share_of_input / self.logits.exp())[:, None]
        return torch.cat([weight[:n_numbers], of_logits]), torch.cat(
            [mean[:n_numbers], self.logits]
        )

    def from_guess(self, values: Tensor) -> Tensor:
        """Return outputs for linear guesses: numbers, and of each category the share that it has.

        Guesses are in the unit of the inputs of the first layer.
        """
        if not self.n_levels:
            return values
        n_numbers = len(self.numbers)
        shares = (values[..., n_numbers:] * self.share_of_input).clamp(min=_LEAST_SHARE)
        return torch.cat([values[..., :n_numbers], shares.log()], dim=-1)

    def to_guess(self, output: Tensor) -> Tensor:
        """Return the guesses that outputs stand for; see `from_guess`."""
        if not self.n_levels:
            return output
        n_numbers = len(self.numbers)
        exponentials, sums, _ = self._sums(output[..., n_numbers:])
        shares = exponentials / (sums @ self.segments.T.to(output))
        return torch.cat([output[..., :n_numbers], shares / self.share_of_input], dim=-1)

    def from_data(self, mean: Tensor) -> Tensor:
        """Return the constant output of a decoder that knows nothing of a row."""
        zeros = mean.new_zeros(len(self.numbers))
        return torch.cat([self.numeric.from_data(zeros), self.logits.to(mean)])
