"""Guesses of missing labels: how labels spread, and whom to believe."""

import numpy as np
import pytest

from skae.supervised._guesses import ClassGuesser, NumberGuesser
from skae.supervised._label_graph import LabelGraph


def test_labels_spread_as_the_equation_of_the_graph_says():
    rng = np.random.default_rng(0)
    graph = LabelGraph.of(rng.normal(size=(40, 3)))
    values = rng.random((40, 2))
    weights = graph.weights.toarray()
    np.testing.assert_allclose(weights, weights.T)
    assert np.abs(np.linalg.eigvalsh(weights)).max() < 1 + 1e-9
    # Sixty rounds of F <- .99 W F + .01 Y from zero, as a sum of powers.
    powers = [np.linalg.matrix_power(0.99 * weights, i) for i in range(60)]
    np.testing.assert_allclose(graph.spread(values), 0.01 * sum(powers) @ values)


def two_groups(rng):
    """Codes of two groups that are far apart, each with both classes: left and right halves."""
    codes = rng.normal(size=(400, 2))
    codes[200:, 1] += 50
    return codes, (codes[:, 0] > 0).astype(int)


def rings(rng):
    """Codes on two rings, one in the other."""
    y = rng.integers(0, 2, 400)
    angle = rng.uniform(0, 2 * np.pi, 400)
    radius = 1 + y + rng.normal(scale=0.05, size=400)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), y


@pytest.mark.parametrize(("make", "share"), [(two_groups, 0.9), (rings, 0.95)])
def test_whoever_is_right_about_held_out_labels_is_believed(make, share):
    codes, y = make(np.random.default_rng(0))
    answers, weight = np.eye(2)[y], (np.arange(400) % 10 == 0).astype(float)
    guess = ClassGuesser(np.random.RandomState(0)).guess(codes, answers * weight[:, None], weight)
    right = guess.answers.argmax(axis=1) == y
    assert right.mean() > share
    assert guess.confidence.min() >= 0
    assert guess.confidence.max() <= 1
    assert (
        guess.confidence[right].mean() > guess.confidence[~right].mean() if not right.all() else 1
    )


def test_labels_that_say_nothing_make_guesses_that_count_little():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 5))
    weight = (np.arange(400) < 60).astype(float)
    y = rng.integers(0, 2, 400)
    guesser = ClassGuesser(np.random.RandomState(0))
    of_chance = guesser.guess(codes, np.eye(2)[y] * weight[:, None], weight)
    of_codes = guesser.guess(codes, np.eye(2)[(codes[:, 0] > 0) * 1] * weight[:, None], weight)
    assert of_chance.confidence.mean() < 0.3 * of_codes.confidence.mean()
    numbers = NumberGuesser(np.random.RandomState(0))
    chance = rng.normal(size=(400, 1)) * weight[:, None]
    assert numbers.guess(codes, chance, weight).confidence.max() < 0.1
    told = (codes[:, :1] - codes[:60, :1].mean()) * weight[:, None]
    assert numbers.guess(codes, told, weight).confidence.min() > 0.9


def test_one_label_of_each_class_is_enough_to_guess():
    codes, y = two_groups(np.random.default_rng(0))
    weight = np.zeros(400)
    weight[[np.argmin(codes[:, 0]), np.argmax(codes[:, 0])]] = 1.0
    guesser = ClassGuesser(np.random.RandomState(0))
    guess = guesser.guess(codes, np.eye(2)[y] * weight[:, None], weight)
    assert np.isfinite(guess.confidence).all()
    known = np.flatnonzero(weight)
    np.testing.assert_array_equal(guess.answers[known].argmax(axis=1), y[known])
