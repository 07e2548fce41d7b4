"""The command line, with real files."""

import itertools
import re
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from cli_cases import FAST, NUMBERS_ONLY, failure
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, is_classifier
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import skae
from skae.cli import _reading, main

COLUMNS = ["length", "width", "petal length", "petal width"]
DROP = ["--drop", "species", "--drop", "key"]
SMALL = {"max_iter": 3, "hidden_layer_sizes": (5,), "random_state": 0}


@pytest.fixture(scope="module")
def table():
    X, y = load_iris(return_X_y=True)
    table = pd.DataFrame(X, columns=COLUMNS)
    return table.assign(species=np.array(["a", "b", "c"])[y], key=np.arange(150) + 1000)


@pytest.fixture(scope="module")
def model(table):
    return skae.AutoencoderTransformer(2, **SMALL).fit(table[COLUMNS])


@pytest.fixture
def folder(folder, table, model):
    """A folder with a table, and a model of it."""
    table.to_csv("iris.csv", index=False)
    table.to_parquet("iris.parquet")
    skae.save(model, "model.skae")
    return folder


def fit(*more, data="iris.csv", out="fitted.skae"):
    main(["fit", data, "--out", out, *DROP, *FAST, *more])


def test_from_fit_to_answers(folder, table, model, capsys):
    fit("--set", "n_components=2")
    said = capsys.readouterr().out
    assert "AutoencoderTransformer of 4 columns" in said
    ae = skae.load("fitted.skae", expected_sha256=said.split()[-1])
    assert (ae.n_components, ae.max_iter, ae.hidden_layer_sizes) == (2, 3, (5,))
    main(["transform", "fitted.skae", "iris.parquet", "--out", "codes.csv", "--keep", "key"])
    codes = pd.read_csv("codes.csv")
    assert list(codes) == ["key", "autoencodertransformer0", "autoencodertransformer1"]
    assert_array_equal(codes["key"], table["key"])
    assert_allclose(codes.iloc[:, 1:], model.transform(table[COLUMNS]), rtol=1e-6)
    main(["reconstruct", "fitted.skae", "iris.csv", "--out", "back.parquet"])
    back = pd.read_parquet("back.parquet")
    assert list(back) == COLUMNS
    assert_allclose(back, model.reconstruct(table[COLUMNS]), rtol=1e-6)
    main(["score", "fitted.skae", "iris.csv"])
    header, *scores = capsys.readouterr().out.splitlines()
    assert header == "score"
    expected = model.score_samples(table[COLUMNS])
    assert_allclose([float(line) for line in scores], expected, rtol=1e-6)
    main(["sample", "fitted.skae", "--n-samples", "7", "--random-state", "1", "--out", "new.csv"])
    assert_allclose(pd.read_csv("new.csv"), model.sample(7, random_state=1), rtol=1e-6)


def test_tables_go_through_in_chunks(folder, monkeypatch):
    main(["transform", "model.skae", "iris.csv", "--out", "whole.csv"])
    monkeypatch.setattr(_reading, "CHUNK", 40)
    for data in ("iris.csv", "iris.parquet"):
        assert [len(chunk) for chunk in _reading.chunks_of(folder / data)] == [40, 40, 40, 30]
        for out in ("parts.csv", "parts.parquet"):
            main(["transform", "model.skae", data, "--out", out])
            read = pd.read_csv if out.endswith("csv") else pd.read_parquet
            assert_allclose(read(out), pd.read_csv("whole.csv"), rtol=1e-12)


def test_training_in_passes_is_partial_fit(folder, table, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 50)
    fit("--passes", "2")
    expected = skae.AutoencoderTransformer(**SMALL)
    for _ in range(2):
        for start in (0, 50, 100):
            expected.partial_fit(table[COLUMNS][start : start + 50])
    rows = table[COLUMNS]
    assert_array_equal(skae.load("fitted.skae").transform(rows), expected.transform(rows))


PUBLIC = [name for name in skae.__all__ if isinstance(getattr(skae, name), type)]
ESTIMATORS = [name for name in PUBLIC if issubclass(getattr(skae, name), BaseEstimator)]


# A detector, which takes longest, has a test of its own.
@pytest.mark.parametrize("name", [one for one in ESTIMATORS if "Outlier" not in one])
def test_every_public_estimator_is_fitted_or_refused_by_name(name, folder, table, capsys):
    short = re.sub("Autoencoder|Detector", "", name).lower()
    parameters = signature(getattr(skae, name)).parameters
    command = ["fit", "iris.csv", "--out", "m.skae", *DROP, "--estimator", short]
    # A round of an imputer takes 1,500 steps.
    command += ["--set", "max_iter=0" if "Imputer" in name else "max_iter=1"]
    if any(parameter.default is parameter.empty for parameter in parameters.values()):
        # It is made around another estimator.
        with pytest.raises(SystemExit) as stopped:
            main(command)
        assert stopped.value.code == 2
        assert f'Invalid value "{short}" for --estimator' in capsys.readouterr().err
        return
    if get_tags(getattr(skae, name)()).target_tags.required:
        target = "species" if is_classifier(getattr(skae, name)()) else "key"
        command[command.index(target) - 1] = "--target"
    main([*command, "--random-state", "0"])
    fitted = skae.load("m.skae")
    assert type(fitted) is getattr(skae, name)
    assert_array_equal(fitted.feature_names_in_, COLUMNS)


def test_an_outlier_detector(folder, table, capsys):
    parameters = ["--set", "n_estimators=2", "--set", "contamination=0.1", "--random-state", "0"]
    main(["fit", "iris.csv", "--estimator", "outlier", "--out", "m.skae", *DROP, *parameters])
    detector = skae.load("m.skae")
    assert type(detector) is skae.AutoencoderOutlierDetector
    assert_array_equal(detector.feature_names_in_, COLUMNS)
    main(["score", "m.skae", "iris.csv", "--out", "scores.csv"])
    main(["predict", "m.skae", "iris.csv", "--out", "predictions.csv"])
    scores, rows = pd.read_csv("scores.csv"), table[COLUMNS]
    assert_allclose(scores["score"], detector.score_samples(rows), rtol=1e-12)
    assert_allclose(scores["p_value"], detector.p_values(rows), rtol=1e-12)
    assert_array_equal(scores["outlier"], detector.predict(rows) == -1)
    assert scores["outlier"].sum() == 15
    predictions = pd.read_csv("predictions.csv")["prediction"]
    assert_array_equal(predictions, np.where(scores["outlier"], -1, 1))


def test_standardized_columns_go_into_a_pipeline(folder, table, capsys):
    fit("--standardize", "--set", "n_components=2", out="model.skops")
    main(["reconstruct", "model.skops", "iris.csv", "--out", "back.csv"])
    main(["transform", "model.skops", "iris.csv", "--out", "codes.csv"])
    assert_allclose(pd.read_csv("back.csv").mean(), table[COLUMNS].mean(), rtol=0.05)
    assert_allclose(pd.read_csv("codes.csv").std(ddof=0), 1, rtol=1e-4)
    main(["info", "model.skops"])
    assert "StandardScaler" in capsys.readouterr().out


def test_scores_of_a_pipeline_around_a_detector(folder, table):
    """They are those of the detector alone, with all their columns."""
    skops = pytest.importorskip("skops.io")
    members = skae.AutoencoderTransformer(2, **SMALL)
    detector = skae.AutoencoderOutlierDetector(members, n_estimators=2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), detector).fit(table[COLUMNS])
    skops.dump(pipeline, "m.skops")
    main(["score", "m.skops", "iris.csv", "--out", "scores.csv"])
    scores, scaled = pd.read_csv("scores.csv"), pipeline[0].transform(table[COLUMNS])
    assert_allclose(scores["score"], pipeline.score_samples(table[COLUMNS]), rtol=1e-12)
    assert_allclose(scores["p_value"], detector.p_values(scaled), rtol=1e-12)
    assert_array_equal(scores["outlier"], pipeline.predict(table[COLUMNS]) == -1)


def test_info(folder, capsys):
    digest = skae.save(skae.AutoencoderTransformer(2, max_iter=2).fit(np.eye(9)), "m.skae")
    main(["info", "m.skae"])
    said = capsys.readouterr().out
    assert digest in said
    assert "AutoencoderTransformer(max_iter=2, n_components=2)" in said
    for line in ("columns: 9", "components: 2", "after 2 epochs"):
        assert line in said


FIT = ["fit", "iris.csv", "--out", "m.skae"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["fit", "absent.csv", "--out", "m.skae"], "No such file.*absent.csv"),
        ([*FIT, *NUMBERS_ONLY], "'species' is not numeric.*'a'.*--drop species"),
        ([*FIT, "--drop", "x"], "no column 'x'. It has: length"),
        (["fit", "iris.csv", "--out", "m.pkl", *DROP], "m.pkl, expected a name that ends in .skae"),
        ([*FIT, *DROP, "--standardize"], "ends in .skops"),
        (["fit", "iris.txt", "--out", "m.skae"], "neither CSV nor Parquet by its name"),
        (["fit", "gaps.csv", "--out", "m.skae", *NUMBERS_ONLY], "'b' has no value in row 1"),
        (["fit", "empty.csv", "--out", "m.skae"], "empty.csv has no rows"),
        ([*FIT, *DROP, "--set", "n"], "'n', expected name=value"),
        ([*FIT, *DROP, "--set", "n=1"], "Invalid parameter 'n'"),
        ([*FIT, *DROP, "--set", "max_iter=no"], "'max_iter'.*'no'"),
        ([*FIT, *DROP, *FAST, "--set", "max_iter=2"], "--set gives max_iter twice"),
        (
            [*FIT, *DROP, "--estimator", "outlier", "--set", "autoencoder__max_iter=3"],
            "autoencoder__max_iter cannot be set: autoencoder=None is",
        ),
        ([*FIT, *DROP, "--passes", "0"], "--passes is 0"),
        (["transform", "iris.csv", "iris.csv"], "cannot be loaded: it is damaged, or no model"),
        (["transform", "model.skae", "gaps.csv"], "no column 'length'. It has: a, b"),
        (["transform", "model.skae", "iris.csv", "--keep", "x"], "no column 'x'"),
        (
            ["transform", "model.skae", "iris.csv", "--out", "x.txt"],
            "x.txt, expected a name that.* .csv or",
        ),
        (["sample", "encoder.skae"], "Encoder, which does not generate"),
        (["sample", "model.skae", "--n-samples", "0"], "n_samples == 0, must be >= 1"),
    ],
)
def test_failures_say_what_to_do(command, message, folder, model):
    skae.save(model.encoder_, "encoder.skae")
    (folder / "iris.txt").write_text("")
    (folder / "empty.csv").write_text("a,b\n")
    pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, None, 2.0]}).to_csv("gaps.csv", index=False)
    before = sorted(folder.iterdir())
    said = failure(*command)
    assert said.startswith("skae: ")
    assert re.search(message, said)
    # Neither the output nor a part of it.
    assert sorted(folder.iterdir()) == before


def test_a_failure_in_the_middle_leaves_the_old_output(folder, table, monkeypatch):
    (folder / "codes.csv").write_text("old")
    monkeypatch.setattr(_reading, "CHUNK", 40)
    bad = table.astype({"width": object})
    bad.loc[100, "width"] = "?"
    bad.to_csv("bad.csv", index=False)
    message = failure("transform", "model.skae", "bad.csv", "--out", "codes.csv")
    assert "'width' is not numeric: row 100, counted from 0, holds '?'" in message
    assert (folder / "codes.csv").read_text() == "old"


COMMANDS = [
    "fit",
    "transform",
    "reconstruct",
    "score",
    "predict",
    "sample",
    "report",
    "export",
    "serve",
]
WORDS = {
    (): [*COMMANDS, "info", ".skae"],
    ("fit",): ["--estimator", "outlier", "--set", "n_components=8", "--passes", "--sep"],
    ("transform",): ["CSV or Parquet", "--keep", "--trust", "--encoding"],
    ("score",): ["p_value", "higher for more ordinary rows"],
    ("serve",): ["--port", "/v2/models/NAME/infer", "--trust"],
    ("report",): ["--out", "--reference", "--max-samples", "one HTML file"],
    ("export",): ["--output", "codes", "--quantize", "or - for CSV from the standard input"],
}


@pytest.mark.parametrize("command", WORDS)
def test_help_says_what_a_command_takes(command, capsys):
    main([*command, "--help"])
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for word in WORDS[command]:
        assert word in said
    assert "--empty" not in said
    assert "--no-no-" not in said
    assert set(re.findall(r"--no-\w+", said)) <= {"--no-header"}


@pytest.mark.parametrize("command", [[], ["fit"], ["score"], ["serve"]])
def test_help_fills_its_lines(command, capsys, monkeypatch):
    """A line of a paragraph ends where the next word has no place, and not where a source did."""
    monkeypatch.setenv("COLUMNS", "80")
    main([*command, "--help"])
    text = capsys.readouterr().out.split("╭")[0]
    paragraphs = [p.splitlines() for p in re.split(r"\n\s*\n", text.strip()) if p[0] != " "]
    assert any(len(lines) > 1 for lines in paragraphs)
    for lines in paragraphs:
        for line, following in itertools.pairwise(lines):
            assert len(line.rstrip()) + 1 + len(following.split()[0]) > 80


@pytest.mark.usefixtures("torchlib_is_parsed_once")
def test_export(folder, table, model, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    rows = table[COLUMNS].to_numpy()
    main(["export", "model.skae", "--out", "m.onnx", "--output", "codes", "--dtype", "float32"])
    assert "codes of float32 rows" in capsys.readouterr().out
    session = onnxruntime.InferenceSession("m.onnx")
    (found,) = session.run(["codes"], {"X": rows.astype("float32")})
    assert_allclose(found, model.transform(table[COLUMNS]), rtol=1e-4, atol=1e-4)
    message = failure("export", "model.skae", "--out", "x.onnx", "--output", "prediction")
    assert "skae: output='prediction' is nothing that" in message
    assert not (folder / "x.onnx").exists()
