"""The likelihood of a table with columns of several types, for the variational autoencoder."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skae._batch import Batch, Parts
from skae._shared_batch import mean_of_all

from ._column_losses import ColumnLosses
from ._losses import SQUARED_ERROR
from ._objective import Head
from ._variational import NOISE_RATE, PosteriorDraw, VariationalObjective
from ._weight_penalty import WeightPenalty

# Least variance of noise that is learned, in units of that of the column. A number that the code
# tells exactly, such as a copy of another column, would outweigh all others.
LEAST_COLUMN_NOISE = 1e-4


class ColumnLikelihoods(ColumnLosses):
    """Negative log-likelihoods of cells in nats: normal for numbers, multinomial for categories.

    The noise of each column of numbers has a variance of its own, in the squared unit of the scaled
    rows. A cell without a value adds nothing, so that the mean over all columns is in nats per
    column (Nazabal, Olmos, Ghahramani and Valera, 2020). A category that is not known costs what
    `of_unknown` says. See `ColumnLosses` for the other parameters; `column_weights` tell the unit
    of the inputs alone, as a likelihood counts every cell.
    """

    variance: Tensor

    def __init__(
        self,
        n_levels: Sequence[int],
        shares: np.ndarray,
        of_unknown: float,
        column_weights: np.ndarray | None,
        variance: float,
    ) -> None:
        ones = np.ones(len(n_levels))
        super().__init__(SQUARED_ERROR, n_levels, ones, shares, of_unknown, column_weights)
        self.register_buffer("variance", torch.full((len(self.numbers),), variance))

    def known_cells(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the negative log-likelihood of each cell, zero where it has no value."""
        cells = super().known_cells(output, target) + self._constant()[self.order]
        return cells.masked_fill(target.isnan(), 0.0)

    def value_and_gradient(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean, and its gradient in the place of the output; see `Loss`."""
        value, gradient = super().value_and_gradient(output, target, weight)
        constants = (self._share(~target.isnan()) * self._constant()[self.order]).sum(dim=-1)
        return value + (constants if weight is None else constants * weight).mean(dim=-1), gradient

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Return what `to_data` does, with categories drawn by their probabilities."""
        # The largest sum of a logit and a Gumbel variable is a draw from the softmax.
        exponential = torch.empty(len(output), len(self.logits)).exponential_(generator=generator)
        output = output.clone()
        output[:, len(self.numbers) :] -= exponential.log().to(output)
        return self.to_data(output)

    def squares(self, output: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """Return means over the rows, by column of numbers: of squared errors, and of weights."""
        numbers = target.index_select(-1, self.numbers)
        seen = ~numbers.isnan()
        errors = torch.where(seen, output[..., : len(self.numbers)] - numbers, 0.0)
        share = seen.to(output) if weight is None else seen * weight[:, None]
        return {"errors": (share * errors.square()).mean(dim=0), "seen": share.mean(dim=0)}

    def _unit(self) -> Tensor:
        return torch.cat([2 * self.variance, self.bases[len(self.numbers) :]])

    def _share(self, seen: Tensor) -> Tensor:
        return seen.to(self.weights) / seen.shape[-1]

    def _constant(self) -> Tensor:
        """Return what is added to the losses of the columns, in the order of the outputs."""
        of_numbers = 0.5 * (math.log(2 * math.pi) + self.variance.log())
        return torch.cat([of_numbers, torch.zeros_like(self.bases[len(self.numbers) :])])


class ColumnVariationalObjective(VariationalObjective):
    """Minus the evidence lower bound of a table with columns of several types, in nats per column.

    A learned variance of the noise follows the error of its column; see `GaussianNoise`.
    """

    def __init__(
        self,
        likelihoods: ColumnLikelihoods,
        weight_penalty: WeightPenalty,
        draw: PosteriorDraw,
        learned: bool,
    ) -> None:
        super().__init__([Head(likelihoods)], weight_penalty, draw, noise=None)
        self.likelihoods, self.learned = likelihoods, learned

    def reconstruction(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the negative log-likelihood of a batch; see `ReconstructionObjective`."""
        self._follow_noise(output, batch)
        return super().reconstruction(output, batch)

    def reconstruction_and_gradient(self, output: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return it and its gradient, which takes the place of the output."""
        self._follow_noise(output, batch)
        return super().reconstruction_and_gradient(output, batch)

    def settle_noise(self, errors: dict[str, Any]) -> None:
        """Set learned variances, given the means of `error` over all rows."""
        means = {name: torch.as_tensor(mean) for name, mean in errors.items()}
        self._move(means["errors"], means["seen"], 1.0)

    def _error_of(self, output: Tensor, batch: Batch) -> Parts:
        return self.likelihoods.squares(output, batch.expected, batch.weight)

    def _follow_noise(self, output: Tensor, batch: Batch) -> None:
        if self.learned and self.training:
            means = self._error_of(output.detach(), batch)
            errors, seen = mean_of_all(means["errors"]), mean_of_all(means["seen"])
            self._move(errors, seen, NOISE_RATE)

    def _move(self, errors: Tensor, seen: Tensor, rate: float) -> None:
        """Move the variances towards these errors; a column without a value stays as it is."""
        variance = self.likelihoods.variance
        errors, seen = errors.to(variance), seen.to(variance)
        errors = torch.where(seen > 0, errors / seen, variance)
        variance.lerp_(errors, rate).clamp_(min=LEAST_COLUMN_NOISE)
