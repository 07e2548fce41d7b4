"""The fitted model of an imputer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor

from skae._typing import ArrayOf
from skae.engine import AutoencoderNet
from skae.tables import GaussianRows, MixedTable

from ._correction import N_NETWORKS, Correction, inputs_of, trusted_shares
from ._linear_table import LinearRows, LinearTable
from ._masked_copies import hidden_cells, n_copies

# A guess is shrunk towards the mean only if that lowers the loss by more than this share.
_TOLERANCE = 0.05

# Rows that draws are learned from.
_DRAWN_ROWS = 10_000

# Copies of the rows that show how far networks are trusted, and how uncertain answers are.
_JUDGED_COPIES = 4


@dataclass(eq=False)
class GapFiller:
    """Fills what is missing in rows: a normal distribution guesses, networks correct it.

    Each round of networks corrects what the one before it has filled.
    """

    table: MixedTable
    gaussian: GaussianRows
    # How far the guesses of the normal distribution are trusted in each column.
    trust: Annotated[np.ndarray, ArrayOf("float", "n_columns")]
    rounds: list[Correction]
    # Deviations of answers to numbers from the truth, in units of what the normal distribution
    # says of them.
    spread: Annotated[np.ndarray, ArrayOf("float", "n_columns")]
    # Normal distributions of rows that were drawn with replacement, for draws of answers.
    redrawn: list[GaussianRows]

    @classmethod
    def learn(
        cls,
        table: MixedTable,
        encoded: np.ndarray,
        n_rounds: int,
        n_redrawn: int,
        build_net: Callable[..., AutoencoderNet],
        rng: np.random.RandomState,
    ) -> Self:
        """Return the model of encoded rows with gaps."""
        linear = LinearTable(table)
        rows = linear.read(encoded)
        known = rows.values, rows.missing_values
        gaussian = GaussianRows.learn(*known, rng, linear.column_of)
        ones = np.ones(table.n_columns)
        model = cls(table, gaussian, ones, [], ones, [])
        fold = torch.from_numpy(rng.permutation(len(rows)) % N_NETWORKS)
        n_needed = n_copies(len(rows)) if n_rounds else _JUDGED_COPIES
        hidden = [hidden_cells(rows, rng) for _ in range(n_needed)]
        copies = [rows.hiding(more, linear.column_of) for more in hidden]
        model.trust = model._trusted(linear, copies[:_JUDGED_COPIES])
        guesses = [model._guess(linear, copy, gaussian) for copy in copies]
        for _ in range(n_rounds):
            pool = torch.cat(
                [
                    torch.cat([inputs_of(guess, copy.missing), copy.cells, fold[:, None]], dim=1)
                    for guess, copy in zip(guesses, copies, strict=True)
                ]
            ).float()
            seed = int(rng.randint(np.iinfo(np.int32).max))
            n_judged = _JUDGED_COPIES * len(rows)
            last = Correction.learn(linear.losses, pool, len(rows), n_judged, build_net, seed)
            model.rounds.append(last)
            # By the networks that have left a row out, as new rows will be.
            guesses = [
                _corrected(last, linear, guess, copy, fold)
                for guess, copy in zip(guesses, copies, strict=True)
            ]
        if n_redrawn:
            judged = slice(_JUDGED_COPIES)
            some = torch.from_numpy(rng.permutation(len(rows))[:_DRAWN_ROWS])
            known = rows.values[some], rows.missing_values[some]
            faithful = gaussian.faithful(*known)
            model.spread = _spread_of(linear, copies[judged], guesses[judged], faithful)
            for _ in range(n_redrawn):
                places = torch.from_numpy(rng.randint(len(some), size=len(some)))
                drawn = faithful.faithful(*(one[places] for one in known))
                model.redrawn.append(drawn)
        return model

    def fill(self, encoded: np.ndarray) -> np.ndarray:
        """Return encoded rows without gaps: with the likeliest categories, and expected numbers."""
        linear = LinearTable(self.table)
        rows = linear.read(encoded)
        answers = linear.answers(self._values(linear, rows, self.gaussian))
        return np.where(rows.missing.numpy(), answers, encoded)

    def draw(self, encoded: np.ndarray, which: int, seed: int) -> np.ndarray:
        """Return encoded rows with a draw of what is missing, by one of the redrawn models.

        Categories are drawn one by one, each given those before it, and numbers then given all.
        """
        linear, generator = LinearTable(self.table), torch.Generator().manual_seed(seed)
        gaussian = self.redrawn[which]
        networks = torch.full((len(encoded),), which % N_NETWORKS)
        drawn, missing = encoded.copy(), linear.read(encoded).missing
        for column in linear.columns.categories.tolist():
            gaps = missing[:, column]
            if gaps.any():
                rows = linear.read(drawn[gaps.numpy()])
                values = self._values(linear, rows, gaussian, networks[gaps])
                shares = linear.shares(values)[column]
                codes = torch.multinomial(shares, 1, generator=generator)[:, 0]
                drawn[gaps.numpy(), column] = codes.numpy()
        rows = linear.read(drawn)
        values = self._values(linear, rows, gaussian, networks)
        noise = gaussian.noise(rows.values, rows.missing_values, generator)
        spread = torch.from_numpy(self.spread)[linear.column_of]
        answers = linear.answers(values + spread * noise)
        return np.where(rows.missing.numpy(), answers, drawn)

    def _values(
        self,
        linear: LinearTable,
        rows: LinearRows,
        gaussian: GaussianRows,
        networks: Tensor | None = None,
    ) -> Tensor:
        """Return the values of rows, filled."""
        guess = self._guess(linear, rows, gaussian)
        for one in self.rounds:
            guess = _corrected(one, linear, guess, rows, networks)
        return guess

    def _guess(self, linear: LinearTable, rows: LinearRows, gaussian: GaussianRows) -> Tensor:
        """Return the values of rows, filled by a normal distribution as far as it is trusted.

        Numbers stay near the range that they had in `fit`: a linear guess may leave it far, and
        networks have learned nothing of known cells that do.
        """
        filled = gaussian.fill(rows.values, rows.missing_values)
        trust = torch.from_numpy(self.trust)[linear.column_of]
        guess = linear.expected.lerp(filled, trust)
        return torch.where(rows.missing_values, guess, filled).clamp(*linear.bounds)

    def _trusted(self, linear: LinearTable, copies: list[LinearRows]) -> np.ndarray:
        """Return by which shares of the guesses hidden cells are filled best."""
        guesses = torch.cat([self._guess(linear, copy, self.gaussian) for copy in copies])
        cells = torch.cat([copy.cells for copy in copies])
        hidden = torch.cat([copy.missing for copy in copies])

        def losses(share: Tensor) -> Tensor:
            outputs = linear.losses.from_guess(linear.expected.lerp(guesses, share.double()))
            return linear.losses.known_cells(outputs, cells) * hidden

        # A guess that is shrunk without need would blur what a regression on filled rows finds.
        return trusted_shares(losses, _TOLERANCE)


def _spread_of(
    linear: LinearTable, copies: list[LinearRows], guesses: list[Tensor], gaussian: GaussianRows
) -> np.ndarray:
    """Return the spread of answers around cells that were hidden from those who answer.

    It is in units of what a normal distribution says of them.
    """
    squares = torch.zeros(linear.table.n_columns, dtype=torch.float64)
    expected = torch.zeros_like(squares)
    for copy, guess in zip(copies, guesses, strict=True):
        variances = gaussian.variances(copy.values, copy.missing_values)
        hidden = copy.missing & ~copy.cells.isnan()
        for i, place in linear.numbers:
            of_hidden = hidden[:, i]
            squares[i] += (guess[:, place] - copy.cells[:, i])[of_hidden].square().sum()
            expected[i] += variances[:, place][of_hidden].sum()
    return torch.where(expected > 0, squares / expected, 1.0).sqrt().numpy()


def _corrected(
    correction: Correction,
    linear: LinearTable,
    guess: Tensor,
    rows: LinearRows,
    networks: Tensor | None,
) -> Tensor:
    """Return a guess of all values with the corrections of what is missing."""
    outputs = correction.outputs(linear.losses, guess, rows.missing, linear.column_of, networks)
    return torch.where(rows.missing_values, linear.losses.to_guess(outputs), guess)
