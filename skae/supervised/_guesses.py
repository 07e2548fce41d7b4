"""Guesses of the labels that are missing: what neighbours, a linear and a kernel model say.

How far each is believed is learned from given labels that were held out, on codes that were learned
without labels. Where all are wrong, all are believed little, and the guess is the mean answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn.linear_model import LogisticRegression, Ridge

from ._kernel_features import kernel_features
from ._label_graph import LabelGraph
from ._trust import trust_in_classes, trust_in_numbers

_N_FOLDS = 10

# Rows with a given label that are held out in turn, at most.
_MOST_JUDGED = 1_000

# Guesses that explain this share of the differences between rows show that answers follow groups of
# rows.
_EXPLAINED_BY_GROUPS = 0.5

# Weight of every guess where guesses explain no differences between rows, as a share of that of a
# sure one.
_WITHOUT_GROUPS = 0.25

# Least probability of a class in an opinion: none is certain.
_LEAST = 1e-3

# Replaces a divisor of zero. Labels that spread are larger.
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Guess:
    """Answers to all rows.

    `weight` says how much each counts in training. `grouped` is the share of the differences
    between rows that the guesses explain, divided by one half, and at most 1.

    If that is 1, a guess counts as far as it is sure. If it is 0, all guesses count a little: they
    keep the network near the mean answer, where it would learn the few labels by heart.
    """

    answers: np.ndarray
    weight: np.ndarray
    grouped: float

    @classmethod
    def of(cls, answers: np.ndarray, sure: np.ndarray, grouped: float) -> Self:
        """Return the guess of answers that are as sure as `sure` says, between 0 and 1."""
        return cls(answers, grouped * sure + (1 - grouped) * _WITHOUT_GROUPS, grouped)


@dataclass(frozen=True)
class LinearModel:
    """A linear map from codes to answers, of shape (n_answers, n_codes), and its intercepts."""

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        return codes @ self.coefficients.T + self.intercepts


class Guesser(ABC):
    """Base class of what guesses classes and numbers.

    There are three opinions: of neighbours, of a linear model of the codes, and of one of their
    kernel features. A subclass says how each is formed, and what follows from opinions about rows
    whose labels were held out.
    """

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

    def guess(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> Guess:
        """Return answers to all rows, where `weight` is zero for rows without a label.

        The first call, with codes that were learned without labels, learns whom to believe. Codes
        of later calls were trained with the labels: of these, held-out ones prove nothing.
        """
        graph, known = LabelGraph.of(codes), np.flatnonzero(weight)
        expected = self.expected(answers[known], weight[known])
        inputs = codes, kernel_features(codes, self._rng)

        def opinions(learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
            found = [self._by_neighbours(graph, answers, weight, learned)[asked]]
            for x in inputs:
                model = self.fit_linear(x[learned], answers[learned], weight[learned])
                found.append(self._by_model(model(x[asked]), expected))
            return np.stack(found)

        of_all = opinions(known, np.arange(len(codes)))
        if self._trust is None:
            judged, found = [known[:0]], [of_all[:, :0]]
            for held_out in _folds(self._strata(answers[known]), self._rng):
                judged.append(known[held_out])
                found.append(opinions(np.delete(known, held_out), known[held_out]))
            rows, of_held_out = np.concatenate(judged), np.concatenate(found, axis=1)
            self._trust = self._learn_trust(of_held_out, answers[rows], weight[rows], expected)
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
        In groups it is sharpened, as in MixMatch (Berthelot et al., 2019): what opinions add to the
        shares counts twice, as probabilities as they are would teach doubt where classes are clear.
        """
        shares = np.log(expected)
        added = np.tensordot(trust, opinions, axes=1) - trust.sum() * shares
        probabilities = softmax(shares + added, axis=1)
        unsure, at_first = entropy(probabilities, axis=1), entropy(expected)
        grouped = _grouped((entropy(probabilities.mean(axis=0)) - unsure.mean()) / at_first)
        sharpened = softmax(shares + (1 + grouped) * added, axis=1)
        return Guess.of(sharpened, np.maximum(0.0, 1 - unsure / at_first), grouped)


class NumberGuesser(Guesser):
    """Guesses numbers. Answers and opinions are scaled numbers of mean zero."""

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
        """Return the expected numbers; all are as sure as they explain variance."""
        sure = np.full(opinions.shape[1], self._explained)
        answers = np.tensordot(trust, opinions, axes=1)
        return Guess.of(answers, sure, _grouped(self._explained))


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


def _least(shares: np.ndarray) -> np.ndarray:
    """Return the least probability of each class in an opinion; that of a rare class is less."""
    return _LEAST * np.minimum(1.0, len(shares) * shares)


def _grouped(explained: float) -> float:
    """Return `grouped` of a guess, given the share of the differences that is explained."""
    return float(np.clip(explained / _EXPLAINED_BY_GROUPS, 0.0, 1.0))
