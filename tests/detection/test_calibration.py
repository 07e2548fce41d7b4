"""Thresholds and p-values from the scores of held-out rows, without networks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import stats
from scipy.spatial.distance import cdist

from skae.detection import Calibration, Folds

# -- properties ---------------------------------------------------------------------------


@st.composite
def calibrations(draw):
    """Groups of few distinct scores, with weights that are whole numbers: sums are exact."""
    calibration = Calibration()
    for n_rows in draw(st.lists(st.integers(1, 12), min_size=1, max_size=3)):
        rows = st.lists(st.integers(0, 9), min_size=n_rows, max_size=n_rows)
        scores = np.array(draw(rows), dtype=float)[:, None]
        weight = 1.0 + np.array(draw(rows))
        calibration.add(np.array([0]), scores, weight)
    return calibration


PROPERTY = settings(max_examples=100, derandomize=True, deadline=None)
# Every score that held-out rows may have, and some between them.
SCORES = np.arange(-1, 11, 0.5)[:, None]


def levels_of(calibration):
    """Levels below one that are p-values or between them, as low as the held-out rows allow."""
    p_values = np.unique(calibration.p_values(SCORES))
    between = (p_values[1:] + p_values[:-1]) / 2
    n = len(calibration)
    return [level for level in (*p_values, *between) if 1 / (n + 1) <= level < 1]


@PROPERTY
@given(calibrations())
def test_a_row_is_beyond_the_threshold_if_and_only_if_its_p_value_is_at_most_the_level(calibration):
    p_values = calibration.p_values(SCORES)
    for level in levels_of(calibration):
        calibration.check_level(level, "level")
        assert_array_equal(SCORES[:, 0] > calibration.threshold(level), p_values <= level)


@PROPERTY
@given(calibrations())
def test_p_values_fall_as_scores_rise(calibration):
    p_values = calibration.p_values(SCORES)
    assert (np.diff(p_values) <= 0).all()
    assert p_values[0] == 1
    assert p_values[-1] == 1 / (len(calibration) + 1)


def test_the_threshold_of_too_few_rows_is_the_highest_score():
    calibration = Calibration()
    calibration.add(np.array([0]), np.array([[1.0], [3.0], [2.0]]), np.ones(3))
    for level, expected in ((0.1, 3), ("auto", 3), (0.25, 3), (0.5, 2)):
        assert calibration.threshold(level) == pytest.approx(expected, rel=2e-5)
    with pytest.raises(ValueError, match=r"fdr=0\.2 needs at least 4 held-out rows"):
        calibration.check_level(0.2, "fdr")
    with pytest.raises(ValueError, match=r"contamination=0\.05 needs at least 19 held-out rows"):
        calibration.check_level("auto", "contamination")
    calibration.check_level(0.25, "fdr")


# -- rates, with members that learn their rows by heart -----------------------------------


def fit_members(rng, n_rows, n_members=3, cv=3, max_samples="auto"):
    """Calibrate members to whom a row is as unusual as its nearest training row is far away.

    Returns the scoring of new rows, the calibration and the training rows.
    """
    rows = rng.normal(size=(n_rows, 3))
    folds = Folds(cv, np.arange(n_members) % cv)
    fold = folds.deal(n_rows, rng)
    drawn = folds.draw(fold, folds.samples_per_member(max_samples, n_rows), rng)

    def score(new):
        return np.stack([cdist(new, rows[mine]).min(axis=1) for mine in drawn], axis=1)

    calibration = folds.calibration(
        fold, np.ones(n_rows), np.ones(n_rows, dtype=bool), lambda some, _: score(rows[some])
    )
    return score, calibration, rows


MEMBERS = [
    {"n_members": 1, "cv": 2},
    {"n_members": 3, "cv": 3},
    {"n_members": 3, "cv": 2, "max_samples": 25},
    {"n_members": 5, "cv": 5},
]
members = pytest.mark.parametrize("params", MEMBERS, ids=str)


def mean_and_error(values):
    return np.mean(values), np.std(values) / len(values) ** 0.5


@members
def test_p_values_of_ordinary_rows_are_uniform(params):
    """The control ranks a row among the training rows, which all have seen."""
    rng, honest, naive = np.random.RandomState(0), [], []
    for _ in range(400):
        score, calibration, rows = fit_members(rng, 60, **params)
        new = score(rng.normal(size=(40, 3)))
        honest.append(calibration.p_values(new))
        known = score(rows).mean(axis=1)
        naive.append((1 + (known >= new.mean(axis=1)[:, None]).sum(axis=1)) / 61)
    assert stats.kstest(np.array(honest)[:80, 0], "uniform").pvalue > 0.01
    share, error = mean_and_error((np.array(honest) <= 0.1).mean(axis=1))
    # Cross-conformal p-values are a little careful: means of ranks are not as extreme.
    assert 0.07 - 3 * error < share < 0.1 + 3 * error
    assert (np.array(naive) <= 0.1).mean() > 0.1 + 3 * error


@members
def test_the_asked_share_of_ordinary_rows_is_beyond_the_threshold(params):
    rng, honest, naive = np.random.RandomState(0), [], []
    for _ in range(200):
        score, calibration, rows = fit_members(rng, 80, **params)
        new = score(rng.normal(size=(300, 3))).mean(axis=1)
        honest.append((new > calibration.threshold(0.1)).mean())
        naive.append((new > np.percentile(score(rows).mean(axis=1), 90)).mean())
    share, error = mean_and_error(honest)
    # With few held-out rows a step is wide, and p-values are careful.
    assert 0.07 - 3 * error - 1 / len(calibration) < share < 0.1 + 3 * error
    assert np.mean(naive) > 0.1 + 3 * error


@members
@pytest.mark.parametrize("n_outliers", [0, 20])
def test_the_false_discovery_rate_is_held(params, n_outliers):
    """Without outliers it is how often anything is selected; the control takes low p-values."""
    rng, fdr = np.random.RandomState(0), 0.1
    is_outlier = np.arange(100) < n_outliers
    honest, naive, power = [], [], []

    def false_share(selected):
        return (selected & ~is_outlier).sum() / max(1, selected.sum())

    for _ in range(100):
        score, calibration, _ = fit_members(rng, 120, **params)
        new = rng.normal(size=(100, 3))
        new[is_outlier] *= 20
        p_values = calibration.p_values(score(new))
        selected = stats.false_discovery_control(p_values) <= fdr
        honest.append(false_share(selected))
        naive.append(false_share(p_values <= fdr))
        power.append(selected[is_outlier].mean() if n_outliers else 1)
    rate, error = mean_and_error(honest)
    assert rate <= fdr + 3 * error
    assert np.mean(naive) > fdr + 3 * error
    assert np.mean(power) > 0.5


# -- folds --------------------------------------------------------------------------------


@pytest.mark.parametrize("n_members", [1, 3, 5, 7])
def test_with_as_many_members_as_folds_all_rows_are_held_out(n_members):
    _, calibration, _ = fit_members(np.random.RandomState(0), 100, n_members, cv=5)
    assert len(calibration) == 20 * min(n_members, 5)
    assert calibration.p_values(np.full((1, n_members), 1e9)) == 1 / (len(calibration) + 1)


@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_at_a_time_fall_into_all_folds(n_rows):
    folds = Folds(4, np.arange(4))
    fold = [folds.deal(n_rows, np.random.RandomState([0, n_seen])) for n_seen in range(40)]
    assert np.bincount(np.concatenate(fold), minlength=4).min() >= 4 * n_rows


# -- what model files hold ----------------------------------------------------------------


def held_out(**changed):
    group = {"members": np.array([0]), "scores": np.zeros(2), "above": np.array([2.0, 1, 0])}
    return Calibration([tuple((group | changed).values())])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Calibration(), "no held-out rows"),
        (held_out(members=np.array([], dtype=int)), "judged by no member"),
        (held_out(members=np.array([-1])), "judged by no member"),
        (held_out(above=np.ones(2)), "weights differ in number"),
        (held_out(above=np.zeros(3)), "weights differ in number"),
        (Folds(2, np.array([0, 2])), "none of 2"),
        (Folds(2, np.array([-1, 1])), "none of 2"),
    ],
)
def test_parts_that_do_not_agree_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong._check_consistency()


def test_parts_that_agree_are_accepted():
    held_out()._check_consistency()
    Folds(2, np.array([0, 1, 0]))._check_consistency()
