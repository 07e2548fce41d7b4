"""Reports of other libraries' users about categories and gaps, and input that is refused."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mixed_cases import table, with_gaps
from numpy.testing import assert_allclose, assert_array_equal

from skae import AutoencoderTransformer, VariationalAutoencoder

SHORT = {"n_components": 1, "hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}

# Training for two epochs may end anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fit(values, other=0, **params):
    frame = pd.DataFrame({"x": np.linspace(-1, 1, len(values)), "y": values, "z": other})
    return AutoencoderTransformer(**SHORT | params).fit(frame), frame


# -- reports --------------------------------------------------------------------------------------


def test_gaps_and_unknown_categories_are_two_things():
    # scikit-learn#34387: fit ["a", "b"], transform [NaN, "z"]: both become unknown.
    ae, _ = fit(["a", "b"] * 20)
    new = pd.DataFrame({"x": [0.0, 0.0], "y": [np.nan, "z"], "z": 0})
    assert_array_equal(ae._frame.read(new)[0][:, 1], [np.nan, -1])
    by_column = ae.score_columns(new)["y"]
    assert np.isnan(by_column[0])
    assert by_column[1] < -np.log(20) / np.log(2)


def test_categories_of_strings_of_pandas():
    # skrub#905: the categories of such a type are no objects.
    values = pd.Series(["b", "a", None, "b"] * 10, dtype="string").astype("category")
    ae, frame = fit(values)
    assert ae.reconstruct(frame)["y"].dtype == values.dtype
    assert ae._frame.schema.columns[1].levels == ["a", "b"]


def test_a_column_that_had_no_value_in_fit_is_named():
    # skrub#631 and scikit-learn#29523: all NaN in fit, "a" at transform.
    with pytest.raises(ValueError, match="Column 'y' has no value in any row"):
        fit([None] * 40)


WITHOUT_VALUE = {
    "None": lambda frame, name: frame.assign(**{name: None}),
    "NaN": lambda frame, name: frame.assign(**{name: np.nan}),
    "NaT": lambda frame, name: frame.assign(**{name: pd.NaT}),
    "null of polars": lambda frame, name: pl.from_pandas(frame).with_columns(
        pl.lit(None).alias(name)
    ),
}


@pytest.mark.parametrize("remove", WITHOUT_VALUE.values(), ids=WITHOUT_VALUE)
def test_a_column_without_a_value_afterwards_is_filled_in_the_type_of_fit(remove):
    frame = table().assign(zoned=lambda f: f["since"].dt.tz_localize("Europe/Berlin"))
    frame = frame.assign(long=frame["since"] - frame["since"].min())
    ae = AutoencoderTransformer(**SHORT).fit(frame)
    for name in frame:
        filled = ae.reconstruct(remove(frame[:5], name))
        known = pl.from_pandas(frame) if isinstance(filled, pl.DataFrame) else frame
        # An order of categories is one of pandas alone.
        assert filled[name].dtype == known[name].dtype or name == "grade"
        assert len(pd.Series(filled[name].to_list()).dropna()) == 5


@pytest.mark.parametrize("convert", [lambda f: f, pl.from_pandas], ids=["pandas", "polars"])
def test_categories_that_are_whole_numbers_stay_in_their_set(convert):
    # SDV#1647: values outside of the set.
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300), "y": 7 * rng.integers(0, 50, size=300)})
    ae = AutoencoderTransformer(categorical_features=["y"], **SHORT).fit(convert(frame))
    drawn = ae.sample(200, random_state=0)
    assert set(np.asarray(drawn["y"])) <= set(frame["y"])
    assert set(np.asarray(ae.reconstruct(convert(frame))["y"])) <= set(frame["y"])


def test_new_rows_that_hold_a_part_of_the_categories():
    # miceforest#82: their type has fewer categories, in another order.
    ae, frame = fit(pd.Categorical(["a", "b", "c", "d"] * 10))
    some = frame.iloc[[1, 3, 5]]
    fewer = some.assign(y=pd.Categorical(["b", "d", "b"], ["d", "b"]))
    assert_array_equal(ae.transform(fewer), ae.transform(some))


def test_a_complete_row_beside_one_with_gaps():
    # pytorch#31579: one of the two needs what the other has not.
    frame = with_gaps(table())
    complete = frame[frame.notna().all(axis=1)][:1]
    for cls in (AutoencoderTransformer, VariationalAutoencoder):
        ae = cls(**SHORT).fit(frame)
        beside = pd.concat([complete, frame[frame.isna().any(axis=1)][:1]])
        for method in ("transform", "score_samples"):
            alone = getattr(ae, method)(complete)
            assert_array_equal(getattr(ae, method)(beside)[:1], alone)
        assert ae.partial_fit(beside).n_iter_ == 3


def test_labels_that_look_like_numbers_stay_text():
    ae, frame = fit(["01", "1", "1.0", "2"] * 10)
    assert ae._frame.schema.columns[1].levels == ["01", "1", "1.0", "2"]
    assert set(ae.reconstruct(frame)["y"]) <= {"01", "1", "1.0", "2"}
    with pytest.raises(ValueError, match="'y' held text in fit and holds numbers now: 1 in row 0"):
        ae.transform(frame.assign(y=1))


def test_repeated_categories_change_the_errors_of_numbers_little():
    frame = table()
    repeated = frame.assign(**{f"city {i}": frame["city"] for i in range(10)})
    params = {"n_components": 4, "hidden_layer_sizes": (64,), "max_iter": 40, "random_state": 0}
    errors = [
        AutoencoderTransformer(**params).fit(one).score_columns(one)[["age", "income", "since"]]
        for one in (frame, repeated)
    ]
    before, after = (-float(one.mean().mean()) for one in errors)
    # In units of the variance of the columns: of a column that is not known it is one.
    assert after - before < 0.05


# -- input that is refused ------------------------------------------------------------------------


REFUSED = {
    "too many categories": (
        [f"name {i}" for i in range(10_100)],
        "10100 categories, more than 10000",
    ),
    "mixed objects": (["a", 1.5, datetime.date(2020, 1, 1)] * 10, "text and numbers: 'a' in row 0"),
    "truth and numbers": (pd.Series([True, 2] * 10, dtype=object), "truth values and numbers"),
    "complex": ([1 + 1j] * 20, r"\(1\+1j\) in row 0"),
    "intervals": (pd.interval_range(0, 20), r"Interval\(0, 1.* in row 0"),
    "arrays": ([np.arange(2)] * 20, r"array\(\[0, 1\]\) in row 0"),
    "lists": ([["a"], ["b"]] * 10, r"\['a'\] in row 0"),
    "huge whole numbers": (pd.Series([1, None, 10**400] * 7, dtype=object), "in row 2"),
    "time zones in objects": (
        pd.Series([pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")] * 10, dtype=object),
        "time zone.* in row 1",
    ),
    "numbers without a square": ([1.0, np.nan, 1e200] * 10, r"1e\+200, too large"),
    "infinity beside gaps": ([1.0, np.nan, np.inf] * 10, "infinity in row 2"),
    "bytes": ([b"a", b"b"] * 10, "b'a' in row 0"),
    "categories of dates": (pd.Categorical(pd.date_range("2020", periods=20)), "Timestamp"),
}


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_columns_that_are_refused_by_name(values, message):
    with pytest.raises((ValueError, TypeError), match=f"Column 'y' .*{message}"):
        fit(values, min_frequency=None, other="text")


def test_numbers_too_large_are_refused():
    with pytest.raises(ValueError, match=r"Column 'y' holds values up to 1e\+300, too large"):
        fit([1e300, -1e300] * 10, other="text")


def test_tables_without_rows_and_names_that_come_twice():
    frame = table()
    for empty in (frame[:0], pl.from_pandas(frame)[:0]):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            AutoencoderTransformer(**SHORT).fit(empty)
    twice = pd.concat([frame, frame[["city"]]], axis=1)
    with pytest.raises(ValueError, match="several columns of the same name: 'city'"):
        AutoencoderTransformer(**SHORT).fit(twice)
    with pytest.raises(ValueError, match="a list whose rows differ in length"):
        AutoencoderTransformer(**SHORT).fit([["a", 1.0], ["b"]])


CHANGED = {
    "text to lists": (["a", "b"] * 20, lambda y: ["a", *[["b"]] * 39], r"\['b'\] in row 1"),
    "text to arrays": (["a", "b"] * 20, lambda y: [np.ones(2)] * 40, r"array.* in row 0"),
    "numbers to lists": (np.arange(40), lambda y: [[1]] * 40, r"\[1\] in row 0"),
    "text to numbers": (["a", "b"] * 20, lambda y: np.arange(40), "held text .* numbers now"),
    "numbers to text": (np.arange(40) % 7, lambda y: ["a"] * 40, "held numbers .* text now"),
    "truth to text": ([True, False] * 20, lambda y: ["yes"] * 40, "held truth values .* text now"),
    "dates to numbers": (
        pd.date_range("2020", periods=40),
        lambda y: np.arange(40),
        "held dates .* numbers now",
    ),
    "another zone": (
        pd.date_range("2020", periods=40, tz="UTC"),
        lambda y: y.dt.tz_convert("Asia/Tokyo"),
        "time zone UTC in fit and has Asia/Tokyo now",
    ),
    "no zone": (
        pd.date_range("2020", periods=40, tz="UTC"),
        lambda y: y.dt.tz_localize(None),
        "time zone UTC in fit and has None now",
    ),
    "categories of numbers": (
        pd.Categorical(["a", "b"] * 20),
        lambda y: pd.Categorical([1, 2] * 20),
        "held text in fit and holds numbers now: 1 in row 0",
    ),
    "infinity": (np.arange(40.0), lambda y: [np.inf] * 40, "infinity in row 0"),
}


@pytest.mark.parametrize(("values", "change", "message"), CHANGED.values(), ids=CHANGED)
def test_columns_that_changed_are_refused_and_the_model_stays(values, change, message):
    # The fit needs columns of several types: another one is of text.
    frame = pd.DataFrame({"x": ["u", "v"] * 20, "y": values, "z": np.linspace(-1, 1, 40)})
    ae = AutoencoderTransformer(**SHORT).fit(frame)
    before = ae.transform(frame)
    changed = frame.assign(y=change(frame["y"]))
    for method in ("transform", "reconstruct", "score_samples", "partial_fit"):
        with pytest.raises((ValueError, TypeError), match=f"Column 'y' .*{message}"):
            getattr(ae, method)(changed)
    assert_array_equal(ae.transform(frame), before)


def test_gaps_of_every_kind_are_one_kind():
    rows = with_gaps(table())[["income", "city", "since"]].astype(object)
    codes = None
    for gap in (None, np.nan, pd.NA, pd.NaT):
        frame = rows.where(rows.notna(), gap)
        ae = AutoencoderTransformer(**SHORT).fit(frame)
        assert codes is None or np.array_equal(ae.transform(frame), codes)
        codes = ae.transform(frame)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-5)


def test_a_mask_of_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="a mask of 2 columns, but X has 3"):
        fit(np.arange(40.0), categorical_features=[False, True])
