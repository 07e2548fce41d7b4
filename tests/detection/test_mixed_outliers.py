"""Outliers in tables with columns of several types and with gaps."""

from functools import partial

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from mixed_outlier_cases import ordinary, with_contradictions, with_gaps, with_rare_combinations
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

import skae
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    VariationalAutoencoder,
)
from skae.detection._mixed_columns import MixedColumns
from skae.tables.columns import SchemaLearner

TRAIN, NEW = ordinary(0, 500), ordinary(1, 400)
FAST = AutoencoderTransformer(4, max_iter=3, early_stopping=False)
FAST_LIKELIHOOD = VariationalAutoencoder(4, max_iter=3, n_draws=8, early_stopping=False)


def detector(autoencoder=None, **params):
    return AutoencoderOutlierDetector(
        autoencoder, **{"n_estimators": 2, "random_state": 0} | params
    )


@pytest.fixture(scope="module")
def fitted():
    return detector().fit(TRAIN)


@pytest.fixture(scope="module")
def fitted_with_gaps():
    return detector().fit(with_gaps(TRAIN))


def one_hot(frame):
    """Return what other detectors need: ones and zeros beside standardised numbers."""
    frame = frame.assign(since=frame["since"].astype("int64"), visits=frame["visits"].astype(float))
    numbers = frame[["latitude", "price", "visits", "since"]]
    categories = frame.drop(columns=numbers.columns).astype(str)
    return np.hstack([StandardScaler().fit_transform(numbers), pd.get_dummies(categories)])


# -- outliers --------------------------------------------------------------------------------------


def test_likelihoods_find_them_too():
    found = detector(scoring="likelihood", n_estimators=1).fit(with_gaps(TRAIN))
    frame, is_outlier = with_rare_combinations(NEW, 20)
    assert roc_auc_score(is_outlier, -found.score_samples(frame)) > 0.95
    assert (found.predict(NEW) == -1).mean() < 0.08


def with_words(frame, seed):
    """Return a table with three more columns that have nothing to do with any other."""
    words = np.random.default_rng(seed).choice(list("ABCDEF"), (len(frame), 3))
    return frame.assign(**{f"word{i}": words[:, i] for i in range(3)})


@pytest.fixture(scope="module")
def fitted_with_words():
    return detector().fit(with_words(TRAIN, 0))


@pytest.mark.parametrize("plant", [with_rare_combinations, with_contradictions])
def test_outliers_are_found_that_others_miss(fitted_with_words, plant):
    frame, is_outlier = plant(with_words(NEW, 1), 20)
    found = fitted_with_words.score_samples(frame)
    rows = one_hot(pd.concat([with_words(TRAIN, 0), frame]))
    known, new = rows[: len(TRAIN)], rows[len(TRAIN) :]
    forest = IsolationForest(random_state=0).fit(known).score_samples(new)
    neighbours = NearestNeighbors(n_neighbors=5).fit(known).kneighbors(new)[0].mean(axis=1)
    mine, of_forest, of_neighbours = (
        roc_auc_score(is_outlier, scores) for scores in (-found, -forest, neighbours)
    )
    assert mine > 0.98
    assert mine > max(of_forest, of_neighbours) + 0.03


def test_rare_pairs_are_found_beside_columns_of_chance():
    rng = np.random.default_rng(0)
    first, chance = rng.integers(5, size=(1200, 3)), rng.integers(5, size=(1200, 2))
    step = rng.integers(2, size=(1200, 3))
    is_outlier = np.arange(1200) < 60
    step[is_outlier, rng.integers(3, size=60)] = rng.integers(2, 5, size=60)
    codes = np.column_stack([first, (first + step) % 5, chance])
    frame = pd.DataFrame(codes).astype("category").add_prefix("code")
    frame = frame.join(pd.DataFrame(rng.normal(size=(1200, 4))).add_prefix("x"))
    scores = detector(n_estimators=1).fit(frame[:800]).score_samples(frame)
    # Distances between all columns alike, as in a table of numbers, would make it 0.89.
    assert roc_auc_score(is_outlier, -scores) > 0.94


@pytest.mark.parametrize("scoring", ["mahalanobis", "reconstruction"])
def test_other_scorings_find_them_too(scoring):
    frame, is_outlier = with_rare_combinations(NEW, 20)
    scores = detector(scoring=scoring, n_estimators=1).fit(TRAIN).score_samples(frame)
    assert roc_auc_score(is_outlier, -scores) > 0.95


def test_ordinary_rows_are_ordinary(fitted, fitted_with_gaps):
    new = ordinary(3, 1500)
    for one, rows in ((fitted, new), (fitted_with_gaps, with_gaps(new, seed=2))):
        assert one.contamination_ == 0
        p_values = one.p_values(rows)
        assert 0.02 < (p_values <= 0.05).mean() < 0.09
        assert 0.4 < (p_values <= 0.5).mean() < 0.6
        assert ((one.predict(rows) == -1) == (one.decision_function(rows) < 0)).all()
    frame, is_outlier = with_rare_combinations(NEW, 20)
    selected = fitted.select(frame, fdr=0.2)
    assert selected[is_outlier].mean() > 0.3
    assert selected[~is_outlier].mean() < 0.05


@pytest.mark.parametrize("column", ["city", "country", "plan"])
def test_an_unknown_category_is_more_unusual(fitted, column):
    unknown = NEW.assign(**{column: "never seen"})
    assert (fitted.score_samples(unknown) < fitted.score_samples(NEW)).mean() > 0.99
    assert (fitted.p_values(unknown) <= fitted.p_values(NEW)).mean() > 0.99
    assert (fitted.predict(unknown) == -1).mean() > 0.9


def test_a_gap_makes_no_outlier(fitted_with_gaps):
    for column in TRAIN.columns.drop("visits"):
        hidden = NEW.mask(np.tile(NEW.columns == column, (len(NEW), 1)))
        assert (fitted_with_gaps.predict(hidden) == -1).mean() < 0.1


def test_gaps_in_columns_that_follow_from_one_another_make_no_outliers():
    def with_end(frame, seed):
        days = np.random.default_rng(seed).integers(1, 6, len(frame))
        return frame.assign(until=frame["since"] + pd.to_timedelta(days, unit="D"))

    found = detector(n_estimators=1).fit(with_gaps(with_end(TRAIN, 0), 0.05))
    rows = with_gaps(with_end(NEW, 1), 0.05, seed=3)
    has_gap = rows.isna().any(axis=1)
    # By answers of members to rows with gaps it is 0.69.
    assert 0.4 < roc_auc_score(has_gap, -found.score_samples(rows)) < 0.6
    hidden = with_end(NEW, 1).assign(until=pd.NaT)
    assert (found.predict(hidden) == -1).mean() < 0.1
    late = with_end(NEW, 1).assign(until=lambda frame: frame["until"] + pd.Timedelta(days=400))
    assert (found.predict(late) == -1).mean() > 0.9


# -- explanations ----------------------------------------------------------------------------------


def test_an_explanation_shows_found_and_expected_categories(fitted):
    frame, is_outlier = with_rare_combinations(NEW, 30)
    rows = frame[is_outlier]
    told = fitted.explain(rows)
    assert list(told.columns.levels[0].sort_values()) == ["expected", "found", "residual", "share"]
    assert_array_equal(told.index, rows.index)
    assert told["found"].equals(rows)
    assert told["expected"].dtypes.equals(rows.dtypes)
    assert_allclose(told["share"].sum(axis=1), fitted.score_samples(rows))
    blamed = told["share"].astype(float).idxmin(axis=1).isin(["city", "country"])
    assert blamed.mean() > 0.9
    # The rest of the row tells the city, and so the country.
    right = told["expected"]["country"].astype(str) == NEW["country"][is_outlier].astype(str)
    assert right.mean() > 0.9
    residual = told["residual"]["country"]
    assert (residual[right] > 2).mean() > 0.9
    ordinary = fitted.explain(NEW[:30])["residual"]["country"]
    assert (ordinary == 0).mean() > 0.9


def test_an_explanation_of_gaps(fitted_with_gaps):
    rows = with_gaps(NEW[:40], 0.3, seed=3)
    told = fitted_with_gaps.explain(rows)
    assert_array_equal(told["residual"].isna(), rows.isna())
    assert not told["expected"].isna().any(axis=None)
    assert_allclose(told["share"].sum(axis=1), fitted_with_gaps.score_samples(rows))
    filled = told["expected"]["city"].astype(str) == NEW["city"][:40]
    assert filled[rows["city"].isna() & rows["country"].notna()].mean() > 0.9


# -- tables of other libraries, files, streams -----------------------------------------------------

LIBRARIES = {
    "polars": pl.from_pandas,
    "arrow": lambda frame: pl.from_pandas(frame).to_arrow(),
}


@pytest.mark.parametrize("convert", LIBRARIES.values(), ids=LIBRARIES)
def test_tables_of_other_libraries(convert):
    one = detector(FAST, n_estimators=1)
    train, new = (convert(with_gaps(frame)) for frame in (TRAIN[:120], NEW[:50]))
    expected = clone(one).fit(with_gaps(TRAIN[:120]).reset_index(drop=True))
    found = one.fit(train)
    assert_array_equal(found.score_samples(new), expected.score_samples(with_gaps(NEW[:50])))
    told = found.explain(new)
    assert list(told["found"].columns) == list(TRAIN.columns)
    assert set(told["expected"]["city"]) <= {"Oslo", "Rome", "Lima", "Cairo"}
    decoded = found.inverse_transform(found.transform(new))
    assert type(decoded) is type(new)


@pytest.mark.parametrize(
    ("make", "frame"),
    [
        (partial(detector, FAST), TRAIN[:120]),
        (partial(detector, FAST), with_gaps(TRAIN[:120])),
        (partial(detector, FAST_LIKELIHOOD, scoring="likelihood"), with_gaps(TRAIN[:120])),
    ],
    ids=["full", "gaps", "likelihood"],
)
def test_a_file_holds_the_detector(make, frame, tmp_path):
    saved = make().fit(frame)
    skae.save(saved, tmp_path / "detector.skae")
    loaded = skae.load(tmp_path / "detector.skae")
    rows = with_gaps(NEW[:60])
    for method in ("score_samples", "p_values", "transform"):
        assert_array_equal(getattr(loaded, method)(rows), getattr(saved, method)(rows))
    assert str(loaded.explain(rows[:3])) == str(saved.explain(rows[:3]))
    for one in (saved, loaded):
        one.partial_fit(NEW[:60])
    assert_array_equal(loaded.score_samples(rows), saved.score_samples(rows))


def test_rows_come_back_from_codes(fitted):
    rows = fitted.inverse_transform(fitted.transform(NEW[:50]))
    assert rows.dtypes.equals(NEW.dtypes)
    assert (rows["city"].to_numpy() == NEW["city"][:50].to_numpy()).mean() > 0.9


def test_a_stream_of_rows():
    stream = detector(n_estimators=1)
    chunks = [with_gaps(ordinary(seed, 250), seed=seed) for seed in range(4)]
    for chunk in chunks:
        stream.partial_fit(chunk)
    assert stream.n_samples_seen_ == 1000
    frame, is_outlier = with_rare_combinations(NEW, 40)
    assert roc_auc_score(is_outlier, -stream.score_samples(frame)) > 0.95
    assert (stream.p_values(NEW) <= 0.05).mean() < 0.1


def test_one_row_alone_has_the_score_it_has_in_a_batch(fitted_with_gaps):
    rows = with_gaps(NEW[:20])
    alone = [fitted_with_gaps.score_samples(rows[i : i + 1])[0] for i in range(20)]
    assert_array_equal(alone, fitted_with_gaps.score_samples(rows))


# -- which columns are categories ------------------------------------------------------------------


def test_the_autoencoder_says_which_columns_are_categories():
    frame = NEW.assign(code=np.random.default_rng(0).integers(0, 3, len(NEW)))
    autoencoder = DenoisingAutoencoder(3, max_iter=2, categorical_features=["city", "code"])
    with pytest.raises(ValueError, match="Column 'country' holds text, but is not among"):
        detector(autoencoder).fit(frame)
    chosen = detector(autoencoder).fit(frame[["city", "code", "price"]])
    assert chosen._frame.schema.n_levels == [4, 3, 0]
    limited = detector(DenoisingAutoencoder(3, max_iter=2, max_categories=3)).fit(NEW)
    assert limited._frame.schema.n_levels[0] == 3


def test_a_table_of_categories_alone():
    columns = ["city", "country", "plan", "paid"]
    frame, is_outlier = with_rare_combinations(TRAIN[columns], 15)
    found = detector(n_estimators=1).fit(frame)
    assert roc_auc_score(is_outlier, -found.score_samples(frame)) > 0.97
    assert found.contamination_ == 0


# -- numbers ---------------------------------------------------------------------------------------


def test_gaps_after_a_fit_on_numbers_are_the_means_of_their_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 5)) + [1, 20, 300, 0, -5]
    numbers = detector(FAST).fit(X)
    gappy = X[:20].copy()
    gappy[::2, 1] = np.nan
    means = numbers._scaling.means
    assert_allclose(means, X.mean(axis=0), atol=0.01 * X.std(axis=0).max())
    filled = np.where(np.isnan(gappy), means, gappy)
    for method in ("score_samples", "p_values", "transform"):
        assert_array_equal(getattr(numbers, method)(gappy), getattr(numbers, method)(filled))
    empty = np.where(np.arange(20)[:, None] == 7, np.nan, gappy)
    with pytest.raises(ValueError, match="Row 7 of X, counted from 0, has no value"):
        numbers.predict(empty)


def test_a_fit_without_categories_takes_gaps():
    rng = np.random.default_rng(0)
    X = np.outer(rng.normal(size=400), [1, 2, -1]) + 0.1 * rng.normal(size=(400, 3))
    gappy = np.where(rng.uniform(size=X.shape) < 0.1, np.nan, X)
    gappy = gappy[~np.isnan(gappy).all(axis=1)]
    found = detector().fit(gappy)
    rows = np.outer(rng.normal(size=100), [1, 2, -1])
    hidden = np.where(np.arange(3) == 1, np.nan, rows)
    assert (found.predict(rows) == -1).mean() < 0.1
    # Of a gap that is taken for the mean every fifth row would contradict itself.
    assert (found.predict(hidden) == -1).mean() < 0.17
    contradicts = hidden * [1, 1, -1]
    is_large = np.abs(rows[:, 0]) > 1
    assert (found.predict(contradicts[is_large]) == -1).mean() > 0.9


# -- bad input -------------------------------------------------------------------------------------

CHANGED = {
    "lost": (NEW.drop(columns="plan"), "feature names"),
    "new": (NEW.assign(more=1), "feature names"),
    "text": (NEW.assign(price="much"), "Column 'price' held numbers in fit and holds text now"),
    "number": (NEW.assign(city=1), "Column 'city' held text in fit and holds numbers now"),
    "infinity": (NEW.assign(price=np.inf), "Column 'price' holds infinity in row 0"),
    "zone": (NEW.assign(since=NEW["since"].dt.tz_localize("UTC")), "'since' .* time zone"),
    "empty row": (
        NEW.mask(NEW.index.to_series() == 1004),
        "Row 4 of X.* has no value in any column",
    ),
}


@pytest.mark.parametrize(("changed", "message"), CHANGED.values(), ids=CHANGED)
def test_tables_that_changed_are_refused(fitted, changed, message):
    before = fitted.score_samples(NEW[:5])
    for method in ("score_samples", "explain", "partial_fit", "recalibrate"):
        with pytest.raises(ValueError, match=message):
            getattr(fitted, method)(changed)
    assert_array_equal(fitted.score_samples(NEW[:5]), before)


NO_FITS = {
    "images": (partial(detector, ConvolutionalAutoencoder()), TRAIN, "not numeric: 'city'"),
    "poisson": (
        partial(detector, AutoencoderTransformer(loss="poisson")),
        TRAIN,
        "loss='poisson' does not take them",
    ),
    "empty column": (detector, TRAIN.assign(plan=None), "Column 'plan' has no value in any row"),
    "two types": (
        detector,
        TRAIN.assign(plan=["a", 1] * 250),
        "Column 'plan' holds text and numbers: 'a' in row 0 and 1 in row 1",
    ),
}


@pytest.mark.parametrize(("make", "frame", "message"), NO_FITS.values(), ids=NO_FITS)
def test_tables_that_are_refused_in_fit(make, frame, message):
    unfitted = make()
    with pytest.raises(ValueError, match=message):
        unfitted.fit(frame)
    assert not hasattr(unfitted, "estimators_")


def test_the_most_frequent_of_many_categories_tell_of_missing_numbers():
    rng = np.random.default_rng(0)
    codes = np.r_[rng.integers(0, 3, 600), rng.integers(3, 150, 300)]
    numbers = codes % 3 + 0.1 * rng.normal(size=900)
    X = pd.DataFrame({"a": numbers, "b": np.char.mod("%d", codes)})
    learner = SchemaLearner("from_dtype", None, None)
    learner.add(nw.from_native(X))
    schema = learner.schema()
    Z = schema.encode(nw.from_native(X))
    Z[:, 0] -= numbers.mean()
    columns = MixedColumns.learn(Z, np.ones(900), schema, np.random.RandomState(0))
    assert len(columns.telling) < 0.8 * len(columns.shares)
    gaps = torch.from_numpy(Z[:600].copy())
    gaps[:, 0] = np.nan
    filled = columns.with_numbers(gaps)[:, 0].numpy()
    assert np.corrcoef(filled, numbers[:600])[0, 1] > 0.95


def test_members_see_rows_of_categories_more_often(fitted):
    numbers = detector().fit(TRAIN[["latitude", "price", "visits"]].astype(float))
    epochs = [one.estimators_[0].max_iter for one in (fitted, numbers)]
    assert epochs[0] == 120 > epochs[1]
