"""Guesses of numbers."""

import numpy as np
from sklearn.linear_model import Ridge

from ._guess import Guess, grouped_by
from ._guesser import Guesser, LinearModel
from ._label_graph import LabelGraph
from ._trust import trust_in_numbers

# Replaces a divisor of zero. Labels that spread are larger.
_TINY = np.finfo(np.float64).tiny


class NumberGuesser(Guesser):
    """Guesses numbers. Answers and opinions are scaled numbers of mean zero.

    Numbers often follow the rows nearly linearly, which codes bend: a linear model of the rows has
    an opinion.
    """

    asks_rows = True

    def fit_linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a ridge regression with scikit-learn's default penalty."""
        model = Ridge().fit(codes, answers, sample_weight=weight)
        return LinearModel(np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_))

    def expected(self, answers: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the means of the numbers."""
        return weight @ answers / weight.sum()

    def _strata(self, answers: np.ndarray) -> np.ndarray:
        return np.zeros(len(answers))

    def _by_neighbours(
        self, graph: LabelGraph, answers: np.ndarray, weight: np.ndarray, learned: np.ndarray
    ) -> np.ndarray:
        is_known = np.zeros((len(answers), 1))
        is_known[learned] = 1.0
        spread = graph.spread(np.hstack([is_known * answers, is_known]))
        reached = spread[:, -1:]
        # Elsewhere it is the mean.
        return np.where(reached > 0, spread[:, :-1] / np.maximum(reached, _TINY), 0.0)

    def _by_model(self, outputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return outputs

    def _learn_trust(
        self, opinions: np.ndarray, truth: np.ndarray, weight: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        trust = trust_in_numbers(opinions, truth)
        error = np.square(np.tensordot(trust, opinions, axes=1) - truth).sum()
        total = np.square(truth).sum()
        self._explained = max(0.0, 1 - error / total) if total > 0 else 0.0
        return trust

    def _conclude(self, opinions: np.ndarray, trust: np.ndarray, expected: np.ndarray) -> Guess:
        """Return the expected numbers, each of which counts as a label does.

        Opinions are believed as far as they explain variance. Where they explain little, guesses
        are near the mean of the numbers, which does no harm.
        """
        answers = np.tensordot(trust, opinions, axes=1)
        return Guess(answers, np.ones(len(answers)), grouped_by(self._explained))
