"""The base class of guessers of missing labels, from neighbours, linear and kernel models.

How far each is believed is learned from given labels that were held out, on codes that were learned
without labels. Where all are wrong, all are believed little, and the guess is the mean answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._guess import Guess
from ._kernel_features import kernel_features
from ._label_graph import LabelGraph

_N_FOLDS = 10

# Rows with a given label that are held out in turn, at most.
_MOST_JUDGED = 1_000


@dataclass(frozen=True)
class LinearModel:
    """A linear map from codes to answers, of shape (n_answers, n_codes), and its intercepts."""

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        return codes @ self.coefficients.T + self.intercepts


class Guesser(ABC):
    """Base class of the guessers of classes and of numbers.

    There are three opinions: of neighbours, of a linear model of the codes, and of one of their
    kernel features. A guesser that `asks_rows` has a fourth, of a linear model of the rows. A
    subclass says how each is formed, and what follows from opinions about rows whose labels were
    held out.
    """

    asks_rows = False

    # How far each of the opinions is believed.
    _trust: np.ndarray | None = None

    def __init__(self, rng: np.random.RandomState) -> None:
        self._rng = rng

    @abstractmethod
    def fit_linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a linear model of labelled rows."""

    @abstractmethod
    def expected(self, answers: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the mean of the answers to all rows, given those of labelled ones."""

    def guess(
        self,
        codes: np.ndarray,
        answers: np.ndarray,
        weight: np.ndarray,
        rows: np.ndarray | None = None,
    ) -> Guess:
        """Return answers to all rows, where `weight` is zero for rows without a label.

        The first call, with codes that were learned without labels, learns whom to believe. Codes
        of later calls were trained with the labels: of these, held-out ones prove nothing.
        """
        graph, known = LabelGraph.of(codes), np.flatnonzero(weight)
        expected = self.expected(answers[known], weight[known])
        inputs = [codes, kernel_features(codes, self._rng)]
        inputs += [rows] if rows is not None else []

        def opinions(learned: np.ndarray, asked: np.ndarray | slice) -> np.ndarray:
            found = [self._by_neighbours(graph, answers, weight, learned)[asked]]
            for x in inputs:
                model = self.fit_linear(x[learned], answers[learned], weight[learned])
                found.append(self._by_model(model(x[asked]), expected))
            return np.stack(found)

        of_all = opinions(known, slice(None))
        if self._trust is None:
            judged, found = [known[:0]], [of_all[:, :0]]
            for held_out in _folds(self._strata(answers[known]), self._rng):
                judged.append(known[held_out])
                found.append(opinions(np.delete(known, held_out), known[held_out]))
            places, of_held_out = np.concatenate(judged), np.concatenate(found, axis=1)
            truth, counted = answers[places], weight[places]
            self._trust = self._learn_trust(of_held_out, truth, counted, expected)
        return self._conclude(of_all, self._trust, expected)

    @abstractmethod
    def _strata(self, answers: np.ndarray) -> np.ndarray:
        """Return numbers of labelled rows; the last row of a number is never held out."""

    @abstractmethod
    def _by_neighbours(
        self, graph: LabelGraph, answers: np.ndarray, weight: np.ndarray, learned: np.ndarray
    ) -> np.ndarray:
        """Return the opinions of neighbours about all rows, given the labels of some."""

    @abstractmethod
    def _by_model(self, outputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
        """Return the opinions of a model, given its outputs and the mean answer."""

    @abstractmethod
    def _learn_trust(
        self, opinions: np.ndarray, truth: np.ndarray, weight: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        """Return how far each opinion is believed, given those about held-out labels."""

    @abstractmethod
    def _conclude(self, opinions: np.ndarray, trust: np.ndarray, expected: np.ndarray) -> Guess:
        """Return the guess that follows from opinions, the trust in each and the mean answer."""


def _folds(strata: np.ndarray, rng: np.random.RandomState) -> Iterator[np.ndarray]:
    """Yield the places of labels to hold out in turn.

    At most a thousand are. The only label of a stratum is never held out.
    """
    fold = np.full(len(strata), -1)
    share = min(1.0, _MOST_JUDGED / len(strata))
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        if len(members) > 1:
            chosen = members[: max(2, round(share * len(members)))]
            fold[chosen] = np.arange(len(chosen)) % _N_FOLDS
    for number in range(fold.max() + 1):
        yield np.flatnonzero(fold == number)
