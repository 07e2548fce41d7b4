"""The command line fits classifiers and regressors, and predicts with them."""

import re

import numpy as np
import onnx
import pandas as pd
import pytest
import skops.io
from cli_cases import failure
from numpy.testing import assert_allclose, assert_array_equal
from onnx_cases import session_of
from supervised_cases import FEW, IS_LABELLED, PLACES, SOME_NUMBERS, X, labelled_table

import skae
from skae.cli import main

COLUMNS = list("abcde")
FAST = ["--set", "max_iter=2", "--set", "n_propagations=1", "--random-state", "0"]
WORDS = np.array(["low", "mid", "upper"], dtype=object)


@pytest.fixture
def folder(folder):
    """A folder with new rows in new.csv."""
    pd.DataFrame(X, columns=COLUMNS).to_csv("new.csv", index=False)
    return folder


def write(y, file="x.csv", rows=X):
    table = pd.DataFrame(rows, columns=COLUMNS).assign(y=y)
    table.to_parquet(file) if file.endswith("parquet") else table.to_csv(file, index=False)


def fit(*options, estimator="classifier", data="x.csv", out="m.skae"):
    main(["fit", data, "--out", out, "--estimator", estimator, *FAST, *options])
    return (
        skae.load(out)
        if out.endswith(".skae")
        else skops.io.load(out, trusted=skae.persistence.TRUSTED_TYPES)
    )


def predict(*options, model="m.skae", data="new.csv", **how):
    main(["predict", model, data, "--out", "y.csv", *options])
    return pd.read_csv("y.csv", **how)


def in_python(y, rows=X, kind=skae.AutoencoderClassifier):
    return kind(**FEW).fit(pd.DataFrame(rows, columns=COLUMNS), y)


LABELS = {
    "words": (WORDS[PLACES], None, WORDS[PLACES]),
    "words, marked": (WORDS[PLACES], "-1", WORDS[PLACES]),
    "whole numbers": (PLACES, None, PLACES),
    "whole numbers, marked": (PLACES, -1, PLACES),
    "truth values": (PLACES > 0, None, PLACES > 0),
    "numbers and words": (np.where(PLACES > 0, "no", "7"), None, np.where(PLACES > 0, "no", "7")),
}


@pytest.mark.parametrize("file", ["x.csv", "x.parquet"])
@pytest.mark.parametrize("case", LABELS)
def test_labels(case, file, folder, capsys):
    values, mark, classes = LABELS[case]
    column = pd.Series(values.astype(object)).where(IS_LABELLED, mark)
    write(column if "marked" in case or file == "x.csv" else column.convert_dtypes(), file)
    model = fit("--target", "y", data=file)
    assert "AutoencoderClassifier of 5 columns" in capsys.readouterr().out
    expected = in_python(np.where(IS_LABELLED, classes.astype(object), -1))
    assert_array_equal(model.classes_, expected.classes_)
    assert_allclose(model.predict_proba(X_FRAME), expected.predict_proba(X_FRAME))
    assert list(model.feature_names_in_) == COLUMNS
    written = predict("--probability")
    names = [f"probability_{one}" for one in model.classes_]
    assert list(written) == ["prediction", *names]
    assert_array_equal(written["prediction"].astype(str), model.predict(X_FRAME).astype(str))
    assert_allclose(written[names], model.predict_proba(X_FRAME), rtol=1e-6)


X_FRAME = pd.DataFrame(X, columns=COLUMNS)


def test_rows_without_a_label_are_learned_from(folder):
    """A fit on the labelled rows alone gives something else."""
    write(pd.Series(WORDS[PLACES]).where(IS_LABELLED, None))
    some = fit("--target", "y")
    write(WORDS[PLACES][IS_LABELLED], rows=X[IS_LABELLED])
    less = fit("--target", "y")
    assert len(some.transduction_) == len(X)
    assert np.abs(some.predict_proba(X_FRAME) - less.predict_proba(X_FRAME)).max() > 1e-4


def test_a_regressor(folder, capsys):
    # -1 is a number here.
    y = np.where(np.arange(len(X)) == 1, -1.0, SOME_NUMBERS)
    write(y)
    model = fit("--target", "y", estimator="regressor")
    expected = in_python(y, kind=skae.AutoencoderRegressor)
    assert_allclose(model.predict(X_FRAME), expected.predict(X_FRAME), rtol=1e-6)
    assert model.transduction_[1] == -1
    assert_allclose(predict()["prediction"], model.predict(X_FRAME), rtol=1e-6)
    assert "which does not give probabilities" in failure("predict", "m.skae", "new.csv", PROB)


PROB = "--probability"


def test_a_pipeline(folder):
    write(WORDS[PLACES])
    model = fit("--target", "y", "--standardize", out="m.skops")
    assert type(model[-1]) is skae.AutoencoderClassifier
    assert_array_equal(predict(model="m.skops")["prediction"], model.predict(X_FRAME))


@pytest.mark.parametrize("file", ["x.csv", "x.parquet"])
def test_columns_of_several_types(file, folder, capsys):
    table = labelled_table()
    table.to_parquet(file) if file == "x.parquet" else table.to_csv(file, index=False)
    model = fit("--target", "y", data=file)
    table.drop(columns="y").to_csv("new.csv", index=False)
    written = predict(PROB)
    expected = model.predict_proba(table.drop(columns="y"))
    assert_allclose(written[["probability_old", "probability_young"]], expected, rtol=1e-6)
    # The column of labels may be there, and is ignored.
    assert_array_equal(predict(data=file)["prediction"], written["prediction"])
    main(["info", "m.skae"])
    said = capsys.readouterr().out
    assert re.search(r"columns: 5 \(age, income, city, member, since\)", said)
    assert "classes: 2 (old, young)" in said
    assert re.search(r"components: \d+", said)
    assert re.search(r"city +text +3 categories", said)


def test_other_commands_take_it(folder):
    write(WORDS[PLACES])
    model = fit("--target", "y")
    main(["transform", "m.skae", "new.csv", "--out", "y.csv"])
    assert_allclose(pd.read_csv("y.csv"), model.transform(X_FRAME), rtol=1e-5, atol=1e-7)
    main(["reconstruct", "m.skae", "new.csv", "--out", "y.csv"])
    assert_allclose(pd.read_csv("y.csv"), model.reconstruct(X_FRAME), rtol=1e-5, atol=1e-7)
    assert "which does not score rows" in failure("score", "m.skae", "new.csv")
    assert "which does not generate rows" in failure("sample", "m.skae")


@pytest.mark.parametrize("output", ["prediction", "probability"])
def test_graphs(output, folder, torchlib_is_parsed_once):
    write(WORDS[PLACES])
    model = fit("--target", "y")
    words = ["export", "m.skae", "--out", "m.onnx", "--output", output, "--dtype", "float64"]
    main([*words, "--data", "new.csv"])
    (found,) = session_of(onnx.load("m.onnx")).run(None, {"X": X})
    if output == "prediction":
        assert_array_equal(found, model.predict(X_FRAME))
    else:
        assert_allclose(found, model.predict_proba(X_FRAME), atol=1e-6)


# -- refusals -----------------------------------------------------------------------------

CELLS = {
    "fractions": np.where(IS_LABELLED, X[:, 0].round(3), np.nan),
    "nothing": None,
    "marks": -1,
    "one class": np.where(IS_LABELLED, "a", None),
    "words": WORDS[PLACES],
    "infinite": np.where(IS_LABELLED, 1.0, np.inf),
    "large": pd.array(PLACES + 2**53, dtype="Int64"),
    "dates": pd.Timestamp("2020-01-01"),
}


CELLS["large"][~IS_LABELLED] = pd.NA


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        ("words", ["classifier"], "--estimator is classifier, which learns labels. Name their"),
        ("words", ["regressor"], "--estimator is regressor, which learns labels. Name their"),
        ("words", ["outlier", "--target", "y"], "--target is y, but --estimator is outlier, which"),
        ("words", ["denoising", "--target", "y"], "(--estimator regressor), or leave the column"),
        ("words", ["classifier", "--target", "z"], "the table has no such column: only a, b, c, d"),
        ("words", ["classifier", "--target", "y", "--drop", "y"], "Take it out of --drop"),
        ("words", ["classifier", "--target", "y", "--passes", "2"], "Leave --passes out"),
        ("words", ["regressor", "--target", "y"], "Column 'y' holds 'mid' in row 0"),
        ("fractions", ["classifier", "--target", "y"], "For numbers take --estimator regressor"),
        ("nothing", ["classifier", "--target", "y"], "a column without any value"),
        ("nothing", ["regressor", "--target", "y"], "a column without any value"),
        ("marks", ["classifier", "--target", "y"], "a column that holds no class at all"),
        ("one class", ["classifier", "--target", "y"], "holds the class 'a' alone: a classifier"),
        ("large", ["classifier", "--target", "y"], "Beside empty cells whole numbers beyond 2**53"),
        ("infinite", ["regressor", "--target", "y"], "infinity"),
    ],
)
def test_what_cannot_be_learned(cells, options, message, folder):
    write(CELLS[cells])
    before = sorted(folder.iterdir())
    words = ["fit", "x.csv", "--out", "m.skae", "--estimator", *options, "--random-state", "0"]
    assert message in failure(*words)
    assert sorted(folder.iterdir()) == before


def test_other_columns_are_left_out_beside_it(folder):
    write(WORDS[PLACES])
    model = fit("--target", "y", "--drop", "a", "--drop", "c")
    assert list(model.feature_names_in_) == ["b", "d", "e"]


def test_dates_are_no_classes(folder):
    write(CELLS["dates"], "x.parquet")
    words = ["fit", "x.parquet", "--out", "m.skae", "--estimator", "classifier", "--target", "y"]
    assert "A classifier learns text, whole numbers or truth values" in failure(*words)


def test_no_column_but_the_target(folder):
    write(WORDS[PLACES])
    drops = [word for name in COLUMNS for word in ("--drop", name)]
    words = ["fit", "x.csv", "--out", "m.skae", "--estimator", "classifier", "--target", "y"]
    assert "No column of x.csv is left" in failure(*words, *drops)


def test_cells_that_stand_for_no_label(folder):
    write(np.where(IS_LABELLED, WORDS[PLACES], "?"))
    assert len(fit("--target", "y").classes_) == 4
    assert list(fit("--target", "y", "--missing", "?").classes_) == [*WORDS]
