"""Drift of columns that hold categories, dates, truth values and gaps."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from drift_cases import FEW
from mixed_outlier_cases import ordinary, with_gaps
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy.stats import chi2_contingency
from sklearn.base import BaseEstimator

import skae
from skae import AutoencoderTransformer, DriftDetector
from skae.detection._category_tests import g_statistics

TRAIN, HELDOUT, NEW = (ordinary(seed, n) for seed, n in ((0, 300), (1, 300), (2, 200)))


@pytest.fixture(scope="module")
def model():
    return AutoencoderTransformer(3, max_iter=3, random_state=0).fit(TRAIN)


@pytest.fixture(scope="module")
def fitted(model):
    return DriftDetector(model, **FEW).fit(HELDOUT)


def columns_of(result):
    return result.tests[result.tests["kind"] == "column"]


def drifted(result):
    found = columns_of(result)
    return list(found.index[found["drift"]])


def test_tables_without_drift(fitted):
    result = fitted.test(NEW)
    assert not result
    assert list(columns_of(result).index) == list(TRAIN.columns)
    tests = columns_of(result)["test"]
    assert list(tests.index[tests == "G"]) == ["city", "country", "paid", "plan"]
    assert set(tests.drop(["city", "country", "paid", "plan"])) == {"KS"}


CHANGES = {
    "city": lambda f: f.assign(city=f["city"].where(np.arange(len(f)) % 4 > 0, "Lima")),
    # A category that was not there.
    "plan": lambda f: f.assign(plan=f["plan"].where(np.arange(len(f)) % 8 > 0, "XL")),
    "paid": lambda f: f.assign(paid=f["paid"] | (np.arange(len(f)) % 3 == 0)),
    "since": lambda f: f.assign(since=f["since"] + pd.Timedelta(days=400)),
    # Only gaps become more.
    "country": lambda f: f.assign(country=f["country"].mask(np.arange(len(f)) % 6 == 0)),
    "latitude": lambda f: f.assign(latitude=f["latitude"].mask(np.arange(len(f)) % 4 == 0)),
}


@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES)
def test_the_column_that_drifts_is_named(fitted, name, change):
    assert drifted(fitted.test(change(NEW))) == [name]


def test_the_effect_of_categories_is_the_total_variation_distance(fitted):
    changed = CHANGES["city"](NEW)
    found = columns_of(fitted.test(changed)).loc["city"]
    before, now = (f["city"].value_counts(normalize=True) for f in (HELDOUT, changed))
    distance = before.sub(now, fill_value=0).abs().sum() / 2
    assert_allclose(found["effect"], distance)
    assert 0 < found["effect_low"] < distance < found["effect_high"] < 1
    counts = pd.crosstab(
        np.r_[np.zeros(len(HELDOUT)), np.ones(len(changed))], [*HELDOUT["city"], *changed["city"]]
    )
    expected = chi2_contingency(counts, correction=False, lambda_="log-likelihood").statistic
    assert_allclose(found["statistic"], expected)


def test_the_statistic_of_every_split():
    rng = np.random.default_rng(0)
    columns = rng.integers(0, 4, size=(60, 2)).astype(float)
    splits = rng.permuted(np.tile(np.arange(60) < 25, (30, 1)), axis=1).T
    found = g_statistics(columns, splits)
    for i, split in enumerate(splits.T):
        for k in range(2):
            counts = pd.crosstab(split, columns[:, k])
            expected = chi2_contingency(counts, correction=False, lambda_="log-likelihood")
            assert_allclose(found[i, k], expected.statistic)


def test_names_that_tell_all_rows_apart_are_no_drift():
    rows = ordinary(7, 300)[["visits"]].assign(note=[f"note {i}" for i in range(300)])
    detector = DriftDetector(ModelOfVisits(), **FEW).fit(rows[:180])
    found = columns_of(detector.test(rows[180:])).loc["note"]
    # All are new in every batch.
    assert_allclose(found["effect"], 1)
    assert found["p_value"] == 1
    # The control: one new name for all is drift.
    assert drifted(detector.test(rows[180:].assign(note="none"))) == ["note"]


class ModelOfVisits(BaseEstimator):
    """A model that looks at one column."""

    def fit(self, X):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X[["visits"]].to_numpy(dtype=float)

    def score_samples(self, X):
        return -self.transform(X)[:, 0]


def test_categories_of_the_model_are_categories_of_the_reference():
    X = np.random.default_rng(0).integers(0, 4, size=(500, 2)).astype(float)
    model = AutoencoderTransformer(2, max_iter=1, categorical_features=[1]).fit(X[:150])
    detector = DriftDetector(model, **FEW).fit(X[150:350])
    assert list(columns_of(detector.test(X[350:]))["test"]) == ["KS", "G"]
    # As many rows are above the others, but their categories are not those.
    new = X[350:].copy()
    new[:, 1] = np.where(new[:, 1] < 2, 1, 2)
    assert drifted(detector.test(new)) == ["x1"]


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda f: pl.from_pandas(f).to_arrow()])
def test_tables_of_other_libraries(model, fitted, convert):
    expected = fitted.test(CHANGES["plan"](NEW)).tests
    other = DriftDetector(model, **FEW).fit(convert(HELDOUT))
    assert_frame_equal(other.test(convert(CHANGES["plan"](NEW))).tests, expected)


def test_gaps_that_were_there_are_no_drift(model):
    detector = DriftDetector(model, **FEW).fit(with_gaps(HELDOUT))
    assert not columns_of(detector.test(with_gaps(NEW, seed=5)))["drift"].any()


def test_a_file_holds_the_types_of_columns(fitted, tmp_path):
    skae.save(fitted, tmp_path / "drift.skae")
    loaded = skae.load(tmp_path / "drift.skae")
    for change in CHANGES.values():
        assert_frame_equal(loaded.test(change(NEW)).tests, fitted.test(change(NEW)).tests)


def test_columns_that_changed_are_refused(fitted):
    before = fitted.test(NEW).tests
    for changed, message in (
        (NEW.drop(columns="plan"), "feature names"),
        (NEW.assign(city=1), "Column 'city' held text in fit and holds numbers now"),
    ):
        with pytest.raises(ValueError, match=message):
            fitted.test(changed)
    assert_frame_equal(fitted.test(NEW).tests, before)
