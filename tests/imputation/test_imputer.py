"""AutoencoderImputer: what it fills, and scikit-learn's conventions of imputers."""

from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae import AutoencoderImputer


def dependent_rows(n_rows=300, seed=0):
    """Numbers of which each is told by the others, but not linearly."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(-1.5, 1.5, n_rows)
    X = np.column_stack([np.sin(2 * angle), np.cos(2 * angle), angle, angle**2])
    return X + 0.02 * rng.normal(size=X.shape)


def with_gaps(X, share=0.2, seed=1):
    gaps = np.random.default_rng(seed).random(X.shape) < share
    gaps[gaps.all(axis=1), 0] = False
    return np.where(gaps, np.nan, X), gaps


def mixed_table(n_rows=300, seed=0):
    """A table of which each column tells the others."""
    rng = np.random.default_rng(seed)
    size = rng.choice(["s", "m", "l"], n_rows)
    index = [f"row {i}" for i in range(n_rows)]
    means = pd.Series(size, index).map({"s": 1.0, "m": 6.0, "l": 20.0})
    price = means + rng.normal(size=n_rows)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta((10 * price).round(), unit="D")
    return pd.DataFrame(
        {
            "size": pd.Categorical(size, ["s", "m", "l"], ordered=True),
            "price": price,
            "pieces": (10 * price).round().astype("Int64"),
            "cheap": pd.array(price < 10, dtype="boolean"),
            "day": day,
            "text": np.where(price < 4, "few", "many"),
        },
        index=index,
    )


def quick(**params):
    """An imputer without networks."""
    return AutoencoderImputer(max_iter=0, random_state=0, **params)


@cache
def with_networks():
    """An imputer with networks, not to be changed, and the rows that it was fitted on."""
    train, _ = with_gaps(dependent_rows(80))
    return AutoencoderImputer(max_iter=1, random_state=0).fit(train), train


def rmse(filled, truth, gaps):
    return np.sqrt(np.square(filled - truth)[gaps].mean())


def test_networks_correct_what_the_normal_distribution_guesses():
    X = dependent_rows(600)
    train, gaps_of_train = with_gaps(X[:400])
    new, gaps = with_gaps(X[400:], seed=2)
    assert gaps_of_train.any()
    errors = {
        rounds: rmse(
            AutoencoderImputer(max_iter=rounds, random_state=0).fit(train).transform(new),
            X[400:],
            gaps,
        )
        for rounds in (0, 1)
    }
    means = rmse(SimpleImputer().fit(train).transform(new), X[400:], gaps)
    assert errors[0] < 0.9 * means
    assert errors[1] < 0.8 * errors[0]


def test_independent_columns_are_filled_with_about_their_means():
    X = np.random.default_rng(0).normal(size=(200, 5))
    train, gaps = with_gaps(X)
    filled = AutoencoderImputer(max_iter=1, random_state=0).fit_transform(train)
    assert rmse(filled, X, gaps) < 1.1 * rmse(SimpleImputer().fit_transform(train), X, gaps)


def test_known_cells_stay_and_hidden_values_never_matter():
    imputer, train = with_networks()
    X, gaps = dependent_rows(80), np.isnan(train)
    filled = imputer.transform(train)
    np.testing.assert_array_equal(filled[~gaps], X[~gaps])
    assert not np.isnan(filled).any()
    # Numbers that stand for gaps are never read.
    marked = np.where(gaps, -1e30, X)
    again = AutoencoderImputer(max_iter=1, missing_values=-1e30, random_state=0)
    np.testing.assert_array_equal(again.fit_transform(marked), filled)


def test_a_row_alone_is_filled_as_in_a_batch():
    imputer, train = with_networks()
    together = imputer.transform(train[:10])
    alone = np.vstack([imputer.transform(train[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_tables_with_columns_of_several_types_keep_their_types(library):
    table = mixed_table()
    gaps = np.random.default_rng(0).random(table.shape) < 0.2
    gapped = table.mask(gaps)
    # `mask` makes floats of dates that are missing nowhere, and objects of truth values.
    assert list(gapped.dtypes) == list(table.dtypes)
    given = gapped
    if library != "pandas":
        given = pl.from_pandas(gapped.reset_index(drop=True))
        given = given if library == "polars" else given.to_arrow()
    filled = quick().fit_transform(given)
    assert type(filled) is type(given)
    if library == "pandas":
        assert list(filled.dtypes) == list(table.dtypes)
        assert filled.index.equals(table.index)
        pd.testing.assert_frame_equal(filled.mask(gaps), gapped)
    else:
        assert filled.schema == given.schema
        filled = filled.to_pandas()
    assert not filled.isna().any().any()
    truth = table["size"].astype(str).to_numpy()[gaps[:, 0]]
    assert (filled["size"].astype(str).to_numpy()[gaps[:, 0]] == truth).mean() > 0.9


def test_empty_columns_are_kept_or_left_out_as_by_simple_imputer():
    X, _ = with_gaps(dependent_rows(40))
    X[:, 1] = np.nan
    kept = quick().fit(X)
    assert kept.transform(X).shape == X.shape
    assert (kept.transform(X)[:, 1] == 0).all()
    left_out = quick(keep_empty_features=False).fit(X)
    np.testing.assert_array_equal(left_out.transform(X), kept.transform(X)[:, [0, 2, 3]])
    assert left_out.get_feature_names_out().tolist() == ["x0", "x2", "x3"]
    table = pd.DataFrame({"a": X[:, 0], "b": [None] * 40, "c": ["u", "v"] * 20})
    assert set(quick().fit_transform(table)["b"]) == {"missing_value"}
    # NaN and null are two things in polars.
    nan = pl.DataFrame({"b": [float("nan")] * 20 + [None] * 20, "c": ["u", "v"] * 20})
    assert quick().fit_transform(nan)["b"].to_list() == [0.0] * 40


def test_indicators_are_those_of_simple_imputer_and_lead_back():
    X, _ = with_gaps(dependent_rows(40))
    X[:, 2] = dependent_rows(40)[:, 2]
    filled = quick(add_indicator=True).fit(X)
    expected = SimpleImputer(add_indicator=True).fit(X)
    np.testing.assert_array_equal(filled.transform(X)[:, 4:], expected.transform(X)[:, 4:])
    names = filled.get_feature_names_out(list("abcd"))
    assert names.tolist() == expected.get_feature_names_out(list("abcd")).tolist()
    np.testing.assert_array_equal(filled.inverse_transform(filled.transform(X)), X)


def test_indicators_of_tables_are_columns_and_lead_back():
    table = mixed_table(60).mask(np.random.default_rng(0).random((60, 6)) < 0.2)
    imputer = quick(add_indicator=True)
    filled = imputer.fit_transform(table)
    assert filled.columns.tolist() == imputer.get_feature_names_out().tolist()
    pd.testing.assert_frame_equal(imputer.inverse_transform(filled), table)


def test_columns_that_were_left_out_come_back_empty():
    X, _ = with_gaps(dependent_rows(40))
    X[:, 1] = np.nan
    table = pd.DataFrame(X, columns=list("abcd"), index=range(5, 45)).assign(e=["u", "v"] * 20)
    for given in (X, table, pl.from_pandas(table, nan_to_null=True)):
        imputer = quick(keep_empty_features=False, add_indicator=True).fit(given)
        lead_back = imputer.inverse_transform(imputer.transform(given))
        if given is X:
            np.testing.assert_array_equal(lead_back, X)
            continue
        assert list(lead_back.columns) == list("abcde")
        back, known = (one if given is table else one.to_pandas() for one in (lead_back, given))
        assert back["b"].isna().all()
        pd.testing.assert_frame_equal(back.drop(columns="b"), known.drop(columns="b"))


def test_places_of_categories_are_those_of_the_table_that_was_given():
    X, _ = with_gaps(dependent_rows(60))
    code = np.random.default_rng(0).choice([0.0, 3.0, 7.0], 60)
    code[:9] = np.nan
    table = np.column_stack([np.full(60, np.nan), X[:, 0], code, X[:, 1]])
    expected = quick(categorical_features=[1]).fit_transform(table[:, 1:])
    # A table of numbers stays one.
    assert expected.dtype == np.float64
    assert set(expected[:9, 1]) <= {0.0, 3.0, 7.0}
    for chosen in ([2], [False, False, True, False]):
        filled = quick(categorical_features=chosen).fit_transform(table)
        np.testing.assert_array_equal(filled[:, 1:], expected)
    # An empty column may be among those that are chosen.
    np.testing.assert_array_equal(
        quick(categorical_features=[0, 2]).fit_transform(table)[:, 1:], expected
    )


def test_a_number_for_gaps_leaves_whole_numbers_whole():
    table = mixed_table(60)[["size", "price"]].assign(pieces=np.arange(60) % 7)
    table.loc[table.index[:9], "pieces"] = -999
    filled = quick(missing_values=-999).fit_transform(table)
    assert filled["pieces"].dtype == np.int64
    assert filled["pieces"].between(0, 6).all()
    pd.testing.assert_frame_equal(filled.iloc[9:], table.iloc[9:])


def test_far_cells_of_new_rows_do_no_harm():
    imputer, train = with_networks()
    width = np.nanmax(train[:, 1]) - np.nanmin(train[:, 1])
    for far in (1e6, 1e300):
        filled = imputer.transform([[far, np.nan, 0.0, 0.0]])[0]
        assert filled[0] == far
        assert np.nanmin(train[:, 1]) - 2 * width < filled[1] < np.nanmax(train[:, 1]) + 2 * width


def test_the_unit_of_a_column_does_not_matter():
    train, _ = with_gaps(dependent_rows(60))
    units = np.array([2.0**400, 1.0, 2.0**-400, 1.0])
    np.testing.assert_array_equal(
        quick().fit_transform(train * units), quick().fit_transform(train) * units
    )


def test_what_stands_for_gaps_comes_back_as_from_simple_imputer():
    X, gaps = with_gaps(dependent_rows(40))
    marked = np.where(gaps, -999, X)
    for imputer in (quick, SimpleImputer):
        fitted = imputer(missing_values=-999, add_indicator=True).fit(marked)
        np.testing.assert_array_equal(fitted.inverse_transform(fitted.transform(marked)), marked)


def test_columns_that_were_left_out_come_back_as_from_simple_imputer():
    X, _ = with_gaps(dependent_rows(40))
    X[:, 1] = np.nan
    for gap in (np.nan, None, pd.NA, "?"):
        imputer = quick(add_indicator=True, keep_empty_features=False, missing_values=gap).fit(X)
        np.testing.assert_array_equal(imputer.inverse_transform(imputer.transform(X)), X)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_what_stands_for_gaps_in_tables_comes_back(library):
    table = mixed_table(60).astype({"pieces": "int64"}).reset_index(drop=True)
    gaps = np.arange(60) % 5 == 1
    given = table.assign(pieces=table["pieces"].mask(gaps, -999))
    if library != "pandas":
        given = pl.from_pandas(given)
        given = given if library == "polars" else given.to_arrow()
    imputer = quick(missing_values=-999, add_indicator=True).fit(given)
    back = imputer.inverse_transform(imputer.transform(given))
    assert back.equals(given)


def test_a_pipeline_before_a_classifier():
    X, _ = with_gaps(dependent_rows(200))
    y = dependent_rows(200)[:, 2] > 0
    pipeline = make_pipeline(
        quick(add_indicator=True),
        StandardScaler(),
        LogisticRegression(),
    )
    assert pipeline.fit(X, y).score(X, y) > 0.85


def test_float32_and_set_output():
    X, _ = with_gaps(dependent_rows(40))
    assert quick().fit_transform(X.astype(np.float32)).dtype == np.float32
    frame = quick().set_output(transform="pandas").fit_transform(X)
    assert frame.columns.tolist() == ["x0", "x1", "x2", "x3"]


def test_files_hold_all_of_it(tmp_path):
    table = mixed_table(60).mask(np.random.default_rng(0).random((60, 6)) < 0.2)
    imputer = AutoencoderImputer(max_iter=1, n_imputations=2, random_state=0).fit(table)
    skae.save(imputer, tmp_path / "imputer.skae")
    loaded = skae.load(tmp_path / "imputer.skae")
    pd.testing.assert_frame_equal(loaded.transform(table), imputer.transform(table))
    for one, other in zip(
        loaded.sample_imputations(table), imputer.sample_imputations(table), strict=True
    ):
        pd.testing.assert_frame_equal(one, other)


def test_new_categories_stay_and_new_gaps_are_filled():
    table = mixed_table(100)
    imputer = quick().fit(table.astype({"size": str}))
    new = table.astype({"size": str}).iloc[:3].copy()
    new.iloc[0, 0] = "huge"
    new.iloc[1, 1] = None
    filled = imputer.transform(new)
    assert filled["size"].tolist()[0] == "huge"
    assert abs(filled["price"].iloc[1] - table["price"].iloc[1]) < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(price=np.inf), "'price' holds infinity in row 0"),
        (lambda t: t.assign(price="cheap"), "'price' held numbers in fit and holds text now"),
        (lambda t: t.assign(size=1.5), "'size' held text in fit and holds numbers now"),
        (lambda t: t.drop(columns="day"), "day"),
        (lambda t: t.assign(more=1), "more"),
        (lambda t: t.iloc[:0], "0 sample"),
    ],
)
def test_tables_unlike_those_of_fit_are_refused_and_the_fit_stays(change, words):
    table = mixed_table(60)
    imputer = quick().fit(table)
    before = imputer.transform(table)
    with pytest.raises((ValueError, TypeError), match=words):
        imputer.transform(change(table))
    with pytest.raises(TypeError, match=r"'price' holds \[1\] in row 0"):
        imputer.fit(table.assign(price=[[1]] * 60))
    with pytest.raises(TypeError, match=r"'price' holds array\(\[0., 0.\]\) in row 0"):
        imputer.fit(table.assign(price=[np.zeros(2)] * 60))
    pd.testing.assert_frame_equal(imputer.transform(table), before)


def test_what_has_no_value_at_all():
    with pytest.raises(ValueError, match="no value in any column"):
        AutoencoderImputer().fit(np.full((5, 2), np.nan))
    X, _ = with_gaps(dependent_rows(40))
    X[0] = np.nan
    filled = quick().fit_transform(X)
    # Nothing is known of such a row: it gets what is expected of any.
    np.testing.assert_allclose(filled[0], np.nanmean(filled[1:], axis=0), atol=0.5)


def test_draws_need_models_of_their_own():
    X, _ = with_gaps(dependent_rows(40))
    with pytest.raises(ValueError, match="n_imputations > 1"):
        quick().fit(X).sample_imputations(X)
    with pytest.raises(ValueError, match="fit again"):
        quick().fit(X).set_params(sample_posterior=True).transform(X)


def test_what_inverse_transform_refuses():
    X, _ = with_gaps(dependent_rows(40))
    imputer = quick(add_indicator=True).fit(X)
    for rows in (X, X[0]):
        with pytest.raises(ValueError, match="4 and 4 indicators"):
            imputer.inverse_transform(rows)
    assert not hasattr(quick().fit(X), "inverse_transform")
