"""Serving: ONNX graphs with an input for each column and with words."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pandas as pd
import pytest
from serving_cases import ask, data_of, infer, running
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tritonclient.http import InferenceServerClient, InferInput

import skae

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "width": RNG.normal(size=60),
        "height": RNG.normal(size=60).astype("f4"),
        "n": RNG.integers(0, 5, 60),
        "colour": RNG.choice(["red", "grün"], 60),
        "sold": RNG.random(60) < 0.5,
    }
)
DATATYPES = {"width": "FP64", "height": "FP32", "n": "INT64", "colour": "BYTES", "sold": "BOOL"}


def column(name, /, rows=TABLE, **changes):
    """The input of a column, in JSON."""
    values = rows[name].tolist()
    head = {"name": name, "datatype": DATATYPES[name], "shape": [len(values), 1]}
    return head | {"data": values} | changes


def columns(rows=TABLE, **changes):
    return [column(name, rows, **changes.get(name, {})) for name in DATATYPES]


@pytest.fixture(scope="module")
def pipeline():
    by_column = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["width", "height", "n"]),
            ("words", OneHotEncoder(sparse_output=False), ["colour"]),
        ]
    )
    model = make_pipeline(by_column, PCA(2), LogisticRegression())
    return model.fit(TABLE, TABLE["sold"])


@pytest.fixture(scope="module")
def port(pipeline, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    onnx.save(skae.to_onnx(pipeline[:-1], TABLE), path)
    with running(path) as port:
        yield port


def test_a_graph_with_an_input_for_each_column(pipeline, port):
    metadata = ask(port, "GET", "/v2/models/m")[2]
    assert metadata["inputs"] == [
        {"name": name, "datatype": datatype, "shape": [-1, 1]}
        for name, datatype in DATATYPES.items()
    ]
    status, _, answer = infer(port, *columns())
    assert status == 200, answer
    expected = pipeline[:-1].transform(TABLE)
    np.testing.assert_allclose(data_of(answer)["codes"], expected, atol=1e-5)
    # In any order, one row alone, nested, and with numbers of another type.
    row = TABLE[7:8]
    nested = columns(row, width={"data": [row["width"].tolist()]}, n={"datatype": "INT8"})
    status, _, answer = infer(port, *nested[::-1])
    assert status == 200, answer
    np.testing.assert_allclose(data_of(answer)["codes"], expected[7:8], atol=1e-5)


def test_its_words_and_booleans_in_bytes(pipeline, port):
    inputs = []
    for name, datatype in DATATYPES.items():
        values = TABLE[[name]].to_numpy(object if datatype == "BYTES" else None)
        inputs.append(InferInput(name, list(values.shape), datatype))
        # Bytes and JSON side by side.
        inputs[-1].set_data_from_numpy(values, binary_data=name != "height")
    with InferenceServerClient(f"127.0.0.1:{port}") as client:
        for order in (inputs, inputs[::-1]):
            codes = client.infer("m", order).as_numpy("codes")
            np.testing.assert_allclose(codes, pipeline[:-1].transform(TABLE), atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (columns()[1:], "There must be 5 inputs, 'width', 'height', 'n', 'colour', 'sold', got 4"),
        (columns(n={"name": "m"}), "The inputs must be called .*'sold', each once, got 'm'"),
        (columns(n={"name": "width"}), "each once, got 'width'"),
        (columns(n=column("n", TABLE[:3])), "the same number of rows, got .*'height': 60"),
        (columns(n={"shape": [60]}), r"the input 'n' must be \[n, 1\], of n >= 1 rows, got \[60\]"),
        (columns(n={"datatype": "FP64"}), "one of INT8, .*got 'FP64' for 'n'"),
        (columns(n={"data": [0.5] * 60}), "must be integers, got 0.5 at place 0, row 0, column 0"),
        (columns(n={"datatype": "UINT64", "data": [2**63] * 60}), "'n' leave its range, INT64"),
        (columns(colour={"data": [None] * 60}), "must be strings, got null at place 0"),
        (columns(colour={"data": ["red"] * 59}), r"of shape \[60, 1\] has 60 strings, got 59"),
        (columns(colour={"datatype": "FP64"}), "one of BYTES, got 'FP64' for 'colour'"),
        (columns(sold={"data": [1] * 60}), "must be booleans, got 1 at place 0"),
        (columns(sold={"data": [[True, False]] * 60}), "60 lists of 1 booleans each"),
        (columns(width={"data": [None] * 60}), "must be numbers, got null at place 0"),
    ],
)
def test_what_is_refused(port, inputs, message):
    status, _, answer = infer(port, *inputs)
    assert status == 400
    assert re.search(message, answer["error"]), answer["error"]


def in_bytes(name, content, size=None, **changes):
    """A request in which one column comes in bytes."""
    inputs = columns(TABLE[:2], **{name: {"parameters": {"binary_data_size": size}} | changes})
    del next(one for one in inputs if one["name"] == name)["data"]
    text = json.dumps({"inputs": inputs}).encode()
    return text + content, {"Inference-Header-Content-Length": str(len(text))}


def prefixed(*words):
    return b"".join(len(word).to_bytes(4, "little") + word for word in words)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("colour", prefixed(b"red"), "must be 2 strings"),
        ("colour", prefixed(b"red", b"red", b"red"), "must be 2 strings"),
        ("colour", prefixed(b"red", b"red")[:-1], "must be 2 strings"),
        ("colour", prefixed(b"red", b"red") + b"\1", "must be 2 strings"),
        ("colour", b"\xff" * 8, "must be 2 strings"),
        ("colour", b"", "must be 2 strings"),
        ("colour", prefixed(b"red", b"\xff"), "must be UTF-8"),
        ("sold", b"\1\2", "must be 0 or 1"),
        ("sold", b"\1", r"\[2, 1\] and datatype BOOL is 2 bytes, got 1"),
        ("width", np.array([1, np.nan]).tobytes(), "'width' holds NaN.* row 1, column 0"),
        ("width", np.array([1, np.inf]).tobytes(), "'width' holds a number .* row 1, column 0"),
    ],
)
def test_bytes_that_are_refused(port, name, content, message):
    body, headers = in_bytes(name, content, len(content))
    status, _, answer = ask(port, "POST", "/v2/models/m/infer", body, headers)
    assert status == 400
    assert re.search(message, answer["error"]), answer["error"]


def test_predictions_of_a_graph_of_columns(pipeline, tmp_path):
    by_column = clone(pipeline[0])
    pipeline = make_pipeline(by_column, LogisticRegression()).fit(TABLE, TABLE["sold"])
    onnx.save(skae.to_onnx(pipeline, TABLE, output="prediction"), tmp_path / "model.onnx")
    with running(tmp_path / "model.onnx") as port:
        answer = infer(port, *columns())[2]
    (values,) = data_of(answer).values()
    np.testing.assert_array_equal(values.ravel(), pipeline.predict(TABLE))


def test_a_word_that_a_graph_does_not_know_does_no_harm_to_others(pipeline, port):
    tables = [TABLE[i : i + 1] for i in range(12)]
    tables[5] = tables[5].assign(colour="blue")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda table: infer(port, *columns(table)), tables))
    assert [status for status, _, _ in answers] == [400 if i == 5 else 200 for i in range(12)]
    assert "Unknown Category" in answers[5][2]["error"]
    for i in set(range(12)) - {5}:
        expected = pipeline[:-1].transform(tables[i])
        np.testing.assert_allclose(data_of(answers[i][2])["codes"], expected, atol=1e-5)
