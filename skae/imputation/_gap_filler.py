"""The fitted model of an imputer."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor

from skae._typing import ArrayOf
from skae.tables import GaussianRows, MixedTable

from ._correction import N_NETWORKS, Correction, inputs_of
from ._linear_guess import LinearRows, LinearTable
from ._masked_copies import hidden_cells, n_copies

# Rounds of networks, each of which corrects what the round before it has filled.
_ROUNDS = 2

# Copies of the rows that show how far networks are trusted, and how uncertain answers are.
_JUDGED_COPIES = 4


@dataclass(eq=False)
class GapFiller:
    """Fills what is missing in rows: a normal distribution guesses, networks correct it."""

    table: MixedTable
    gaussian: GaussianRows
    rounds: list[Correction]
    # How uncertain an answer is, as a multiple of what the normal distribution says.
    spread: Annotated[np.ndarray, ArrayOf("float", "n_columns")]

    @classmethod
    def learn(
        cls,
        table: MixedTable,
        encoded: np.ndarray,
        rng: np.random.RandomState,
        device: torch.device,
        verbose: int,
    ) -> Self:
        """Return the model that rows with gaps make."""
        linear = LinearTable(table)
        rows = linear.read(encoded)
        gaussian = GaussianRows.learn(rows.values, rows.missing_values, rng)
        found = cls(table, gaussian, [], np.ones(table.n_columns))
        fold = torch.from_numpy(rng.permutation(len(rows)) % N_NETWORKS)[:, None]
        copies = [
            rows.hiding(hidden_cells(rows, rng), linear.column_of)
            for _ in range(n_copies(len(rows)))
        ]
        guesses = [gaussian.fill(copy.values, copy.missing_values) for copy in copies]
        for _ in range(_ROUNDS):
            pool = torch.cat(
                [
                    torch.cat([inputs_of(guess, copy.missing), copy.cells, fold], dim=1).float()
                    for guess, copy in zip(guesses, copies, strict=True)
                ]
            )
            seed = int(rng.randint(np.iinfo(np.int32).max))
            judged = pool[: _JUDGED_COPIES * len(rows)]
            last = Correction.learn(linear.losses, pool, judged, device, seed, verbose)
            found.rounds.append(last)
            guesses = [
                found._corrected(last, linear, guess, copy)
                for guess, copy in zip(guesses, copies, strict=True)
            ]
        return found

    def values(self, linear: LinearTable, rows: LinearRows) -> Tensor:
        """Return the values of rows, filled."""
        guess = self.gaussian.fill(rows.values, rows.missing_values)
        for one in self.rounds:
            guess = self._corrected(one, linear, guess, rows)
        return guess

    def fill(self, encoded: np.ndarray) -> np.ndarray:
        """Return encoded rows without gaps."""
        linear = LinearTable(self.table)
        rows = linear.read(encoded)
        answers = linear.answers(self.values(linear, rows))
        return np.where(rows.missing.numpy(), answers, encoded)

    @staticmethod
    def _corrected(
        correction: Correction, linear: LinearTable, guess: Tensor, rows: LinearRows
    ) -> Tensor:
        losses = linear.losses
        outputs = correction.outputs(losses, guess, rows.missing, linear.column_of)
        return torch.where(rows.missing_values, losses.to_guess(outputs), guess)
