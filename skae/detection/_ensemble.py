"""The fitted ensemble of an outlier detector."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from skae._chunks import rows_in_chunk
from skae.engine import example_rows
from skae.estimators.base import BaseAutoencoder
from skae.tables import dense

from ._fixed_chunks import in_fixed_chunks
from ._isolation import Isolation
from ._members import (
    Rows,
    answers_of,
    codes_of,
    decoded_by,
    device_of,
    scores_of,
    shares_by,
    values_of,
)
from ._mixed_columns import MixedColumns
from ._outlier_scores import OutlierScore
from ._reference_distances import distances_to
from ._reference_rows import ReferenceRows
from ._score_modules import EnsembleScores

# Rows that are scored at once, so that memory stays bounded.
_MOST_CELLS, _FEWEST_ROWS = 2**18, 64

# Reference rows, about, that show which distances are typical.
_REFERENCE_ROWS = 2000

# The scores of ensembles in torch, by their reference rows, with the scores they are made of.
_modules: WeakKeyDictionary[ReferenceRows, tuple[list[OutlierScore], EnsembleScores]] = (
    WeakKeyDictionary()
)


def mean_over_members(scores: np.ndarray) -> np.ndarray:
    """Return the mean of the columns, the same for a row alone and in a batch."""
    # NumPy's own mean adds in an order that depends on the number of rows.
    return sum(scores.T) / scores.shape[1]


def mean_answers(members: list[BaseAutoencoder], Z: Rows) -> np.ndarray:
    """Return the mean of `answers_of` the members, in float64."""
    answers = [answers_of(member, Z).astype(np.float64) for member in members]
    return np.add.reduce(answers) / len(members)


def completed(Z: Tensor, columns: MixedColumns | None, members: list[BaseAutoencoder]) -> Tensor:
    """Return float64 rows without gaps, as far as the table has columns that may have some.

    Members answer what is missing, given numbers as the other columns linearly tell of them: cells
    that a missing one tells of would look unusual beside the mean of its column.
    """
    if columns is None or not Z.isnan().any():
        return Z
    guess = columns.with_numbers(Z)
    answers = torch.stack([shares_by(member, guess) for member in members])
    return columns.filled(Z, answers.mean(dim=0))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Fitted autoencoders, and for each the outlier score that was fitted with it.

    Rows come in the units of their columns. `left_out` holds the fold of the reference rows that
    each member does not see.
    """

    members: list[BaseAutoencoder]
    scores: list[OutlierScore]
    left_out: np.ndarray
    reference: ReferenceRows

    @property
    def columns(self) -> MixedColumns | None:
        """The columns of a table of several types or with gaps, None for numbers."""
        return self.reference.columns

    def outlier_scores(self, Z: Rows, members: np.ndarray | None = None) -> np.ndarray:
        """Return the score that each member gives each row, of shape (n_samples, n_members).

        Only the columns of `members`, by index, are filled, all of them by default.
        """
        if members is None:
            members = np.arange(len(self.members))
        scores = np.empty((Z.shape[0], len(self.members)))
        for rows in gen_batches(Z.shape[0], max(_FEWEST_ROWS, _MOST_CELLS // Z.shape[1])):
            batch = dense(Z[rows])
            if self.scores[0].is_of_values:
                scores[rows, members] = self._scores_of_values(batch, members.tolist())
                continue
            for i in members:
                scores[rows, i] = -scores_of(self.members[i], batch)
        return scores

    def _scores_of_values(self, Z: np.ndarray, chosen: list[int]) -> np.ndarray:
        """Return the scores by some members, of shape (n_samples, n_chosen)."""
        members = [self.members[i] for i in chosen]
        module = self._module(chosen)

        def scores_of_chunk(Z: Tensor) -> Tensor:
            Z = self.completed(Z)
            return module([values_of(member, Z) for member in members], Z).T

        def examples() -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
            return [(scores_of_chunk, example_rows(Z.shape[1], torch.float64))]

        device = device_of(members[0])
        if device.type == "cpu":
            size = module.chunk_sizes.choose(len(Z), Z.shape[1], examples)
        else:
            size = rows_in_chunk(Z.shape[1], device)
        return in_fixed_chunks(scores_of_chunk, Z, size)

    def _module(self, chosen: list[int]) -> EnsembleScores:
        """Return the scores of some members in torch; that of all members is made once."""
        if len(chosen) < len(self.members):
            scores = [self.scores[i] for i in chosen]
            return EnsembleScores(scores, self.left_out[chosen].tolist(), self.reference)
        known, module = _modules.get(self.reference, ([], None))
        if module is None or known != self.scores:
            module = EnsembleScores(self.scores, self.left_out.tolist(), self.reference)
            _modules[self.reference] = list(self.scores), module
        return module

    def learn_isolation(self) -> None:
        """Learn how far reference rows are from one another, for scores that ask this."""
        if not self.scores[0].times_isolation:
            return
        some = self.reference.some(_REFERENCE_ROWS)
        rows, fold = dense(self.reference.filled[some]), self.reference.fold[some]
        folds, fold_of_member = np.unique(self.left_out, return_inverse=True)
        function = partial(distances_to(self.reference), left_out=folds.tolist())
        distances = in_fixed_chunks(function, rows)
        ordinary = ~self.reference.in_cluster[some]
        for score, i in zip(self.scores, fold_of_member, strict=True):
            seen = ordinary & (fold != folds[i])
            if not seen.any():
                seen = ordinary
            score.isolation_ = Isolation.learn(distances[seen, i], rows.shape[1])

    def completed(self, Z: Tensor) -> Tensor:
        """Return rows without gaps; see the function of this name."""
        return completed(Z, self.columns, self.members)

    def mean_outlier_scores(self, Z: Rows) -> np.ndarray:
        """Return the mean score of each row."""
        return mean_over_members(self.outlier_scores(Z))

    def encode(self, Z: Rows) -> np.ndarray:
        """Return the codes of all members, side by side."""
        return np.hstack([codes_of(member, Z) for member in self.members])

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the mean of the rows that the members decode from codes as of `encode`."""
        parts = np.split(codes, len(self.members), axis=1)
        pairs = zip(self.members, parts, strict=True)
        answers = np.mean([decoded_by(member, part) for member, part in pairs], axis=0)
        return answers if self.columns is None else self.columns.rows(answers)

    def answers(self, Z: Rows) -> np.ndarray:
        """Return the mean answers to rows, in float64; see `answers_of`."""
        return mean_answers(self.members, Z)
