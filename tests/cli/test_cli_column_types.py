"""Types of the cells of files: as a file tells them, and as a model was fitted on them."""

import numpy as np
import pandas as pd
import pytest
from cli_cases import FAST, NUMBERS_ONLY, failure
from column_cases import NAMES, fit, kinds_of, table, typed
from numpy.testing import assert_allclose

import skae
from skae.cli import _reading, main


@pytest.fixture
def folder(folder):
    """A folder with such a table."""
    table().to_csv("x.csv", index=False)
    return folder


# -- the types of a file ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["2024-01-31", "2024-02-29", ""], "date"),
        (["2024-01-31 10:00", "2024-02-29", ""], "moment"),
        (["2024-01-31T10:00:00+02:00", "2024-02-29T23:59:59.5+01:00", ""], "moment"),
        # Neither all dates, nor of one kind, nor of ISO 8601.
        (["2024-01-31", "2024-02-30", ""], "text"),
        (["2024-01-31T10:00:00Z", "2024-02-29T10:00:00", ""], "text"),
        (["31.01.2024", "29.02.2024", ""], "text"),
        (["2024-01-31", "never", ""], "text"),
        (["20240131", "20240229", ""], "number"),
        (["TRUE", "false", ""], "truth"),
        (["yes", "no", ""], "text"),
        (["007", "010", ""], "number"),
        (["1.5", "2", ""], "number"),
    ],
)
def test_what_a_column_is_taken_for(cells, kind, folder):
    pd.DataFrame({"x": np.arange(60) % 7, "y": cells * 20}).to_csv("x.csv", index=False)
    model = fit()
    assert kinds_of(model)["y"] == kind
    main(["score", "m.skae", "x.csv", "--out", "scores.csv"])
    assert len(pd.read_csv("scores.csv")) == 60


@pytest.mark.filterwarnings("ignore:Text differs")
def test_one_word_among_numbers_is_told_and_may_be_a_gap(folder, capsys):
    frame = table().astype({"income": object})
    frame.loc[12, "income"] = "?"
    frame.to_csv("x.csv", index=False)
    assert kinds_of(fit())["income"] == "text"
    said = capsys.readouterr().err
    assert "'income' is taken for text, as row 12, counted from 0, holds '?', although 99%" in said
    assert "add --missing '?'" in said
    assert kinds_of(fit("--missing", "?"))["income"] == "number"
    assert capsys.readouterr().err == ""
    message = failure("score", "m.skae", "x.csv")
    assert "Column 'income' holds '?' in row 12, counted from 0, where the model was" in message
    assert "fitted on a number" in message
    main(["score", "m.skae", "x.csv", "--out", "scores.csv", "--missing", "?"])
    frame["income"] = pd.to_numeric(frame["income"], errors="coerce")
    expected = skae.load("m.skae").score_samples(typed(frame))
    assert_allclose(pd.read_csv("scores.csv")["score"], expected, rtol=1e-6)


@pytest.mark.filterwarnings("default:Text differs")
def test_words_that_tell_rows_apart_are_told(folder, capsys):
    table().assign(name=[f"name {i}" for i in range(80)]).to_csv("x.csv", index=False)
    fit()
    told = capsys.readouterr().err
    assert told.startswith("skae: warning: Text differs in most rows of column 'name'. ")
    assert told.count("\n") == 1
    fit("--drop", "name")
    assert capsys.readouterr().err == ""


def test_a_column_without_any_value(folder):
    table().assign(nothing=None).to_csv("x.csv", index=False)
    message = failure("fit", "x.csv", "--out", "m.skae")
    assert "Column 'nothing' has no value in any row. Leave it out" in message


@pytest.mark.parametrize(
    "arguments",
    [
        ["--estimator", "convolutional"],
        ["--estimator", "denoising", "--set", "noise=salt_and_pepper"],
        NUMBERS_ONLY,
    ],
    ids=lambda arguments: arguments[1],
)
def test_estimators_of_numbers_only_say_so(arguments, folder):
    fit = ["fit", "x.csv", "--out", "m.skae"]
    assert "'city' is not numeric" in failure(*fit, *arguments)


@pytest.mark.parametrize("estimator", ["variational", "contractive"])
def test_other_estimators_take_columns_of_every_type(estimator, folder):
    fit = ["fit", "x.csv", "--out", "m.skae", "--estimator", estimator]
    main([*fit, *FAST, "--set", "early_stopping=False"])
    main(["reconstruct", "m.skae", "x.csv", "--out", "back.csv"])
    back = pd.read_csv("back.csv")
    assert list(back) == NAMES
    assert set(back["city"]) <= set(table()["city"].dropna())
    assert not back.isna().any(axis=None)


def test_standardized_columns_are_numbers(folder):
    assert "'city' is not numeric" in failure(
        "fit", "x.csv", "--out", "m.skops", "--standardize", "--set", "max_iter=1"
    )


def test_numbers_with_gaps_can_be_standardized(folder, capsys):
    table()[["age", "income"]].to_csv("x.csv", index=False)
    main(["fit", "x.csv", "--out", "m.skops", "--standardize", *FAST])
    main(["reconstruct", "m.skops", "x.csv", "--out", "back.csv"])
    assert not pd.read_csv("back.csv").isna().any(axis=None)


# -- later files --------------------------------------------------------------------------


def test_the_model_decides_the_types_of_later_files(folder, monkeypatch):
    model = fit()
    monkeypatch.setattr(_reading, "CHUNK", 3)
    later = table()[:9].assign(code="007", city=None, member=None, since=None, extra="ignored")
    later[[*reversed(later.columns)]].to_csv("later.csv", index=False)
    main(["score", "m.skae", "later.csv", "--out", "scores.csv", "--keep", "code"])
    found = pd.read_csv("scores.csv", dtype={"code": str})
    assert set(found["code"]) == {"007"}
    expected = model.score_samples(typed(later[NAMES]))
    assert_allclose(found["score"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "cell", "message"),
    [
        ("age", "old", "'age' holds 'old' in row 7, .* fitted on a number"),
        ("member", "maybe", "'member' holds 'maybe' in row 7, .* fitted on True or False"),
        ("since", "2024", "'since' holds '2024' in row 7, .* fitted on a date such as 2024-12-31"),
        ("seen", "2024-01-01", "'seen' holds '2024-01-01' in row 7"),
        ("income", "inf", "'income' holds infinity in row 7"),
    ],
)
def test_the_row_of_a_bad_cell_is_that_of_the_file(name, cell, message, folder, monkeypatch):
    fit()
    monkeypatch.setattr(_reading, "CHUNK", 3)
    later = table()[:9].astype(object)
    later.loc[7, name] = cell
    later.to_csv("later.csv", index=False)
    with pytest.raises(SystemExit, match=message):
        main(["score", "m.skae", "later.csv", "--out", "scores.csv"])
    assert not (folder / "scores.csv").exists()


def test_a_row_without_any_value_is_named(folder, monkeypatch):
    fit()
    monkeypatch.setattr(_reading, "CHUNK", 3)
    later = table()[:9].astype(object)
    later.loc[7] = None
    later.to_csv("later.csv", index=False)
    assert "Row 7 of X, counted from 0, has no value" in failure("score", "m.skae", "later.csv")


def test_a_model_of_numbers_takes_gaps_as_in_python(folder):
    numbers = table()[["age", "income"]]
    numbers.dropna().to_csv("x.csv", index=False)
    model = fit("--set", "n_components=1")
    assert model._frame is None
    numbers[:9].to_csv("later.csv", index=False)
    main(["score", "m.skae", "later.csv", "--out", "scores.csv"])
    expected = model.score_samples(numbers[:9].astype(float))
    assert_allclose(pd.read_csv("scores.csv")["score"], expected, rtol=1e-6)
