"""Guesses of classes."""

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression

from ._guess import Guess, grouped_by
from ._guesser import Guesser, LinearModel
from ._label_graph import LabelGraph
from ._trust import trust_in_classes

# Weight of a guess that counts in full. A given label has one, and so has the consistency term,
# which must outweigh guesses to correct wrong ones.
_WEIGHT = 0.5

# Least probability of a class in an opinion: none is certain.
_LEAST = 1e-3

# Replaces a divisor of zero. Labels that spread are larger.
_TINY = np.finfo(np.float64).tiny


class ClassGuesser(Guesser):
    """Guesses classes. Answers are probabilities, and opinions are logarithms of these.

    What counts of an opinion is how far it departs from the shares of the classes: a guess without
    any trust in opinions is these shares.
    """

    def fit_linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a logistic regression with scikit-learn's default penalty; it gives logits."""
        n_classes, found = answers.shape[1], answers.argmax(axis=1)
        coefficients = np.zeros((n_classes, codes.shape[1]))
        intercepts = np.full(n_classes, np.log(_LEAST))
        present = np.unique(found)
        if len(present) == 1:
            intercepts[present] = 0.0
            return LinearModel(coefficients, intercepts)
        model = LogisticRegression(max_iter=1000).fit(codes, found, sample_weight=weight)
        if len(present) == 2:
            signs = np.array([-0.5, 0.5])
            coefficients[present] = signs[:, None] * model.coef_
            intercepts[present] = signs * model.intercept_
        else:
            coefficients[present], intercepts[present] = model.coef_, model.intercept_
        return LinearModel(coefficients, intercepts)

    def expected(self, answers: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the shares of classes, with one more label of each, as few labels say little."""
        shares = weight @ answers + 1
        return shares / shares.sum()

    def _strata(self, answers: np.ndarray) -> np.ndarray:
        return answers.argmax(axis=1)

    def _by_neighbours(
        self, graph: LabelGraph, answers: np.ndarray, weight: np.ndarray, learned: np.ndarray
    ) -> np.ndarray:
        given = np.zeros_like(answers)
        given[learned] = answers[learned]
        spread = graph.spread(given)
        # How far a class spreads depends on where its labels lie: the shares put that right.
        shares = self.expected(answers[learned], weight[learned])
        spread *= shares / np.maximum(spread.sum(axis=0), _TINY)
        total = spread.sum(axis=1, keepdims=True)
        # Labels do not reach parts of the graph without any.
        probabilities = np.where(total > 0, spread / np.maximum(total, _TINY), shares)
        return np.log(np.maximum(probabilities, _least(shares)))

    def _by_model(self, outputs: np.ndarray, expected: np.ndarray) -> np.ndarray:
        return np.maximum(log_softmax(outputs, axis=1), np.log(_least(expected)))

    def _learn_trust(
        self, opinions: np.ndarray, truth: np.ndarray, weight: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        return trust_in_classes(opinions, truth.argmax(axis=1), weight, np.log(expected))

    def _conclude(self, opinions: np.ndarray, trust: np.ndarray, expected: np.ndarray) -> Guess:
        """Return probabilities.

        A guess is sure as far as it leaves less uncertain, in nats, than the shares of classes do.
        In groups it counts as far as it is sure. Without groups all count in full: without
        them the network would learn the few labels by heart.

        In groups a guess is also sharpened, as in MixMatch (Berthelot et al., 2019): what opinions
        add to the shares counts twice, as probabilities as they are would teach doubt where classes
        are clear.
        """
        shares = np.log(expected)
        added = np.tensordot(trust, opinions, axes=1) - trust.sum() * shares
        probabilities = softmax(shares + added, axis=1)
        unsure, at_first = entropy(probabilities, axis=1), entropy(expected)
        grouped = grouped_by((entropy(probabilities.mean(axis=0)) - unsure.mean()) / at_first)
        sharpened = softmax(shares + (1 + grouped) * added, axis=1)
        sure = np.maximum(0.0, 1 - unsure / at_first)
        return Guess(sharpened, _WEIGHT * (grouped * sure + (1 - grouped)), grouped)


def _least(shares: np.ndarray) -> np.ndarray:
    """Return the least probability of each class in an opinion; that of a rare class is less."""
    return _LEAST * np.minimum(1.0, len(shares) * shares)
