"""Guesses of the labels that are missing: what neighbours say, and what a linear model says.

How far each is believed is learned from given labels that were held out. Where both are wrong, both
are believed little, and the guess counts little in training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression, Ridge

from ._label_graph import LabelGraph

_N_FOLDS = 10

# Rows with a given label that are held out in turn, at most.
_MOST_JUDGED = 1_000

# Strength of the pull of the two weights of opinions to one half each.
_PULL = 1.0

# Least probability of a class in an opinion: nobody is certain.
_LEAST = 1e-3


@dataclass(frozen=True)
class Guess:
    """Answers to all rows, and how sure they are, from 0 to 1."""

    answers: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class LinearModel:
    """A linear map from codes to answers, of shape (n_answers, n_codes), and its intercepts."""

    coefficients: np.ndarray
    intercepts: np.ndarray

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        return codes @ self.coefficients.T + self.intercepts


class Guesser(Protocol):
    """What is asked of the guesses of classes and of those of numbers."""

    def linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a linear model of labelled rows."""

    def guess(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> Guess:
        """Return answers to all rows, where `weight` is zero for rows without a label."""


class ClassGuesser:
    """Guesses classes; answers are probabilities, and those of the linear model are logits."""

    def __init__(self, rng: np.random.RandomState) -> None:
        self._rng = rng

    def linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a logistic regression with scikit-learn's default penalty."""
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

    def guess(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> Guess:
        """Return the likeliest class of each row, and one minus its entropy."""
        graph, known = LabelGraph.of(codes), np.flatnonzero(weight)
        found = answers.argmax(axis=1)
        judged, opinions = [], []
        for held_out in _folds(found[known], self._rng):
            learned = np.delete(known, held_out)
            judged.append(known[held_out])
            opinions.append(self._opinions(graph, codes, answers, weight, learned, judged[-1]))
        trust = np.full(2, 0.5)
        if judged:
            trust = _trust_in_classes(np.concatenate(opinions, axis=1), found[np.concatenate(judged)])
        of_all = self._opinions(graph, codes, answers, weight, known, np.arange(len(codes)))
        probabilities = softmax(np.tensordot(trust, of_all, axes=1), axis=1)
        entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1)
        likeliest = np.eye(answers.shape[1])[probabilities.argmax(axis=1)]
        return Guess(likeliest, 1 - entropy / np.log(answers.shape[1]))

    def _opinions(
        self,
        graph: LabelGraph,
        codes: np.ndarray,
        answers: np.ndarray,
        weight: np.ndarray,
        learned: np.ndarray,
        asked: np.ndarray,
    ) -> np.ndarray:
        """Return logarithms of probabilities of classes by neighbours and by the linear model."""
        given = np.zeros_like(answers)
        given[learned] = answers[learned]
        spread = graph.spread(given)
        # All classes have the shares of the given labels, with one more label each: the spread of
        # a class depends on how its labels lie.
        shares = given.sum(axis=0) + 1
        spread = spread / np.maximum(spread.sum(axis=0), 1e-300) * (shares / shares.sum())
        spread = spread[asked]
        total = spread.sum(axis=1, keepdims=True)
        by_neighbours = np.where(total > 0, spread / np.where(total > 0, total, 1), shares / shares.sum())
        model = self.linear(codes[learned], answers[learned], weight[learned])
        by_model = log_softmax(model(codes[asked]), axis=1)
        least = np.log(_LEAST)
        return np.stack([np.log(np.maximum(by_neighbours, _LEAST)), np.maximum(by_model, least)])


class NumberGuesser:
    """Guesses numbers; answers are scaled numbers of mean zero."""

    def __init__(self, rng: np.random.RandomState) -> None:
        self._rng = rng

    def linear(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> LinearModel:
        """Return a ridge regression with scikit-learn's default penalty."""
        model = Ridge().fit(codes, answers, sample_weight=weight)
        return LinearModel(model.coef_, model.intercept_)

    def guess(self, codes: np.ndarray, answers: np.ndarray, weight: np.ndarray) -> Guess:
        """Return the expected numbers of each row, and the share of the variance they explain."""
        graph, known = LabelGraph.of(codes), np.flatnonzero(weight)
        judged, opinions = [], []
        for held_out in _folds(np.zeros(len(known)), self._rng):
            learned = np.delete(known, held_out)
            judged.append(known[held_out])
            opinions.append(self._opinions(graph, codes, answers, weight, learned, judged[-1]))
        of_all = self._opinions(graph, codes, answers, weight, known, np.arange(len(codes)))
        if not judged:
            return Guess(of_all.mean(axis=0), np.zeros(len(codes)))
        held_out_opinions, truth = np.concatenate(opinions, axis=1), answers[np.concatenate(judged)]
        trust = _trust_in_numbers(held_out_opinions, truth)
        error = np.mean((np.tensordot(trust, held_out_opinions, axes=1) - truth) ** 2)
        variance = np.mean(truth**2)
        explained = max(0.0, 1 - error / variance) if variance > 0 else 0.0
        return Guess(np.tensordot(trust, of_all, axes=1), np.full(len(codes), explained))

    def _opinions(
        self,
        graph: LabelGraph,
        codes: np.ndarray,
        answers: np.ndarray,
        weight: np.ndarray,
        learned: np.ndarray,
        asked: np.ndarray,
    ) -> np.ndarray:
        """Return numbers by neighbours and by the linear model."""
        known = np.zeros((len(answers), 1))
        known[learned] = 1.0
        spread = graph.spread(np.hstack([known * answers, known]))[asked]
        near = np.maximum(spread[:, -1:], 1e-300)
        by_neighbours = np.where(spread[:, -1:] > 0, spread[:, :-1] / near, 0.0)
        model = self.linear(codes[learned], answers[learned], weight[learned])
        return np.stack([by_neighbours, model(codes[asked])])


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


def _trust_in_classes(opinions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the weights of two opinions under which the true classes are likeliest."""
    rows = np.arange(len(truth))

    def loss_and_gradient(trust: np.ndarray) -> tuple[float, np.ndarray]:
        logs = log_softmax(np.tensordot(trust, opinions, axes=1), axis=1)
        expected = (np.exp(logs) * opinions).sum(axis=2)
        gradient = (expected - opinions[:, rows, truth]).sum(axis=1)
        pull = trust - 0.5
        return -logs[rows, truth].sum() + _PULL * (pull @ pull), gradient + 2 * _PULL * pull

    start = np.full(2, 0.5)
    return minimize(loss_and_gradient, start, jac=True, bounds=[(0, None)] * 2).x


def _trust_in_numbers(opinions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the weights of two opinions, not negative, with the least squared error."""
    flat, wanted = opinions.reshape(2, -1), truth.ravel()
    squares = flat @ flat.T + _PULL * np.eye(2)
    products = flat @ wanted + _PULL * 0.5
    trust = np.linalg.solve(squares, products)
    if (trust >= 0).all():
        return trust
    # Of two weights one is zero then.
    kept = int(np.argmax(products / squares.diagonal()))
    alone = np.zeros(2)
    alone[kept] = max(0.0, products[kept] / squares[kept, kept])
    return alone
