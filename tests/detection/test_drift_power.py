"""Drift: alarms at the stated rate without it, an alarm for each kind of it."""

import numpy as np
import pytest
from drift_cases import FEW, LINEAR, draw, independent
from numpy.testing import assert_array_equal
from scipy.stats import binom

from skae import AutoencoderTransformer, DriftDetector


def results(model, reference, new, *, n_samples=(100, 100), n_repeats=20, **params):
    """Results for many pairs of a reference and a batch."""
    rng = np.random.default_rng(0)
    for seed in range(n_repeats):
        detector = DriftDetector(model, **FEW | {"random_state": seed} | params)
        yield detector.fit(reference(rng, n_samples[0])).test(new(rng, n_samples[1]))


def power(*args, **kwargs):
    """The share of the repeats in which there was drift, and in which each test found it."""
    found = list(results(*args, **kwargs))
    return np.mean([result.drift for result in found]), sum(
        result.tests["drift"] for result in found
    ) / len(found)


# -- the rate of false alarms -------------------------------------------------------------


def bounds(rate, n_repeats):
    """What a count with this rate leaves in one of ten thousand cases only, on each side."""
    return binom.ppf([1e-4, 1 - 1e-4], n_repeats, rate)


def test_false_alarms_come_at_the_stated_rate(model):
    n_repeats = 150
    found = list(results(model, draw, draw, n_samples=(150, 30), n_repeats=n_repeats))
    # Drift is a p-value of the whole test of at most alpha.
    of_whole = np.array([result.p_value for result in found])
    assert_array_equal([result.drift for result in found], of_whole <= 0.05)
    p_values = np.array([result.tests["p_value"] for result in found])
    for alpha in (0.05, 0.3):
        low, high = bounds(alpha, n_repeats)
        assert low <= np.sum(of_whole <= alpha) <= high
        assert (np.sum(p_values <= alpha, axis=0) <= high).all()
        # Permutations are exact, so that this rate is not below either.
        assert low <= np.sum(p_values[:, 1] <= alpha) <= high


def test_ties_raise_no_more_alarms(model):
    def rounded(rng, n_samples):
        return np.round(draw(rng, n_samples) / 3)

    n_repeats = 100
    rate, _ = power(model, rounded, rounded, n_repeats=n_repeats)
    assert rate * n_repeats <= bounds(0.05, n_repeats)[1]


def test_training_rows_as_reference_raise_false_alarms():
    rng = np.random.default_rng(0)
    n_repeats, alarms = 20, {"train": 0, "heldout": 0}
    for seed in range(n_repeats):
        train, heldout, batch = (rng.normal(size=(60, 20)) for _ in range(3))
        model = AutoencoderTransformer(10, **LINEAR).fit(train)
        detector = DriftDetector(model, n_permutations=99, random_state=seed)
        alarms["heldout"] += detector.fit(heldout).test(batch).drift
        with pytest.warns(UserWarning, match="rows that the model was trained on"):
            detector.fit(train)
        alarms["train"] += detector.test(batch).drift
    assert alarms["heldout"] <= bounds(0.05, n_repeats)[1]
    assert alarms["train"] > 0.8 * n_repeats


# -- power --------------------------------------------------------------------------------


def test_a_shift_of_the_mean(model):
    rate, by_test = power(model, draw, lambda rng, n: draw(rng, n, mean=1.0))
    assert rate > 0.9
    # The codes move, the errors do not.
    assert by_test["codes"] > 0.9
    assert by_test["score"] < 0.3


def test_a_change_of_the_scale(model):
    rate, by_test = power(model, draw, lambda rng, n: draw(rng, n, scale=2.0))
    assert rate > 0.9
    assert by_test["codes"] > 0.9


def test_noise_shows_in_the_scores(model):
    rate, by_test = power(model, draw, lambda rng, n: draw(rng, n, noise=0.7))
    assert rate > 0.9
    assert by_test["score"] > 0.9
    assert by_test.filter(like="code").max() < 0.3


def test_a_correlation_that_is_gone_shows_in_the_scores(model):
    def shuffled(rng, n_samples):
        return rng.permuted(draw(rng, n_samples), axis=0)

    assert power(model, draw, shuffled)[1]["score"] > 0.9


def test_a_correlation_of_codes_shows_in_the_codes_together(model_of_independent):
    def correlated(rng, n_samples):
        return independent(rng, n_samples, correlation=0.9)

    rate, by_test = power(model_of_independent, independent, correlated, n_samples=(200, 200))
    assert rate > 0.9
    assert by_test["codes"] > 0.9
    # No other test can see it.
    assert by_test.drop("codes").max() < 0.3
    control, _ = power(model_of_independent, independent, independent, n_samples=(200, 200))
    assert control < 0.3


def test_the_code_that_drifts_is_named(model_of_independent):
    def moved(rng, n_samples):
        return independent(rng, n_samples) + np.array([0, 0, 3, 0, 0, 0])

    detector = DriftDetector(model_of_independent, **FEW)
    rng = np.random.default_rng(0)
    drift = detector.fit(independent(rng, 200)).test(moved(rng, 200)).tests["drift"]
    # PCA's order: by variance.
    assert list(drift[drift].filter(like="code").index) == ["codes", "code2"]
