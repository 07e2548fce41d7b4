"""The command line with tables of text, truth values, dates and empty cells."""

import io
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cli_cases import FAST, failure
from column_cases import NAMES, fit, kinds_of, table, typed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skae
from skae.cli import _reading, main
from skae.onnx import inference_session


@pytest.fixture
def folder(folder):
    """A folder with such a table."""
    table().to_csv("x.csv", index=False)
    return folder


def test_a_csv_file_works_at_the_first_try(folder, capsys):
    model = fit()
    said = capsys.readouterr()
    assert "AutoencoderTransformer of 7 columns" in said.out
    assert said.err == ""
    assert kinds_of(model) == {
        "age": "number",
        "income": "number",
        "city": "text",
        "member": "truth",
        "since": "date",
        "seen": "moment",
        "code": "text",
    }
    same = skae.AutoencoderTransformer(max_iter=3, hidden_layer_sizes=(5,), random_state=0)
    frame = typed(table())
    same.fit(frame)
    main(["transform", "m.skae", "x.csv", "--out", "codes.csv"])
    assert_allclose(pd.read_csv("codes.csv"), same.transform(frame), rtol=1e-6, atol=1e-9)
    main(["score", "m.skae", "x.csv", "--out", "scores.csv"])
    assert_allclose(pd.read_csv("scores.csv")["score"], same.score_samples(frame), rtol=1e-6)
    main(["reconstruct", "m.skae", "x.csv", "--out", "back.csv"])
    # All cells are filled, and written as in the table.
    back, expected = pd.read_csv("back.csv", dtype=str), same.reconstruct(frame)
    assert list(back) == NAMES
    assert not back.isna().any(axis=None)
    for name in ("age", "city", "member", "code"):
        assert_array_equal(back[name], expected[name].astype(str))
    assert_array_equal(back["since"], expected["since"].dt.strftime("%Y-%m-%d"))
    assert_array_equal(pd.to_datetime(back["seen"]), expected["seen"])


@pytest.mark.parametrize("estimator", ["outlier", "imputer"])
def test_outliers_and_imputers(estimator, folder, capsys):
    options = {"outlier": ["n_estimators=1", "cv=2"], "imputer": ["max_iter=0"]}[estimator]
    chosen = [one for option in options for one in ("--set", option)]
    main(
        [
            "fit",
            "x.csv",
            "--out",
            "m.skae",
            "--random-state",
            "0",
            "--estimator",
            estimator,
            *chosen,
        ]
    )
    model, frame = skae.load("m.skae"), typed(table())
    main(["info", "m.skae"])
    assert "text 3 categories: Oslo, Rome" in " ".join(capsys.readouterr().out.split())
    if estimator == "outlier":
        main(["score", "m.skae", "x.csv", "--out", "scores.csv"])
        scores = pd.read_csv("scores.csv")
        assert_allclose(scores["score"], model.score_samples(frame), rtol=1e-6)
        assert_allclose(scores["p_value"], model.p_values(frame))
        main(["predict", "m.skae", "x.csv", "--out", "predictions.csv"])
        predictions = pd.read_csv("predictions.csv")["prediction"]
        assert_array_equal(predictions, model.predict(frame))
        return
    main(["transform", "m.skae", "x.csv", "--out", "full.csv"])
    full, expected = pd.read_csv("full.csv", dtype=str), model.transform(frame)
    given = pd.read_csv("x.csv", dtype=str)
    assert list(full) == NAMES
    assert not full.isna().any(axis=None)
    for name in ("city", "since", "code"):
        known = given[name].notna()
        assert_array_equal(full[name][known], given[name][known])
    assert_array_equal(full["city"], expected["city"])


def test_info_shows_what_the_columns_hold(folder, capsys):
    fit()
    capsys.readouterr()
    main(["info", "m.skae"])
    lines = capsys.readouterr().out.splitlines()
    shown = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[-7:]}
    frame = typed(table())
    age = frame["age"]
    assert shown["age"] == f"numbers {age.min()} to {age.max()} {age.isna().mean():.1%}"
    assert shown["city"] == "text 3 categories: Oslo, Rome, São Paulo 10.0%"
    assert shown["member"].startswith("truth values 2 categories: False, True")
    first, last = frame["since"].min().date(), frame["since"].max().date()
    assert shown["since"] == f"dates {first} to {last} 8.8%"
    assert shown["seen"].startswith(f"dates with times {frame['seen'].min()} to ")


def test_info_counts_rare_categories(folder, capsys):
    frame = table().assign(city=[*"aaabbb", *[f"rare {i}" for i in range(6)]] + ["c"] * 68)
    frame.to_csv("x.csv", index=False)
    fit()
    main(["info", "m.skae"])
    said = capsys.readouterr().out
    assert "9 categories: a, b, c, rare 0, rare 1 and 4 more (6 of them rare, and taken" in said


# -- other files and commands -------------------------------------------------------------


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_parquet(library, folder):
    frame = typed(table()).assign(
        city=lambda frame: frame["city"].astype("category"),
        took=pd.to_timedelta(np.arange(80), unit="h"),
    )
    if library == "polars":
        pl.from_pandas(frame).write_parquet("x.parquet")
    else:
        frame.to_parquet("x.parquet")
    model = fit(data="x.parquet")
    assert kinds_of(model)["took"] == "duration"
    expected = model.score_samples(frame)
    frame.to_csv("x.csv", index=False)
    for data in ("x.parquet", "x.csv"):
        main(["score", "m.skae", data, "--out", "scores.csv"])
        assert_allclose(pd.read_csv("scores.csv")["score"], expected, rtol=1e-6)
    main(["reconstruct", "m.skae", "x.parquet", "--out", "back.parquet"])
    back = pd.read_parquet("back.parquet")
    assert back["age"].dtype.kind == "i"
    assert back["member"].dtype == bool
    assert back["since"].dtype.kind == "M"
    assert back["took"].dtype.kind == "m"


def test_in_chunks_the_first_rows_tell_the_types(folder, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 30)
    # The last chunk holds codes that look like numbers, and a category that is not known.
    late = table().assign(code=lambda frame: frame["code"].where(frame.index < 60, "008"))
    late.to_csv("x.csv", index=False)
    model = fit("--passes", "2")
    assert model.n_iter_ == 6
    assert kinds_of(model)["code"] == "text"
    bad = late.astype({"age": object})
    bad.loc[70, "age"] = "old"
    bad.to_csv("x.csv", index=False)
    message = failure("fit", "x.csv", "--out", "m.skae", "--passes", "1", *FAST)
    assert "'age' holds 'old' in row 70" in message


def test_the_standard_input(folder, capsys, monkeypatch):
    content = table().to_csv(index=False).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    model = fit(data="-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    main(["score", "m.skae", "-", "--out", "scores.csv"])
    expected = model.score_samples(typed(table()))
    assert_allclose(pd.read_csv("scores.csv")["score"], expected, rtol=1e-6)


def test_drawn_rows_are_like_the_table(folder):
    model = fit()
    main(["sample", "m.skae", "--n-samples", "5", "--random-state", "0", "--out", "drawn.csv"])
    drawn = pd.read_csv("drawn.csv", dtype=str)
    expected = model.sample(5, random_state=0)
    assert list(drawn) == NAMES
    assert_array_equal(drawn["city"], expected["city"])
    assert_array_equal(drawn["age"], expected["age"].astype(int).astype(str))


def test_a_table_without_names(folder):
    table().to_csv("x.csv", index=False, header=False)
    model = fit("--no-header")
    assert kinds_of(model)["x2"] == "text"
    main(["score", "m.skae", "x.csv", "--no-header", "--out", "scores.csv"])
    assert len(pd.read_csv("scores.csv")) == 80


def test_a_pipeline_that_begins_with_such_a_model(folder):
    import skops.io as skops

    frame = typed(table())
    encoder = skae.AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=2, random_state=0)
    pipeline = make_pipeline(encoder, LogisticRegression()).fit(frame, np.arange(80) % 2)
    skops.dump(pipeline, "m.skops")
    main(["predict", "m.skops", "x.csv", "--out", "y.csv", "--probability"])
    found = pd.read_csv("y.csv")
    assert_allclose(found["probability_1"], pipeline.predict_proba(frame)[:, 1], rtol=1e-6)


@pytest.mark.parametrize("data", [[], ["--data", "x.csv"]])
def test_export(data, folder, capsys, torchlib_is_parsed_once):
    model = fit()
    main(["export", "m.skae", "--output", "score", "--out", "m.onnx", *data])
    assert "score of rows of several types" in capsys.readouterr().out
    session = inference_session("m.onnx")
    assert [one.name for one in session.get_inputs()] == NAMES
    frame = typed(table())
    feeds = {}
    for name, column in frame.items():
        if column.dtype.kind == "M":
            epoch = pd.Timestamp(0, tz="UTC" if name == "seen" else None)
            column = (column - epoch).dt.total_seconds()
        text = name in ("city", "code")
        column = column.astype(object).where(column.notna(), "" if text else np.nan)
        feeds[name] = column.to_numpy(object if text else float)[:, None]
    (scores,) = session.run(None, feeds)
    assert_allclose(scores, model.score_samples(frame), rtol=1e-4, atol=1e-5)
