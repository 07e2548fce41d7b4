"""The first layer for a table with columns of several types."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ._count_input import CountInput
from ._gap_input import GapInput


class ColumnInput(nn.Module):
    """Turns the columns of a table into inputs: numbers, categories, rhythms of dates, and gaps.

    A number is itself, and a category a one at its place among zeros, divided by the root of its
    share, so that a linear code of such inputs is the factor analysis of mixed data (Escofier,
    1979). A cell without a value (NaN), or of a category that is not known (-1), is what is
    expected without it: zero for a number, all shares for a category. Beside these inputs are the
    sine and cosine of each rhythm, and for columns with gaps a one where the value is missing.
    There is nothing to learn.

    Parameters
    ----------
    n_levels : sequence of int
        The number of categories of each column, 0 for numbers.
    shares : ndarray of shape (n_levels.sum(),)
        The shares of all categories in the training rows, above zero.
    rhythms : sequence of (int, float, float)
        A column of numbers, how often the rhythm repeats while the number grows by one, and its
        phase where the number is zero, in periods.
    with_gaps : sequence of int
        Columns in which values are missing in the training rows.
    column_weights : ndarray of shape (n_columns,) or None, default=None
        How much each column counts. Inputs of a category are multiplied by the root. None is one
        for all.
    """

    numbers: Tensor
    categories: Tensor
    starts: Tensor
    last: Tensor
    weights: Tensor
    expected: Tensor
    rhythm_of: Tensor
    frequency: Tensor
    phase: Tensor
    with_gaps: Tensor

    def __init__(
        self,
        n_levels: Sequence[int],
        shares: np.ndarray,
        rhythms: Sequence[tuple[int, float, float]] = (),
        with_gaps: Sequence[int] = (),
        column_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        levels = np.asarray(n_levels)
        categories = np.flatnonzero(levels)
        starts = np.r_[0, levels[categories].cumsum()]
        of_columns = np.ones(len(levels)) if column_weights is None else column_weights
        factors = np.sqrt(of_columns[categories])
        expected = np.zeros((len(categories), starts[-1]))
        for i, (start, stop) in enumerate(pairwise(starts)):
            expected[i, start:stop] = factors[i] * np.sqrt(shares[start:stop])
        column, frequency, phase = zip(*rhythms, strict=True) if rhythms else ((), (), ())
        for name, values in {
            "numbers": np.flatnonzero(levels == 0),
            "categories": categories,
            "starts": starts[:-1],
            "last": levels[categories] - 1.0,
            "weights": np.repeat(factors, levels[categories]) / np.sqrt(shares),
            "expected": expected,
            "rhythm_of": np.asarray(column, dtype=np.int64),
            "frequency": np.asarray(frequency, dtype=np.float64),
            "phase": np.asarray(phase, dtype=np.float64),
            "with_gaps": np.asarray(with_gaps, dtype=np.int64),
        }.items():
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.n_linear = len(self.numbers) + int(starts[-1])
        self.n_outputs = self.n_linear + 2 * len(column) + len(self.with_gaps)

    def forward(self, x: Tensor) -> Tensor:
        """Return inputs of shape (..., n_samples, n_outputs) for columns of a table."""
        missing = x.isnan()
        filled = x.masked_fill(missing, 0.0)
        inputs = [filled.index_select(-1, self.numbers)]
        if len(self.categories):
            codes = filled.index_select(-1, self.categories)
            known = (codes >= 0) & ~missing.index_select(-1, self.categories)
            missing[..., self.categories] = ~known
            place = self.starts + codes.clamp(min=0).minimum(self.last).long()
            ones = x.new_zeros(*x.shape[:-1], len(self.weights)).scatter(-1, place, known.to(x))
            inputs.append(ones * self.weights + (~known).to(x) @ self.expected)
        if len(self.rhythm_of):
            seen = (~missing.index_select(-1, self.rhythm_of)).to(x)
            turns = filled.index_select(-1, self.rhythm_of) * self.frequency + self.phase
            angle = 2 * math.pi * (turns - turns.floor())
            inputs += [angle.sin() * seen, angle.cos() * seen]
        if len(self.with_gaps):
            inputs.append(missing.index_select(-1, self.with_gaps).to(x))
        return torch.cat(inputs, dim=-1)

    def beside_zeros(self, weight: np.ndarray) -> np.ndarray:
        """Return the weight of all inputs, given that of those of a linear code."""
        return np.pad(weight, [(0, 0), (0, self.n_outputs - self.n_linear)])


class WithColumnInput(nn.Module):
    """An encoder that sees what a first layer without parameters makes of the columns of a table.

    That is a `ColumnInput`, a `CountInput` or a `GapInput`.
    """

    def __init__(self, columns: ColumnInput | CountInput | GapInput, encoder: nn.Module) -> None:
        super().__init__()
        self.columns, self.encoder = columns, encoder

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoder's output for the columns of a table."""
        return self.encoder(self.columns(x))
