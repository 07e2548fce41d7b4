"""Thresholds and selections mean on new rows what they say; other rows to compare with."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outlier_cases import answers, assert_same, draw, draw_outliers, make_detector, weights_of
from scipy import stats

from skae import AutoencoderTransformer

RNG = np.random.default_rng(1)
X, NEW, OUTLIERS = draw(RNG, 400), draw(RNG, 1000), draw_outliers(RNG, 100)
# Many detectors of networks that rest at their start, PCA.
MANY = {"autoencoder": AutoencoderTransformer(3, hidden_layer_sizes=(), max_iter=1)}
MANY["scoring"] = "mahalanobis"


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(make_detector().fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted detector of the test's own."""
    return pickle.loads(fitted_blob)


# -- the threshold ------------------------------------------------------------------------


def test_the_threshold_moves_without_training(fitted):
    before, offsets, flagged = answers(fitted, NEW[:10]), [], []
    for contamination in (0.01, 0.05, 0.2, 0.5):
        assert fitted.set_contamination(contamination) is fitted
        offsets.append(fitted.offset_)
        flagged.append((fitted.predict(NEW) == -1).mean())
        assert_same(before | {"offset": fitted.offset_}, answers(fitted, NEW[:10]))
    assert (np.diff(offsets) > 0).all()
    assert_allclose(flagged, [0.01, 0.05, 0.2, 0.5], rtol=0.25, atol=0.02)
    # The parameter is the caller's.
    assert fitted.contamination == "auto"
    assert fitted.set_contamination(0.05).offset_ == make_detector().fit(X).offset_


def test_the_asked_share_of_new_rows_is_beyond_the_threshold():
    """Where it stands on training scores, it is more: what was learned looks ordinary."""
    rng, shares, n_repeats = np.random.default_rng(0), [], 50
    for repeat in range(n_repeats):
        params = {"n_estimators": 2, "random_state": repeat, "cv": 5}
        detector = make_detector(contamination=0.1, **MANY, **params)
        detector.fit(draw(rng, 80))
        new = draw(rng, 300)
        on_training_rows = (detector.predict(new) == -1).mean()
        shares.append([on_training_rows, (detector.set_contamination(0.1).predict(new) < 0).mean()])
    (naive, honest), error = np.mean(shares, axis=0), np.std(shares, axis=0)[1] / n_repeats**0.5
    error_of_rise = np.std(np.diff(shares)) / n_repeats**0.5
    # With few held-out rows a step is wide: the threshold is on the careful side of it.
    assert 0.1 - 3 * error - 1 / detector.n_calibration_ < honest < 0.1 + 3 * error
    assert naive > honest + 3 * error_of_rise


@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.123, 0.5])
def test_beyond_the_threshold_are_the_rows_of_low_p_values(fitted, contamination):
    """To the row, where all members judge the rows that were held out."""
    fitted.recalibrate(NEW[:99]).set_contamination(contamination)
    rows = np.r_[NEW, OUTLIERS]
    assert_array_equal(fitted.predict(rows) == -1, fitted.p_values(rows) <= contamination)


# -- other rows to compare with -----------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_recalibrate_is_split_conformal(fitted, weighted):
    known, new = NEW[:100], np.r_[NEW[100:200], OUTLIERS]
    weight = np.random.default_rng(0).integers(0, 3, size=100) if weighted else np.ones(100)
    before = answers(fitted, new)
    assert fitted.recalibrate(known, sample_weight=weight if weighted else None) is fitted
    after = answers(fitted, new)
    for name in ("scores", "weights", "codes", "kept"):
        assert_array_equal(after[name], before[name])
    assert fitted.n_calibration_ == (weight > 0).sum()
    relative = weight / weight[weight > 0].mean()
    at_least = fitted.score_samples(known) <= fitted.score_samples(new)[:, None]
    expected = (1 + at_least @ relative) / (1 + relative.sum())
    assert_allclose(after["p_values"], expected, rtol=1e-9)
    assert not np.allclose(before["p_values"], expected, rtol=1e-3)


def test_p_values_after_a_shift(fitted):
    """Uniform once the held-out rows have shifted as well."""
    rng = np.random.default_rng(0)

    def shifted(n_samples):
        return draw(rng, n_samples, noise=0.45)

    batch = shifted(500)

    def too_often(detector):
        return (detector.p_values(batch) <= 0.05).mean() > 0.1

    assert too_often(fitted)
    contamination = fitted.set_contamination(0.05).offset_
    fitted.recalibrate(shifted(500))
    assert not too_often(fitted)
    assert abs((fitted.predict(batch) == -1).mean() - 0.05) < 0.04
    assert fitted.offset_ < contamination
    assert fitted.n_calibration_ == 500


# -- selections ---------------------------------------------------------------------------


def test_select_is_benjamini_hochberg_on_the_p_values(fitted):
    rows = np.r_[NEW[:100], OUTLIERS]
    for fdr in (0.05, 0.1, 0.3):
        selected = fitted.select(rows, fdr=fdr)
        assert selected.dtype == bool
        adjusted = stats.false_discovery_control(fitted.p_values(rows))
        assert_array_equal(selected, adjusted <= fdr)
        assert selected.any()
    assert_array_equal(fitted.select(rows), fitted.select(rows, fdr=0.1))
    assert not fitted.select(NEW[:20], fdr=0.1).any()


def test_the_false_discovery_rate_is_held():
    """The control selects all rows whose p-value is below the rate."""
    n_repeats, fdr = 50, 0.1
    rng, is_outlier = np.random.default_rng(0), np.repeat([False, True], [80, 20])
    honest, naive, power = np.empty((3, n_repeats))

    def false_share(selected):
        return (selected & ~is_outlier).sum() / max(1, selected.sum())

    for repeat in range(n_repeats):
        params = {"n_estimators": 1, "cv": 2, "random_state": repeat}
        rows, new = draw(rng, 120), np.r_[draw(rng, 80), 3 * draw_outliers(rng, 20)]
        detector = make_detector(**MANY, **params).fit(rows)
        selected = detector.select(new, fdr=fdr)
        honest[repeat], power[repeat] = false_share(selected), selected[is_outlier].mean()
        naive[repeat] = false_share(detector.p_values(new) <= fdr)
    assert honest.mean() <= fdr + 3 * honest.std() / n_repeats**0.5
    assert power.mean() > 0.5
    assert naive.mean() > fdr + 3 * naive.std() / n_repeats**0.5


# -- levels that the held-out rows cannot tell from none ----------------------------------


def test_too_few_held_out_rows_for_the_level():
    detector = make_detector(n_estimators=1).fit(X[:50])
    assert detector.n_calibration_ == 10
    before = answers(detector, NEW[:10])
    message = r"contamination=0.05 needs at least 19 held-out rows.*n_calibration_=10"
    with pytest.raises(ValueError, match=message):
        detector.set_contamination(0.05)
    with pytest.raises(ValueError, match=r"fdr=0.05 needs at least 19 held-out rows"):
        detector.select(NEW, fdr=0.05)
    assert_same(before, answers(detector, NEW[:10]))
    # As the message says; "auto" is that level, too.
    with pytest.raises(ValueError, match="n_calibration_=18"):
        detector.recalibrate(NEW[:18])
    assert_same(before, answers(detector, NEW[:10]))
    detector.recalibrate(NEW[:19]).set_contamination(0.05)
    with pytest.raises(ValueError, match="n_calibration_=18"):
        detector.recalibrate(NEW[:18])
    assert detector.n_calibration_ == 19
    assert detector.select(1e3 * OUTLIERS, fdr=0.05).all()
    assert (detector.p_values(NEW[:19]) <= 0.05).sum() <= 1


def test_weights_are_those_of_the_networks(fitted):
    """Or comparing them, as tests here do, would show nothing."""
    before = weights_of(fitted)
    assert not np.array_equal(weights_of(fitted.partial_fit(NEW)), before)
