"""How far opinions about labels are believed."""

import numpy as np
import pytest
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

from skae.supervised import _trust
from skae.supervised._trust import trust_in_classes, trust_in_numbers


def opinions_about_classes(rng):
    """Opinions of one who knows, one who guesses, and one who says the opposite; and the truth."""
    truth = rng.integers(0, 3, 200)
    known = np.eye(3)[truth] + rng.normal(scale=0.5, size=(200, 3))
    guessed = rng.normal(size=(200, 3))
    return log_softmax(np.stack([known, guessed, -known]), axis=2), truth


def test_classes_are_likeliest_under_the_trust():
    rng = np.random.default_rng(0)
    opinions, truth = opinions_about_classes(rng)
    weight, shares = rng.uniform(0.5, 1.5, 200), np.log([0.5, 0.3, 0.2])
    found = trust_in_classes(opinions, truth, weight, shares)

    def loss(trust):
        logits = shares + sum(t * (one - shares) for t, one in zip(trust, opinions, strict=True))
        logs = log_softmax(logits, axis=1)[np.arange(200), truth]
        return -(weight * logs).sum() + _trust._PULL * np.square(trust - 1 / 3).sum()

    # Without the gradient, and from elsewhere.
    expected = minimize(loss, np.ones(3), bounds=[(0, None)] * 3).x
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert found[0] > 0.5
    assert found[2] == 0


def test_few_labels_shake_the_trust_little():
    opinions, truth = opinions_about_classes(np.random.default_rng(0))
    shares = np.log(np.full(3, 1 / 3))
    few, many = (trust_in_classes(opinions[:, :n], truth[:n], np.ones(n), shares) for n in (1, 200))
    assert np.abs(few - 1 / 3).max() < 0.5 * np.abs(many - 1 / 3).max()
    nothing = trust_in_classes(opinions[:, :0], truth[:0], np.ones(0), shares)
    np.testing.assert_allclose(nothing, 1 / 3)


def test_a_row_of_weight_two_is_two_rows():
    opinions, truth = opinions_about_classes(np.random.default_rng(0))
    twice, shares = np.repeat([1, 2], 100), np.log(np.full(3, 1 / 3))
    weighted = trust_in_classes(opinions, truth, twice.astype(float), shares)
    rows = np.repeat(np.arange(200), twice)
    repeated = trust_in_classes(opinions[:, rows], truth[rows], np.ones(300), shares)
    np.testing.assert_allclose(weighted, repeated, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_numbers_are_nearest_under_the_trust(scale):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(1_000, 2))
    opinions = np.stack([scale * truth, rng.normal(size=(1_000, 2)), -truth])
    found = trust_in_numbers(opinions, truth)
    assert found[0] == pytest.approx(1 / scale, abs=0.1)
    assert found[2] == 0
    # With weak faith in equal parts it is least squares.
    least = nnls(opinions.reshape(3, -1).T, truth.ravel())[0]
    np.testing.assert_allclose(found, least, atol=0.1)
