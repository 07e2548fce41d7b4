"""Guesses of missing labels: how labels spread, and whom to believe."""

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from skae import AutoencoderTransformer
from skae.supervised import _rounds
from skae.supervised._class_guesser import ClassGuesser
from skae.supervised._guess import Guess
from skae.supervised._joint_training import FittedRows
from skae.supervised._kernel_features import kernel_features
from skae.supervised._label_graph import LabelGraph
from skae.supervised._labels import KnownLabels
from skae.supervised._number_guesser import NumberGuesser


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


def test_products_of_kernel_features_are_a_gaussian_kernel():
    codes = np.random.default_rng(0).normal(size=(50, 3))
    features = kernel_features(codes, np.random.RandomState(0))
    squares = pairwise_distances(codes, metric="sqeuclidean")
    gamma = 1 / np.median(squares[np.triu_indices(50, 1)])
    np.testing.assert_allclose(features @ features.T, 10 * np.exp(-gamma * squares), atol=1e-6)
    # In any unit.
    scaled = kernel_features(1e3 * codes, np.random.RandomState(0))
    np.testing.assert_allclose(features @ features.T, scaled @ scaled.T, atol=1e-6)


def test_rows_that_are_all_equal_have_equal_kernel_features():
    features = kernel_features(np.ones((5, 2)), np.random.RandomState(0))
    assert np.isfinite(features).all()
    assert np.ptp(features, axis=0).max() < 1e-9


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


def hills(rng):
    """Codes in which a class is a hill in the middle, without a gap around it."""
    codes = rng.normal(size=(400, 2))
    return codes, (np.square(codes).sum(axis=1) < 1.4).astype(int)


@pytest.mark.parametrize(("make", "share"), [(two_groups, 0.9), (rings, 0.95), (hills, 0.91)])
def test_whoever_is_right_about_held_out_labels_is_believed(make, share):
    codes, y = make(np.random.default_rng(0))
    answers, weight = np.eye(2)[y], (np.arange(400) % 10 == 0).astype(float)
    guess = ClassGuesser(np.random.RandomState(0)).guess(codes, answers * weight[:, None], weight)
    right = guess.answers.argmax(axis=1) == y
    assert right.mean() > share
    assert guess.weight.min() >= 0
    assert guess.weight.max() <= 1
    assert guess.weight[right].mean() > guess.weight[~right].mean() if not right.all() else 1


def guess_of_sixty(guesser, codes, answers):
    """The guess from the labels of the first sixty rows."""
    weight = (np.arange(len(codes)) < 60).astype(float)
    return guesser(np.random.RandomState(0)).guess(codes, answers * weight[:, None], weight)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_labels_that_say_nothing_make_guesses_of_the_shares(share):
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 5))
    y = (rng.random(400) < share).astype(int)
    of_chance = guess_of_sixty(ClassGuesser, codes, np.eye(2)[y])
    of_codes = guess_of_sixty(ClassGuesser, codes, np.eye(2)[(codes[:, 0] > 0) * 1])
    assert of_chance.grouped < 0.3 * of_codes.grouped
    assert np.abs(of_chance.answers[:, 1] - y[:60].mean()).mean() < 0.1
    assert np.abs(of_codes.answers[:, 1] - 0.5).mean() > 0.3
    # They hold the network to that: all count, and nearly alike.
    assert of_chance.weight.min() > 0.3
    assert np.ptp(of_chance.weight) < 0.5 * np.ptp(of_codes.weight)


def test_numbers_that_say_nothing_make_guesses_of_the_mean():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(400, 5))
    numbers = guess_of_sixty(NumberGuesser, codes, rng.normal(size=(400, 1)))
    assert numbers.grouped < 0.2
    assert np.abs(numbers.answers).mean() < 0.3
    numbers = guess_of_sixty(NumberGuesser, codes, codes[:, :1] - codes[:60, :1].mean())
    assert numbers.grouped == 1
    assert np.abs(numbers.answers).mean() > 0.6


def test_numbers_that_follow_the_rows_are_guessed_by_a_linear_model_of_these():
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(400, 5)), rng.normal(size=(400, 5))
    answers = rows[:, :1] - rows[:60, :1].mean()
    weight = (np.arange(400) < 60).astype(float)
    of_both, of_codes = (
        NumberGuesser(np.random.RandomState(0)).guess(codes, answers * weight[:, None], weight, x)
        for x in (rows, None)
    )
    left = [np.square(g.answers - answers)[60:].mean() for g in (of_both, of_codes)]
    assert left[0] < 0.1 * left[1]


def test_a_first_guess_stays_where_there_are_no_groups():
    some, later = np.array([[0.2, 0.8], [0.4, 0.6]]), np.array([[1.0, 0.0], [0.0, 0.0]])
    # The second row had no later guess.
    weights = np.array([0.1, 0.1]), np.array([0.3, 0.0])
    renewed = [
        Guess(some, weights[0], grouped).renewed(Guess(later, weights[1], 1.0))
        for grouped in (0.0, 1.0, 0.5)
    ]
    np.testing.assert_allclose(renewed[0].answers, some)
    np.testing.assert_allclose(renewed[1].answers, later)
    np.testing.assert_allclose(renewed[1].weight, weights[1])
    np.testing.assert_allclose(renewed[2].answers, [[0.8, 0.2], [0.4, 0.6]])
    np.testing.assert_allclose(renewed[2].weight, [0.2, 0.05])
    assert [guess.grouped for guess in renewed] == [0.0, 1.0, 0.5]


def test_codes_that_know_the_labels_do_not_change_whom_to_believe():
    rng = np.random.default_rng(0)
    codes, y = rng.normal(size=(400, 5)), rng.integers(0, 2, 400)
    weight = (np.arange(400) < 60).astype(float)
    answers = np.eye(2)[y] * weight[:, None]
    # A code that training has added: it tells labels that were given, and is chance elsewhere.
    told = np.column_stack([codes, np.where(weight, y, rng.integers(0, 2, 400))])
    experienced = ClassGuesser(np.random.RandomState(0))
    experienced.guess(codes, answers, weight)
    doubtful = experienced.guess(told, answers, weight)
    credulous = ClassGuesser(np.random.RandomState(0)).guess(told, answers, weight)
    assert doubtful.grouped < 0.3 * credulous.grouped
    assert np.abs(doubtful.answers - 0.5).mean() < 0.5 * np.abs(credulous.answers - 0.5).mean()


def test_the_share_of_classes_alone_sets_no_row_apart():
    rng = np.random.default_rng(0)
    codes, y = rng.normal(size=(400, 5)), (rng.random(400) < 0.1).astype(int)
    weight = (np.arange(400) < 100).astype(float)
    guesser = ClassGuesser(np.random.RandomState(0))
    guess = guesser.guess(codes, np.eye(2)[y] * weight[:, None], weight)
    # Nine of ten rows are of one class, and every guess says so.
    assert (guess.answers.argmax(axis=1) == 0).all()
    assert abs(guess.answers[:, 1].mean() - y[:100].mean()) < 0.03
    assert guess.grouped < 0.2
    assert np.ptp(guess.weight) < 0.08


def test_weights_of_classes_shift_guesses():
    rng = np.random.default_rng(0)
    codes, y = rng.normal(size=(400, 5)), (rng.random(400) < 0.1).astype(int)
    known = np.arange(400) < 100
    balanced = np.where(known, np.where(y == 1, 1 / y[:100].mean(), 1 / (1 - y[:100].mean())), 0)

    def guess(weight):
        answers = np.eye(2)[y] * known[:, None]
        return ClassGuesser(np.random.RandomState(0)).guess(codes, answers, weight)

    assert guess(known.astype(float)).answers[:, 1].mean() < 0.15
    assert abs(guess(balanced / 2).answers[:, 1].mean() - 0.5) < 0.1


def test_of_very_many_rows_some_are_guessed(monkeypatch):
    codes, y = two_groups(np.random.default_rng(0))
    labels = KnownLabels(np.eye(2)[y], np.arange(400) % 2 == 0, (np.arange(400) % 2 == 0) * 1.0)
    monkeypatch.setattr(_rounds, "_MOST_LABELLED", 60)
    monkeypatch.setattr(_rounds, "_MOST_ROWS", 100)
    rng = np.random.RandomState(0)
    guess = _rounds._guess(ClassGuesser(rng), codes, labels, labels.known, rng, None)
    guessed = ~labels.known & guess.answers.any(axis=1)
    assert guessed.sum() == 40
    assert (guess.answers.argmax(axis=1) == y)[guessed].mean() > 0.8


def test_some_of_very_many_rows_are_asked_with_their_codes(monkeypatch):
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(400, 5)), rng.normal(size=(400, 5))
    numbers = rows[:, :1] / rows[:, 0].std()
    autoencoder = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1, random_state=0)
    fitted = FittedRows.of(autoencoder, rows, None, None)
    known = np.arange(400) % 2 == 0
    labels = KnownLabels(numbers * known[:, None], known, known * 1.0)
    monkeypatch.setattr(_rounds, "_MOST_LABELLED", 60)
    monkeypatch.setattr(_rounds, "_MOST_ROWS", 100)

    def error():
        rng = np.random.RandomState(0)
        guess = _rounds._guess(NumberGuesser(rng), codes, labels, known, rng, fitted)
        guessed = ~known & (guess.weight > 0)
        assert guessed.sum() == 40
        return np.square(guess.answers - numbers)[guessed].mean()

    from_rows = error()
    assert from_rows < 0.1
    # Rows of too many cells are told by their codes alone, which are noise here.
    monkeypatch.setattr(_rounds, "_MOST_CELLS", 499)
    assert error() > 5 * from_rows


def test_one_label_of_each_class_is_enough_to_guess():
    codes, y = two_groups(np.random.default_rng(0))
    weight = np.zeros(400)
    weight[[np.argmin(codes[:, 0]), np.argmax(codes[:, 0])]] = 1.0
    guesser = ClassGuesser(np.random.RandomState(0))
    guess = guesser.guess(codes, np.eye(2)[y] * weight[:, None], weight)
    assert np.isfinite(guess.weight).all()
    known = np.flatnonzero(weight)
    np.testing.assert_array_equal(guess.answers[known].argmax(axis=1), y[known])
