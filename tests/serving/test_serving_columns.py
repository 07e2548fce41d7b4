"""Serving: models of tables with columns of several types have a tensor for each column."""

import re

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from serving_cases import FEW, ask, data_of, infer, running
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tools_cases import table
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

import skae
from skae import AutoencoderImputer, AutoencoderOutlierDetector, AutoencoderTransformer, to_onnx
from skae.serving._estimator_model import EstimatorModel

DATATYPES = {"age": "INT64", "income": "FP64", "city": "BYTES", "member": "BOOL", "since": "FP64"}


@pytest.fixture(scope="module")
def model():
    return AutoencoderTransformer(2, **FEW).fit(table())


@pytest.fixture(scope="module")
def port(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("columns") / "m.skae"
    skae.save(model, path)
    with running(path) as port:
        yield port


def cells(frame):
    """The columns as arrays, as the README says."""
    since = (frame["since"] - pd.Timestamp(0)).dt.total_seconds()
    city = frame["city"].where(frame["city"].notna(), "")
    return {
        name: column.to_numpy() for name, column in frame.assign(since=since, city=city).items()
    }


def inputs(frame, binary):
    found = []
    for name, values in cells(frame).items():
        tensor = InferInput(name, [len(frame), 1], DATATYPES[name])
        found.append(tensor.set_data_from_numpy(values[:, None], binary_data=binary))
    return found


def tensors(frame, **datatypes):
    """The same in JSON, with null for gaps."""
    for name, values in cells(frame).items():
        data = [None if value != value or value == "" else value for value in values.tolist()]
        datatype = datatypes.get(name, DATATYPES[name])
        yield {"name": name, "datatype": datatype, "shape": [len(data), 1], "data": data}


@pytest.mark.parametrize("binary", [False, True])
def test_a_client_of_triton(binary, model, port):
    # JSON of this client has no gaps, which are NaN and empty strings in bytes.
    frame = table() if binary else table().dropna()
    names = ["reconstruction_city", "codes", "reconstruction_age", "reconstruction_since"]
    outputs = [InferRequestedOutput(name, binary_data=binary) for name in names]
    with InferenceServerClient(f"127.0.0.1:{port}") as client:
        result = client.infer("m", inputs(frame, binary), outputs=outputs)
    back = model.reconstruct(frame)
    assert_array_equal(result.as_numpy("codes"), model.transform(frame))
    words = [word.decode() if binary else word for word in result.as_numpy(names[0])[:, 0]]
    assert_array_equal(words, back["city"])
    assert_array_equal(result.as_numpy("reconstruction_age")[:, 0], back["age"])
    assert result.as_numpy("reconstruction_age").dtype == np.int64
    assert_array_equal(result.as_numpy("reconstruction_since")[:, 0], cells(back)["since"])


def test_the_metadata_have_the_names_and_types_of_the_columns(port):
    metadata = ask(port, "GET", "/v2/models/m")[2]
    assert metadata["inputs"] == [
        {"name": name, "datatype": datatype, "shape": [-1, 1]}
        for name, datatype in DATATYPES.items()
    ]
    outputs = {one["name"]: (one["datatype"], one["shape"]) for one in metadata["outputs"]}
    of_columns = {f"reconstruction_{name}": (kind, [-1, 1]) for name, kind in DATATYPES.items()}
    assert outputs == {"codes": ("FP64", [-1, 2]), "score": ("FP64", [-1])} | of_columns


def test_a_null_anywhere_is_a_gap(model, port):
    frame = table()[:5].astype({"age": float, "member": object})
    for i, name in enumerate(frame):
        frame.loc[i, name] = pd.NaT if name == "since" else np.nan
    sent = list(tensors(frame))
    for tensor in sent:
        if tensor["name"] == "age":
            tensor["data"] = [None if age is None else int(age) for age in tensor["data"]]
    status, _, answer = infer(port, *sent)
    assert status == 200
    found = data_of(answer)
    assert_allclose(found["score"], model.score_samples(frame), rtol=1e-12)
    assert found["reconstruction_member"].dtype == bool
    # Whole numbers may also come as others.
    status, _, answer = infer(port, *tensors(frame, age="FP64"))
    assert_allclose(data_of(answer)["score"], found["score"], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("age", {"data": [1, 2.5]}, "'age' must be integers, got 2.5 at place 1"),
        ("age", {"data": [None, 2.5]}, "'age' must be integers, got 2.5 at place 1"),
        ("age", {"data": ["1", "2"], "datatype": "BYTES"}, "got 'BYTES' for 'age'"),
        ("city", {"data": [None, 3]}, "'city' must be strings, got 3 at place 1"),
        ("city", {"data": [1, 2], "datatype": "INT64"}, "got 'INT64' for 'city'"),
        ("member", {"data": [None, 1]}, "'member' must be booleans, got 1 at place 1"),
        ("since", {"data": [0.0, 1e300]}, "Column 'since' holds 1e.300 in row 1.* seconds since"),
        ("since", {"name": "born"}, "must be called .*, got 'born'"),
        ("since", {"shape": [2, 2], "data": [0.0] * 4}, r"'since' must be \[n, 1\]"),
    ],
)
def test_what_is_no_cell_of_a_column_is_refused_by_its_name(name, changes, message, port):
    sent = list(tensors(table()[:2]))
    for tensor in sent:
        if tensor["name"] == name:
            tensor |= changes
    status, _, answer = infer(port, *sent)
    assert status == 400
    assert re.search(message, answer["error"])
    # Nobody else suffers.
    assert infer(port, *tensors(table()[:2]))[0] == 200


def test_lost_and_new_inputs_are_named(port):
    sent = list(tensors(table()[:2]))
    assert "got 4. Missing: 'since'." in infer(port, *sent[:-1])[2]["error"]
    new = [dict(sent[0], name=name) for name in "abcdef"]
    assert "Not known: 'a', 'b', 'c', 'd', 'e' and 1 more." in infer(port, *new)[2]["error"]
    more = [*sent, sent[0] | {"name": "extra"}]
    assert "got 6. Not known: 'extra'." in infer(port, *more)[2]["error"]


def test_a_pipeline_behind_such_a_model(model):
    frame, y = table(), np.arange(60) % 2
    pipeline = make_pipeline(AutoencoderTransformer(2, **FEW), LogisticRegression()).fit(frame, y)
    with running(pipeline) as port:
        status, _, answer = infer(port, *tensors(frame))
    assert status == 200
    assert_allclose(data_of(answer)["probability"], pipeline.predict_proba(frame), rtol=1e-12)


def test_a_graph_of_numbers_tells_that_they_may_have_gaps(tmp_path, torchlib_is_parsed_once):
    rows = np.random.default_rng(0).normal(size=(60, 3))
    rows[::9, 1] = np.nan
    model = AutoencoderTransformer(2, **FEW | {"hidden_layer_sizes": ()}).fit(rows)
    onnx.save(to_onnx(model, rows, "score"), tmp_path / "m.onnx")
    data = [None if value != value else value for value in rows.ravel().tolist()]
    tensor = {"datatype": "FP64", "shape": [60, 3], "data": data}
    with running(model) as port:
        of_model = data_of(infer(port, tensor | {"name": "input"})[2])["score"]
    with running(tmp_path / "m.onnx") as port:
        of_graph = data_of(infer(port, tensor | {"name": "X"})[2])["score"]
    assert_array_equal(of_model, model.score_samples(rows))
    assert_allclose(of_graph, of_model, rtol=1e-4, atol=1e-5)


def test_a_detector_has_a_tensor_for_each_column(tmp_path):
    members = AutoencoderTransformer(2, **FEW)
    detector = AutoencoderOutlierDetector(members, n_estimators=2, random_state=0).fit(table())
    skae.save(detector, tmp_path / "m.skae")
    with running(tmp_path / "m.skae") as port:
        with InferenceServerClient(f"127.0.0.1:{port}") as client:
            result = client.infer("m", inputs(table(), True))
        data = data_of(infer(port, *tensors(table()))[2])
    assert_allclose(result.as_numpy("score"), detector.score_samples(table()), rtol=1e-9)
    for found in (result.as_numpy("outlier"), data["outlier"]):
        assert_array_equal(found, detector.predict(table()) == -1)


def test_an_imputer_answers_with_completed_columns(tmp_path):
    imputer = AutoencoderImputer(max_iter=0, random_state=0).fit(table())
    skae.save(imputer, tmp_path / "m.skae")
    with running(tmp_path / "m.skae") as port:
        metadata = ask(port, "GET", "/v2/models/m")[2]
        answer = data_of(infer(port, *tensors(table()))[2])
        gap = table().assign(age=np.nan)[:2]
        status, _, of_gap = infer(port, *tensors(gap, age="FP64"))
    expected = imputer.transform(table())
    assert [one["name"] for one in metadata["outputs"]] == [f"completed_{n}" for n in DATATYPES]
    assert {one["datatype"] for one in metadata["outputs"]} == {*DATATYPES.values()}
    assert_array_equal(answer["completed_city"][:, 0], expected["city"])
    assert_allclose(answer["completed_income"][:, 0], expected["income"])
    assert_array_equal(answer["completed_since"][:, 0], cells(table())["since"])
    assert status == 200
    assert np.isfinite(data_of(of_gap)["completed_age"]).all()


def test_an_imputer_of_numbers_answers_with_a_matrix(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[::5, 1] = np.nan
    imputer = AutoencoderImputer(max_iter=0, add_indicator=True, random_state=0).fit(X)
    skae.save(imputer, tmp_path / "m.skae")
    data = [None if value != value else value for value in X[:10].ravel().tolist()]
    tensor = {"name": "input", "datatype": "FP64", "shape": [10, 3], "data": data}
    with running(tmp_path / "m.skae") as port:
        answer = data_of(infer(port, tensor)[2])
    assert_allclose(answer["completed"], imputer.transform(X)[:10])


def test_indicators_beside_columns_are_refused(tmp_path):
    imputer = AutoencoderImputer(max_iter=0, add_indicator=True, random_state=0).fit(table())
    with pytest.raises(TypeError, match=r"set_params\(add_indicator=False\)"):
        EstimatorModel(imputer)
