"""The fitted ensemble of an outlier detector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

from skae.engine import example_rows
from skae.estimators.base import BaseAutoencoder
from skae.tables import dense

from ._fixed_chunks import chunk_of_gpu, in_fixed_chunks
from ._isolation import Isolation
from ._members import (
    MemberValues,
    Rows,
    answers_of,
    codes_of,
    decoded_by,
    exact_device,
    scores_of,
    values_by,
)
from ._mixed_columns import MixedColumns
from ._outlier_scores import OutlierScore
from ._reference_distances import distances_to
from ._reference_rows import ReferenceRows
from ._score_modules import EnsembleScores

# Rows that are scored at once, so that memory stays bounded, and cells of them on a GPU.
_MOST_CELLS, _FEWEST_ROWS, _CELLS_OF_GPU = 2**18, 64, 2**24

# Reference rows, about, that show which distances are typical.
_REFERENCE_ROWS = 2000

# The scores of ensembles in torch, by their reference rows, with what they are made of: the scores
# of the members, and the device.
_MadeOf = tuple[list[OutlierScore], torch.device]
_modules: WeakKeyDictionary[ReferenceRows, tuple[_MadeOf, EnsembleScores]] = WeakKeyDictionary()


def mean_over_members(scores: np.ndarray) -> np.ndarray:
    """Return the mean of the columns, the same for a row alone and in a batch."""
    # NumPy's own mean adds in an order that depends on the number of rows.
    return sum(scores.T) / scores.shape[1]


def mean_answers(members: list[BaseAutoencoder], Z: Rows) -> np.ndarray:
    """Return the mean of `answers_of` the members, in float64."""
    answers = [answers_of(member, Z).astype(np.float64) for member in members]
    return np.add.reduce(answers) / len(members)


def completed(Z: Tensor, columns: MixedColumns | None, members: Sequence[MemberValues]) -> Tensor:
    """Return float64 rows of the CPU without gaps, on the device of the members' values.

    They may have gaps if the table has columns that may have some. Members answer what is missing,
    given numbers as the other columns linearly tell of them: cells that a missing one tells of
    would look unusual beside the mean of its column.
    """
    has_gaps = columns is not None and Z.isnan().any()
    Z = Z.to(members[0].device)
    if columns is None or not has_gaps:
        return Z
    guess = columns.with_numbers(Z)
    answers = torch.stack([member.shares(guess) for member in members])
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

    @property
    def device(self) -> torch.device:
        """The device on which rows are scored."""
        return exact_device(self.members[0])

    def rows_at_once(self, width: int) -> int:
        """Return how many rows of this width are made dense and scored at once."""
        if self.device.type == "cpu":
            return max(_FEWEST_ROWS, _MOST_CELLS // width)
        chunk = chunk_of_gpu(width, len(self.members))
        return chunk * max(1, _CELLS_OF_GPU // (width * chunk))

    def outlier_scores(self, Z: Rows, members: np.ndarray | None = None) -> np.ndarray:
        """Return the score that each member gives each row, of shape (n_samples, n_members).

        Only the columns of `members`, by index, are filled, all of them by default.
        """
        if members is None:
            members = np.arange(len(self.members))
        scores = np.empty((Z.shape[0], len(self.members)))
        of_values = self.scores[0].is_of_values
        scores_of_batch = (self._scores_of_values if of_values else self._own_scores)(members)
        for rows in gen_batches(Z.shape[0], self.rows_at_once(Z.shape[1])):
            scores[rows, members] = scores_of_batch(dense(Z[rows]))
        return scores

    def _own_scores(self, chosen: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function of rows: scores by some members, of shape (n_samples, n_chosen)."""
        members = [self.members[i] for i in chosen]
        return lambda Z: -np.stack([scores_of(member, Z) for member in members], axis=1)

    def _scores_of_values(self, chosen: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return the same for scores of `MemberValues`."""
        members, device = [MemberValues(member) for member in self.members], self.device
        values_of, module = values_by([members[i] for i in chosen]), self._module(chosen, device)

        def scores_of_chunk(Z: Tensor) -> Tensor:
            Z = completed(Z, self.columns, members)
            return module(values_of(Z), Z).T

        def examples() -> list[tuple[Callable[[Tensor], Tensor], Tensor]]:
            return [(scores_of_chunk, example_rows(self.members[0].n_features_in_, torch.float64))]

        def scores_of_rows(Z: np.ndarray) -> np.ndarray:
            if device.type == "cpu":
                size = module.chunk_sizes.choose(len(Z), Z.shape[1], examples)
            else:
                # The same for some members as for all: a row takes the same route.
                size = chunk_of_gpu(Z.shape[1], len(members))
            return in_fixed_chunks(scores_of_chunk, Z, size)

        return scores_of_rows

    def _module(self, chosen: np.ndarray, device: torch.device) -> EnsembleScores:
        """Return the scores of some members on a device; that of all members is made once."""
        if len(chosen) < len(self.members):
            scores, left_out = [self.scores[i] for i in chosen], self.left_out[chosen].tolist()
            return EnsembleScores(scores, left_out, self.reference, device)
        made_of, module = _modules.get(self.reference, (None, None))
        if module is None or made_of != (self.scores, device):
            module = EnsembleScores(self.scores, self.left_out.tolist(), self.reference, device)
            _modules[self.reference] = (list(self.scores), device), module
        return module

    def learn_isolation(self) -> None:
        """Learn how far reference rows are from one another, for scores that ask this."""
        if not self.scores[0].times_isolation:
            return
        some = self.reference.some(_REFERENCE_ROWS)
        rows, fold = dense(self.reference.filled[some]), self.reference.fold[some]
        folds, fold_of_member = np.unique(self.left_out, return_inverse=True)
        of_rows, device = distances_to(self.reference, self.device), self.device
        distances = in_fixed_chunks(lambda Z: of_rows(Z.to(device), folds.tolist()), rows)
        ordinary = ~self.reference.in_cluster[some]
        for score, i in zip(self.scores, fold_of_member, strict=True):
            seen = ordinary & (fold != folds[i])
            if not seen.any():
                seen = ordinary
            score.isolation_ = Isolation.learn(distances[seen, i], rows.shape[1])

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
