"""Categories of tables: which columns they are, rare, unknown and chosen ones."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mixed_cases import N, autoencoder, autoencoder_of_table, table, with_gaps
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import cross_val_score


@pytest.fixture
def fitted():
    return autoencoder_of_table()


def test_unknown_categories_are_gaps_that_cost(fitted):
    frame = table()[:5]
    known, unknown = frame.copy(), frame.copy()
    unknown["city"] = "Atlantis"
    gap = frame.assign(city=None)
    assert_array_equal(fitted.transform(unknown), fitted.transform(gap))
    of_known, of_unknown, of_gap = (fitted.score_samples(x) for x in (known, unknown, gap))
    assert (of_unknown < of_known).all()
    assert (of_unknown < of_gap).all()
    assert set(fitted.reconstruct(unknown)["city"]) <= {"Rome", "Oslo", "Bonn"}


def test_rows_of_weight_zero_are_absent():
    frame, weight = table(), np.ones(N)
    frame.loc[frame.index[:9], "city"] = "Atlantis"
    frame.loc[frame.index[9], "age"] = 10_000
    weight[:10] = 0
    for rows in (frame, pl.from_pandas(frame)):
        weighted = autoencoder(max_iter=2).fit(rows, sample_weight=weight)
        without = autoencoder(max_iter=2).fit(rows[10:])
        assert weighted._frame.schema.columns[2].levels == ["Bonn", "Oslo", "Rome"]
        assert weighted._frame.schema.columns[0].highest < 100
        assert_allclose(weighted.transform(rows), without.transform(rows), atol=1e-4)


@pytest.mark.filterwarnings("ignore:Text differs")
def test_rare_categories_are_one():
    frame = table()
    frame["name"] = [f"name {i}" for i in range(N)]
    frame.loc[frame.index[:10], "name"] = "often"
    fitted = autoencoder(max_iter=3).fit(frame)
    assert fitted._mixed.n_levels[-1] == 2
    many = autoencoder(max_iter=3, min_frequency=None, max_categories=7).fit(frame)
    assert many._mixed.n_levels[-1] == 7


NAMES = [f"name {i}" for i in range(N)]
DAYS = pd.date_range("2026-01-01", periods=25).astype(str)[np.arange(N) % 25]
MONTHS = pd.date_range("2026-01-01", periods=12, freq="MS").astype(str)[np.arange(N) % 12]


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        (NAMES, "Text differs in most rows of column 'new'"),
        ([f"{i % 25 * 99:,.2f}" for i in range(N)], "Numbers are stored as text in column 'new'"),
        (DAYS, "Dates are stored as text in column 'new'"),
    ],
)
@pytest.mark.parametrize("kind", ["pandas", "polars", "parquet"])
def test_text_that_should_be_no_category_is_told(cells, match, kind, tmp_path):
    frame = table().assign(new=cells)
    rows = {"pandas": frame, "polars": pl.from_pandas(frame), "parquet": tmp_path / "x.parquet"}
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.warns(UserWarning, match=match):
        autoencoder(max_iter=1).fit(rows[kind])


def test_folds_of_a_search_give_one_text_at_the_line_of_the_caller():
    frame = table().assign(new=NAMES)
    with pytest.warns(UserWarning, match="Text differs") as told:
        cross_val_score(autoencoder(max_iter=1), frame, cv=2)
    assert len({str(one.message) for one in told}) == 1
    assert {one.filename for one in told} == {__file__}


def test_text_that_may_be_categories_is_not_told():
    twice, chosen = [f"name {i // 2}" for i in range(N)], pd.Categorical(NAMES)
    codes = [f"{i % 30:03d}" for i in range(N)]
    autoencoder(max_iter=1).fit(
        table().assign(month=MONTHS, twice=twice, chosen=chosen, codes=codes)
    )
    autoencoder(max_iter=1).fit(table()[:15].assign(name=NAMES[:15]))
    named = table()[["age", "income"]].assign(name=NAMES)
    autoencoder(categorical_features=["name"], max_iter=1).fit(named)


def test_chosen_columns_are_categories():
    X = np.random.default_rng(0).integers(0, 3, size=(200, 3)).astype(float)
    by_place = autoencoder(categorical_features=[1], max_iter=2).fit(X)
    by_mask = autoencoder(categorical_features=[False, True, False], max_iter=2).fit(X)
    by_name = autoencoder(categorical_features=["b"], max_iter=2)
    by_name.fit(pd.DataFrame(X, columns=list("abc")))
    for fitted in (by_place, by_mask, by_name):
        assert fitted._mixed.n_levels == [0, 3, 0]
    assert set(np.unique(by_place.reconstruct(X)[:, 1])) <= {0, 1, 2}
    assert by_place.reconstruct(X).dtype == float
    with pytest.raises(ValueError, match="categorical_features holds 'd'"):
        autoencoder(categorical_features=["d"]).fit(pd.DataFrame(X, columns=list("abc")))
    with pytest.raises(ValueError, match="Column 'city' holds text, but"):
        autoencoder(categorical_features=None).fit(table())
    numbers = pd.DataFrame({"a": X[:, 0], "b": pd.Categorical(X[:, 1])})
    with pytest.raises(ValueError, match="Column 'b' holds categories, but"):
        autoencoder(categorical_features=["a"]).fit(numbers)


def test_columns_are_chosen_by_arrays_as_by_lists():
    frame = table()
    names = ["city", "member", "grade"]
    by_list = autoencoder(categorical_features=names, max_iter=2).fit(frame)
    for chosen in (np.array(names), pd.Index(names), frame.columns.isin(names)):
        other = autoencoder(categorical_features=chosen, max_iter=2).fit(frame)
        assert_array_equal(other.transform(frame), by_list.transform(frame))


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ([True, False], "mask of 2 columns, but X has 6"),
        ([1.5], "holds 1.5, but X has no such column"),
        ([-1], "holds -1, but X has no such column"),
    ],
)
def test_choices_that_fit_no_column_are_refused(chosen, message):
    with pytest.raises(ValueError, match=f"categorical_features .*{message}"):
        autoencoder(categorical_features=chosen).fit(table())


def test_truth_values_that_are_not_chosen_are_numbers():
    frame = table().drop(columns="city")
    fitted = autoencoder(categorical_features=["grade"]).fit(frame)
    assert fitted._mixed.n_levels == [0, 0, 0, 0, 4]
    back = fitted.reconstruct(frame)["member"]
    assert back.dtype == bool
    assert (back == frame["member"]).mean() > 0.85


def test_numbers_in_lists_stay_numbers_beside_words():
    rows = table()[["age", "city"]].to_numpy(object).tolist()
    fitted = autoencoder(n_components=1, max_iter=2).fit(rows)
    assert fitted._mixed.n_levels == [0, 3]


def test_scores_of_columns_name_the_unusual_one(fitted):
    frame = with_gaps(table())
    by_column = fitted.score_columns(frame)
    assert list(by_column.columns) == list(frame.columns)
    assert_array_equal(by_column.index, frame.index)
    assert_array_equal(by_column.isna(), frame.isna())
    assert_allclose(by_column.mean(axis=1), fitted.score_samples(frame), rtol=1e-6)
    odd = table()[:20].assign(grade=pd.Categorical(["D"] * 20, list("DCBA"), ordered=True))
    changed = (odd["grade"] != table()["grade"][:20]) & (table()["grade"][:20] != "C")
    worst = fitted.score_columns(odd).idxmin(axis=1)
    assert (worst[changed] == "grade").mean() > 0.8
    X = np.random.default_rng(0).normal(size=(60, 4))
    plain = autoencoder(n_components=2).fit(X)
    assert_allclose(plain.score_columns(X).mean(axis=1), plain.score_samples(X), rtol=1e-6)
    assert list(plain.score_columns(X[:2]).columns) == ["x0", "x1", "x2", "x3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"city": lambda f: np.arange(len(f))},
            "Column 'city' held text .* numbers now: 0 in row 0",
        ),
        ({"age": lambda f: f["city"]}, "Column 'age' held numbers .* text now"),
        ({"age": lambda f: f["age"].where(f.index > 102, np.inf)}, "'age' holds infinity in row 0"),
        ({"age": lambda f: [[1]] * len(f)}, r"Column 'age' holds \[1\] in row 0"),
        ({"since": lambda f: f["since"].dt.tz_localize("UTC")}, "'since' .* time zone"),
    ],
)
def test_columns_that_changed_are_refused(fitted, change, message):
    frame = table()[:5]
    with pytest.raises((ValueError, TypeError), match=message):
        fitted.transform(frame.assign(**change))


def test_columns_that_are_lost_new_or_moved(fitted):
    frame = table()[:5]
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(frame.drop(columns="city"))
    with pytest.raises(ValueError, match="feature names"):
        fitted.transform(frame.assign(more=1))
    with pytest.raises(ValueError, match="order"):
        fitted.transform(frame[frame.columns[::-1]])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", 1, None], "holds text and numbers: 'a' in row 0 and 1 in row 1"),
        ([1j, 2j, 3j], "1j in row 0.*complex"),
        (pd.interval_range(0, 3), r"Interval\(0, 1.* in row 0.*cat.rename_categories\(str\)"),
        ([None, None, None], "has no value in any row"),
        (pd.period_range("2020", periods=3), r"Period.* with dt.to_timestamp\(\)"),
    ],
)
def test_columns_that_are_nothing(values, message):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": values})
    with pytest.raises((ValueError, TypeError), match=rf"Column 'y' .*{message}"):
        autoencoder().fit(frame)


@pytest.mark.parametrize(
    ("column", "cure"),
    [
        (pd.Series(pd.period_range("2020", periods=N, freq="D")), lambda x: x.dt.to_timestamp()),
        (
            pd.Series(pd.cut(np.arange(N) % 9.0, 3)),
            lambda x: x.astype("category").cat.rename_categories(str),
        ),
    ],
)
def test_the_cure_of_an_error_keeps_gaps(column, cure):
    frame = table().reset_index(drop=True).assign(new=column.where(np.arange(N) % 5 > 0))
    with pytest.raises(TypeError, match="Column 'new' holds"):
        autoencoder(max_iter=1).fit(frame)
    frame["new"] = cure(frame["new"])
    assert frame["new"].isna().mean() == 0.2
    autoencoder(max_iter=1).fit(frame)
