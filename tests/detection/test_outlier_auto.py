"""The contamination "auto": blatant outliers in the training rows, and clean tables."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from outlier_cases import SCORINGS, answers, assert_same, draw, make_detector

from skae import AutoencoderOutlierDetector
from skae.detection import _ordinary_rows


def with_outliers(n_rows=400, seed=0):
    """A tenth of the rows is scattered far from the others."""
    rng = np.random.default_rng(seed)
    rows, is_outlier = draw(rng, n_rows), np.arange(n_rows) < n_rows // 10
    rows[is_outlier] += rng.choice([-20, 20], size=(n_rows // 10, 8)) * rng.uniform(1, 2)
    return rows, is_outlier


@pytest.mark.parametrize("scoring", SCORINGS)
def test_a_tenth_of_blatant_outliers_is_found(scoring):
    rows, is_outlier = with_outliers()
    detector = make_detector(scoring=scoring, n_estimators=5)
    labels = detector.fit_predict(rows)
    assert (labels[is_outlier] == -1).all()
    assert (labels[~is_outlier] == -1).mean() < 0.1
    assert detector.contamination_ == pytest.approx(0.1, abs=0.015)
    assert detector.n_calibration_ == round(400 * (1 - detector.contamination_))
    selected = detector.select(rows)
    assert selected[is_outlier].all()
    # The false discovery rate.
    assert (~is_outlier[selected]).mean() < 0.2


def test_the_default_finds_them():
    rows, is_outlier = with_outliers()
    detector = AutoencoderOutlierDetector(random_state=0)
    assert (detector.fit_predict(rows)[is_outlier] == -1).all()
    assert detector.contamination_ == pytest.approx(0.1, abs=0.015)
    assert detector.select(rows)[is_outlier].all()


@pytest.mark.parametrize("scoring", SCORINGS)
def test_of_clean_tables_one_row_in_twenty_is_flagged(scoring):
    shares, contaminations = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        params = {"scoring": scoring, "n_estimators": 5, "random_state": seed}
        detector = make_detector(**params).fit(draw(rng, 300))
        shares.append((detector.predict(draw(rng, 300)) == -1).mean())
        contaminations.append(detector.contamination_)
    assert 0.01 < np.mean(shares) < 0.05 + 3 * np.std(shares) / 5**0.5
    # A row that is left out by chance now and then.
    assert np.median(contaminations) == 0
    assert max(contaminations) < 0.01


def test_contamination_is_estimated_whatever_was_asked_for():
    rows, _ = with_outliers()
    auto, tenth = (make_detector(contamination=level).fit(rows) for level in ("auto", 0.1))
    assert tenth.contamination_ == auto.contamination_ > 0.08
    assert_array_equal(tenth.p_values(rows), auto.p_values(rows))


def test_the_threshold_auto_can_be_set_later():
    rows, _ = with_outliers()
    auto, tenth = (make_detector(contamination=level).fit(rows) for level in ("auto", 0.1))
    assert tenth.offset_ != auto.offset_
    assert tenth.set_contamination("auto") is tenth
    assert_same(answers(auto, rows[:20]), answers(tenth, rows[:20]))
    assert tenth.contamination == 0.1
    # And it stays.
    for detector in (auto, tenth):
        detector.partial_fit(rows)
    assert_same(answers(auto, rows[:20]), answers(tenth, rows[:20]))


def test_auto_needs_no_number_of_held_out_rows():
    rows, _ = with_outliers()
    detector = make_detector(n_estimators=1, contamination=0.2).fit(rows[40:90])
    assert detector.n_calibration_ == 10
    detector.set_contamination("auto")
    unusual = -detector.score_samples(rows[:40])
    assert_array_equal(detector.predict(rows[:40]) == -1, unusual > -detector.offset_)
    with pytest.raises(ValueError, match="at least 19 held-out rows"):
        detector.set_contamination(0.05)


def test_rare_values_are_no_outliers(monkeypatch):
    """In three columns one row in fifty is not zero."""
    rng = np.random.default_rng(0)
    rows = np.c_[draw(rng, 1500), rng.random((1500, 3)) < 0.02]
    train, new = rows[:1000], rows[1000:]
    detector = make_detector(scoring="mixture").fit(train)
    assert detector.contamination_ == 0
    assert (detector.predict(new) == -1).mean() < 0.08
    # The control: where most rows are zero, others are many deviations away.
    monkeypatch.setattr(_ordinary_rows, "_LEAST_SHARE", 0.0)
    assert make_detector(scoring="mixture").fit(train).contamination_ > 0.03
