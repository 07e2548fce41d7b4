"""The command line, with real files."""

import itertools
import json
import re
import subprocess
import sys
import urllib.request

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris

import skae
from skae.cli import _reading, main
from skae.persistence import load_estimator

COLUMNS = ["length", "width", "petal length", "petal width"]
FAST = ["--set", "max_iter=3", "--set", "hidden_layer_sizes=(5,)", "--random-state", "0"]


@pytest.fixture(scope="module")
def table():
    X, y = load_iris(return_X_y=True)
    table = pd.DataFrame(X, columns=COLUMNS)
    return table.assign(species=np.array(["a", "b", "c"])[y], key=np.arange(150) + 1000)


@pytest.fixture
def folder(tmp_path, table, monkeypatch):
    """A folder with the table in it, in which commands are run."""
    table.to_csv(tmp_path / "iris.csv", index=False)
    table.to_parquet(tmp_path / "iris.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


DROP = ["--drop", "species", "--drop", "key"]


def fit(*more, data="iris.csv", out="model.skae"):
    main(["fit", data, "--out", out, *DROP, *FAST, *more])


def test_from_fit_to_answers(folder, table, capsys):
    fit("--set", "n_components=2")
    said = capsys.readouterr().out
    assert "AutoencoderTransformer of 4 columns" in said
    ae = skae.load("model.skae", expected_sha256=said.split()[-1])
    assert (ae.n_components, ae.max_iter, ae.hidden_layer_sizes) == (2, 3, (5,))
    expected = skae.AutoencoderTransformer(
        2, max_iter=3, hidden_layer_sizes=(5,), random_state=0
    ).fit(table[COLUMNS])
    main(["transform", "model.skae", "iris.parquet", "--out", "codes.csv", "--keep", "key"])
    codes = pd.read_csv("codes.csv")
    assert list(codes) == ["key", "autoencodertransformer0", "autoencodertransformer1"]
    assert_array_equal(codes["key"], table["key"])
    assert_allclose(codes.iloc[:, 1:], expected.transform(table[COLUMNS]), rtol=1e-6)
    main(["reconstruct", "model.skae", "iris.csv", "--out", "back.parquet"])
    back = pd.read_parquet("back.parquet")
    assert list(back) == COLUMNS
    assert_allclose(back, expected.reconstruct(table[COLUMNS]), rtol=1e-6)
    main(["score", "model.skae", "iris.csv"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "score"
    assert_allclose(
        [float(line) for line in lines[1:]], expected.score_samples(table[COLUMNS]), rtol=1e-6
    )
    main(["sample", "model.skae", "--n-samples", "7", "--random-state", "1", "--out", "new.csv"])
    assert_allclose(pd.read_csv("new.csv"), expected.sample(7, random_state=1), rtol=1e-6)


def test_tables_go_through_in_chunks(folder, table, capsys, monkeypatch):
    fit()
    main(["transform", "model.skae", "iris.csv", "--out", "whole.csv"])
    monkeypatch.setattr(_reading, "CHUNK", 40)
    for data in ("iris.csv", "iris.parquet"):
        assert [len(chunk) for chunk in _reading.chunks_of(folder / data)] == [40, 40, 40, 30]
        for out in ("parts.csv", "parts.parquet"):
            main(["transform", "model.skae", data, "--out", out])
            read = pd.read_csv if out.endswith("csv") else pd.read_parquet
            assert_allclose(read(out), pd.read_csv("whole.csv"), rtol=1e-12)


def test_training_in_passes_is_partial_fit(folder, table, capsys, monkeypatch):
    monkeypatch.setattr(_reading, "CHUNK", 50)
    fit("--passes", "2")
    expected = skae.AutoencoderTransformer(max_iter=3, hidden_layer_sizes=(5,), random_state=0)
    for _ in range(2):
        for start in (0, 50, 100):
            expected.partial_fit(table[COLUMNS][start : start + 50])
    rows = table[COLUMNS]
    assert_array_equal(skae.load("model.skae").transform(rows), expected.transform(rows))


def test_an_outlier_detector(folder, table, capsys):
    parameters = ["--set", "n_estimators=2", "--set", "contamination=0.1", "--random-state", "0"]
    main(["fit", "iris.csv", "--estimator", "outlier", "--out", "m.skae", *DROP, *parameters])
    detector = skae.load("m.skae")
    main(["score", "m.skae", "iris.csv", "--out", "scores.csv"])
    scores, rows = pd.read_csv("scores.csv"), table[COLUMNS]
    assert_allclose(scores["score"], detector.score_samples(rows), rtol=1e-12)
    assert_allclose(scores["p_value"], detector.p_values(rows), rtol=1e-12)
    assert_array_equal(scores["outlier"], detector.predict(rows) == -1)
    assert scores["outlier"].sum() == 15


def test_standardized_columns_go_into_a_pipeline(folder, table, capsys):
    fit("--standardize", "--set", "n_components=2", out="model.skops")
    main(["reconstruct", "model.skops", "iris.csv", "--out", "back.csv"])
    main(["transform", "model.skops", "iris.csv", "--out", "codes.csv"])
    main(["score", "model.skops", "iris.csv", "--out", "scores.csv"])
    mean = table[COLUMNS].mean()
    assert_allclose(pd.read_csv("back.csv").mean(), mean, rtol=0.05)
    assert_allclose(pd.read_csv("codes.csv").std(ddof=0), 1, rtol=1e-4)
    main(["info", "model.skops"])
    assert "StandardScaler" in capsys.readouterr().out


def test_scores_of_a_pipeline_around_a_detector(folder, table, capsys):
    """They are those of the detector alone, with all their columns."""
    parameters = ["--set", "n_estimators=2", "--random-state", "0", "--standardize"]
    main(["fit", "iris.csv", "--estimator", "outlier", "--out", "m.skops", *DROP, *parameters])
    main(["score", "m.skops", "iris.csv", "--out", "scores.csv"])
    scores, pipeline = pd.read_csv("scores.csv"), load_estimator(folder / "m.skops")
    scaled = pipeline[0].transform(table[COLUMNS])
    assert_allclose(scores["score"], pipeline.score_samples(table[COLUMNS]), rtol=1e-12)
    assert_allclose(scores["p_value"], pipeline[1].p_values(scaled), rtol=1e-12)
    assert_array_equal(scores["outlier"], pipeline.predict(table[COLUMNS]) == -1)


def test_info(folder, capsys):
    digest = skae.save(skae.AutoencoderTransformer(2, max_iter=2).fit(np.eye(9)), "m.skae")
    main(["info", "m.skae"])
    said = capsys.readouterr().out
    assert digest in said
    assert "AutoencoderTransformer(max_iter=2, n_components=2)" in said
    for line in ("columns: 9", "components: 2", "after 2 epochs"):
        assert line in said


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["fit", "absent.csv", "--out", "m.skae"], "No such file.*absent.csv"),
        (["fit", "iris.csv", "--out", "m.skae"], "'species' is not numeric.*'a'.*--drop species"),
        (["fit", "iris.csv", "--out", "m.skae", "--drop", "x"], "no column 'x'. It has: length"),
        (["fit", "iris.csv", "--out", "m.pkl", *DROP], "m.pkl, expected a name that ends in .skae"),
        (["fit", "iris.csv", "--out", "m.skae", *DROP, "--standardize"], "ends in .skops"),
        (["fit", "iris.txt", "--out", "m.skae"], "neither CSV nor Parquet by its name"),
        (["fit", "gaps.csv", "--out", "m.skae"], "'b' has no value in row 1"),
        (["fit", "empty.csv", "--out", "m.skae"], "empty.csv has no rows"),
        (["fit", "iris.csv", "--out", "m.skae", *DROP, "--set", "n"], "'n', expected name=value"),
        (["fit", "iris.csv", "--out", "m.skae", *DROP, "--set", "n=1"], "Invalid parameter 'n'"),
        (["fit", "iris.csv", "--out", "m.skae", *DROP, "--set", "max_iter=no"], "'max_iter'.*'no'"),
        (
            [
                *("fit", "iris.csv", "--out", "m.skae", *DROP),
                *("--estimator", "outlier", "--set", "autoencoder__max_iter=3"),
            ],
            "--set is autoencoder__max_iter, but the detector makes the network",
        ),
        (["fit", "iris.csv", "--out", "m.skae", *DROP, "--passes", "0"], "--passes is 0"),
        (["transform", "iris.csv", "iris.csv"], "cannot be loaded: it is damaged, or no model"),
        (["transform", "good.skae", "gaps.csv"], "no column 'length'. It has: a, b"),
        (["transform", "good.skae", "iris.csv", "--keep", "x"], "no column 'x'"),
        (
            ["transform", "good.skae", "iris.csv", "--out", "x.txt"],
            "x.txt, expected a name that.* .csv or",
        ),
        (["sample", "encoder.skae"], "Encoder, which does not generate"),
        (["sample", "good.skae", "--n-samples", "0"], "n_samples == 0, must be >= 1"),
    ],
)
def test_failures_say_what_to_do(command, message, folder, table, capsys):
    model = skae.AutoencoderTransformer(2, max_iter=1).fit(table[COLUMNS])
    skae.save(model, "good.skae")
    skae.save(model.encoder_, "encoder.skae")
    (folder / "iris.txt").write_text("")
    (folder / "empty.csv").write_text("a,b\n")
    pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [1.0, None, 2.0]}).to_csv("gaps.csv", index=False)
    before = sorted(folder.iterdir())
    with pytest.raises(SystemExit) as stopped:
        main(command)
    assert stopped.match(message)
    assert stopped.match("^skae: ")
    # Neither the output nor a part of it.
    assert sorted(folder.iterdir()) == before


def test_a_failure_in_the_middle_leaves_the_old_output(folder, table, capsys, monkeypatch):
    fit()
    (folder / "codes.csv").write_text("old")
    monkeypatch.setattr(_reading, "CHUNK", 40)
    gaps = table.copy()
    gaps.loc[100, "width"] = np.nan
    gaps.to_csv("gaps.csv", index=False)
    with pytest.raises(SystemExit) as stopped:
        main(["transform", "model.skae", "gaps.csv", "--out", "codes.csv"])
    assert stopped.match("'width' has no value in row 100")
    assert (folder / "codes.csv").read_text() == "old"


@pytest.mark.parametrize("command", [[], ["fit"], ["transform"], ["score"], ["serve"], ["export"]])
def test_help_says_what_a_command_takes(command, capsys):
    main([*command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    expected = {
        (): [
            "fit",
            "transform",
            "reconstruct",
            "score",
            "sample",
            "info",
            "export",
            "serve",
            ".skae",
        ],
        ("fit",): ["--estimator", "outlier", "--set", "n_components=8", "--passes"],
        ("transform",): ["CSV or Parquet", "--keep"],
        ("score",): ["p_value", "higher for more ordinary rows"],
        ("serve",): ["--port", "/v2/models/NAME/infer"],
        ("export",): ["--output", "codes", "--quantize"],
    }[tuple(command)]
    for word in expected:
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


def run(*arguments, **kwargs):
    command = [sys.executable, "-m", "skae", *arguments]
    return subprocess.run(command, capture_output=True, text=True, **kwargs)


def test_the_command_itself(folder, capsys):
    done = run("fit", "iris.csv", "--out", "m.skae", *DROP, *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    done = run("transform", "m.skae", "absent.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("skae: ")
    assert "Traceback" not in done.stderr
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "iris.csv"])
    assert stopped.value.code == 2
    assert "--out" in "".join(capsys.readouterr())


def test_export(folder, table, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    fit("--set", "n_components=2")
    rows = table[COLUMNS].to_numpy()
    main(["export", "model.skae", "--out", "m.onnx", "--output", "codes", "--dtype", "float32"])
    assert "codes of float32 rows" in capsys.readouterr().out
    session = onnxruntime.InferenceSession("m.onnx")
    (found,) = session.run(["codes"], {"X": rows.astype("float32")})
    expected = skae.load("model.skae").transform(table[COLUMNS])
    assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(SystemExit, match="skae: output='prediction' is nothing that"):
        main(["export", "model.skae", "--out", "x.onnx", "--output", "prediction"])
    assert not (folder / "x.onnx").exists()


def test_serve(folder, capsys):
    """The server that the command starts answers, and ends with exit status 0."""
    fit("--set", "n_components=2")
    command = [sys.executable, "-m", "skae", "serve", "model.skae", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        log = []
        while not log or "running on" not in log[-1]:
            log.append(server.stderr.readline())
            assert log[-1], log
        address = re.search(r"http://\S+", log[-1])[0]
        with urllib.request.urlopen(f"{address}/v2/models/model") as answer:
            outputs = {output["name"] for output in json.load(answer)["outputs"]}
        assert outputs == {"codes", "reconstruction", "score"}
    finally:
        server.terminate()
        server.communicate(timeout=60)
    assert server.returncode == 0
