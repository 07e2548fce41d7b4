"""A row is judged to the bit alike alone, in a batch, and among its duplicates."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from outlier_cases import SCORINGS, draw, draw_outliers, make_detector

import skae
from skae import AutoencoderOutlierDetector, AutoencoderTransformer
from skae.detection._calibration import Calibration

RNG = np.random.default_rng(1)


def assert_same_in_any_company(detector, rows, n_alone=4):
    """Judge the first rows alone, repeated, behind others, and in batches of odd sizes."""
    for method in ("score_samples", "p_values", "predict"):
        judge = getattr(detector, method)
        together = judge(rows)
        for i in range(min(n_alone, len(rows))):
            assert_array_equal(judge(rows[i : i + 1]), together[i : i + 1])
            assert_array_equal(judge(np.repeat(rows[i : i + 1], 5, axis=0)), together[i])
        assert_array_equal(judge(rows[::-1])[::-1], together)
        for size in (40, 65):
            parts = [judge(rows[start : start + size]) for start in range(0, len(rows), size)]
            assert_array_equal(np.concatenate(parts), together)


@pytest.mark.parametrize("scoring", SCORINGS)
def test_plain_rows(scoring):
    rows = np.r_[draw(RNG, 130), draw_outliers(RNG, 20)]
    detector = make_detector(scoring=scoring).fit(draw(RNG, 150))
    assert_same_in_any_company(detector, rows)
    # More rows than are scored at once.
    many = detector.score_samples(np.tile(rows, (230, 1)))
    assert_array_equal(many, np.tile(detector.score_samples(rows), 230))


@pytest.mark.parametrize("scoring", [*SCORINGS, "default"])
def test_six_rows_that_are_repeated(scoring):
    """A server sends single rows; a table of few distinct rows is full of ties."""
    patterns = np.random.default_rng(0).normal(size=(6, 8))
    often = [0.4, 0.25, 0.15, 0.1, 0.07, 0.03]
    rows = patterns[np.random.default_rng(1).choice(6, 1000, p=often)]
    if scoring == "default":
        detector = AutoencoderOutlierDetector(contamination=0.05, n_estimators=2, random_state=0)
    else:
        detector = make_detector(scoring=scoring, contamination=0.05)
    detector.fit(rows)
    for i in range(6):
        for judge in (detector.p_values, detector.score_samples, detector.predict):
            assert judge(np.r_[rows, patterns[i : i + 1]])[-1] == judge(patterns[i : i + 1])[0]
    assert_same_in_any_company(detector, rows[:140])


def test_rows_that_are_repeated_in_a_stream(monkeypatch):
    """Kept rows are rounded: scores of the same rows differ in their last digits."""
    patterns = np.random.default_rng(0).normal(size=(6, 8))
    often = [0.4, 0.25, 0.15, 0.1, 0.07, 0.03]
    rows = patterns[np.random.default_rng(1).choice(6, 1200, p=often)]
    detector = make_detector(scoring="mixture")
    for chunk in np.split(rows, 3):
        detector.partial_fit(chunk)
    expected = detector.p_values(patterns)
    rounded = [patterns * (1 - 1e-7), patterns * (1 + 1e-7)]
    for rows_like in rounded:
        assert detector.p_values(rows_like) == pytest.approx(expected, abs=1e-9)
    # The control: held-out rows of a pattern, a tenth of all or more, are above or below by chance.
    monkeypatch.setattr(Calibration, "ROUNDING", 0.0)
    differ = [abs(detector.p_values(rows_like) - expected).max() for rows_like in rounded]
    assert max(differ) > 0.05
    monkeypatch.undo()
    assert_same_in_any_company(detector, rows[:140])


@pytest.mark.parametrize("scoring", ["mixture", "reconstruction"])
def test_zeros_and_ones(scoring):
    rows = (draw(RNG, 300) > 0).astype(float)
    assert_same_in_any_company(make_detector(scoring=scoring).fit(rows), rows[:140])


@pytest.mark.parametrize("scoring", ["mixture", "reconstruction"])
def test_many_columns(scoring):
    sources = RNG.normal(size=(100, 3))
    rows = sources @ RNG.normal(size=(3, 1500)) + 0.3 * RNG.normal(size=(100, 1500))
    detector = make_detector(scoring=scoring, n_estimators=2).fit(rows[:60])
    assert_same_in_any_company(detector, rows, 2)


def test_a_loaded_detector(tmp_path):
    rows = np.r_[draw(RNG, 60), draw_outliers(RNG, 10)]
    autoencoder = AutoencoderTransformer(3, hidden_layer_sizes=(), max_iter=2)
    detector = make_detector(autoencoder, scoring="mixture").fit(draw(RNG, 150))
    skae.save(detector, tmp_path / "detector.skae")
    loaded = skae.load(tmp_path / "detector.skae")
    assert_same_in_any_company(loaded, rows)
    for method in ("score_samples", "p_values", "predict"):
        assert_array_equal(getattr(loaded, method)(rows), getattr(detector, method)(rows))
