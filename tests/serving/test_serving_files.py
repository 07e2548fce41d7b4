"""Serving: models from files, each beside what it was made from."""

import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from serving_cases import FEW, ROWS, ask, data_of, infer, running
from serving_cases import tensor as make_tensor
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skae
from skae import AutoencoderTransformer, ModelFileError
from skae.serving import make_app


def tensor(rows, name="input"):
    datatype = "FP32" if rows.dtype == np.float32 else "FP64"
    return make_tensor(rows, name=name, datatype=datatype)


def save_graph(model, X, path, **params):
    onnx.save(skae.to_onnx(model, X, **params), path)


@pytest.mark.parametrize("kind", [str, lambda path: path])
def test_a_model_file(tmp_path, kind, detector):
    path = tmp_path / "detector.skae"
    skae.save(detector, path)
    with running(kind(path)) as port:
        data = data_of(infer(port, tensor(ROWS))[2])
    np.testing.assert_array_equal(data["score"], detector.score_samples(ROWS))
    np.testing.assert_array_equal(data["outlier"], detector.predict(ROWS) == -1)


def test_halves_of_a_model(tmp_path, autoencoder):
    skae.save(autoencoder.encoder_, tmp_path / "encoder.skae")
    skae.save(autoencoder.decoder_, tmp_path / "decoder.skae")
    with running(tmp_path / "encoder.skae") as port:
        codes = data_of(infer(port, tensor(ROWS))[2])["codes"]
    np.testing.assert_array_equal(codes, autoencoder.transform(ROWS))
    with running(tmp_path / "decoder.skae") as port:
        assert ask(port, "GET", "/v2/models/m")[2]["inputs"][0]["shape"] == [-1, 2]
        data = data_of(infer(port, tensor(codes))[2])
    assert list(data) == ["reconstruction"]
    np.testing.assert_array_equal(data["reconstruction"], autoencoder.reconstruct(ROWS))


def test_a_pipeline_of_skops(tmp_path):
    X, y = load_iris(return_X_y=True)
    autoencoder = AutoencoderTransformer(2, **FEW)
    pipeline = make_pipeline(StandardScaler(), autoencoder, LogisticRegression()).fit(X, y)
    skops.io.dump(pipeline, tmp_path / "pipeline.skops")
    with running(tmp_path / "pipeline.skops") as port:
        data = data_of(infer(port, tensor(X))[2])
    np.testing.assert_array_equal(data["prediction"], pipeline.predict(X))
    np.testing.assert_allclose(data["probability"], pipeline.predict_proba(X), rtol=1e-12)


def code_of_somebody(X):
    return X


def test_a_pipeline_that_would_run_other_code_is_not_loaded(tmp_path):
    pipeline = make_pipeline(FunctionTransformer(code_of_somebody), StandardScaler()).fit(ROWS)
    skops.io.dump(pipeline, tmp_path / "pipeline.skops")
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException, match="code_of_somebody"):
        make_app(tmp_path / "pipeline.skops")


def test_a_damaged_file_is_not_loaded(tmp_path, autoencoder):
    path = tmp_path / "model.skae"
    skae.save(autoencoder, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelFileError):
        make_app(path)


@pytest.mark.usefixtures("torchlib_is_parsed_once")
@pytest.mark.parametrize(
    ("kind", "output", "method", "dtype"),
    [
        (StandardScaler, "codes", "transform", np.float32),
        (AutoencoderTransformer, "score", "score_samples", np.float64),
    ],
)
def test_a_graph(tmp_path, autoencoder, kind, output, method, dtype):
    rows = ROWS.astype(dtype)
    model = autoencoder if kind is AutoencoderTransformer else kind().fit(rows)
    save_graph(model, rows, tmp_path / "model.onnx", output=output)
    with running(tmp_path / "model.onnx") as port:
        metadata = ask(port, "GET", "/v2/models/m")[2]
        # Any datatype is taken, and converted to that of the graph.
        found = [data_of(infer(port, tensor(ROWS.astype(d), "X"))[2]) for d in ("f4", "f8")]
    assert [one["name"] for one in metadata["outputs"]] == [output]
    (declared,) = metadata["inputs"]
    datatype = "FP32" if dtype == np.float32 else "FP64"
    assert declared == {"name": "X", "datatype": datatype, "shape": [-1, 5]}
    assert metadata["platform"] == "onnx_onnxv1"
    expected = getattr(model, method)(rows)
    for data in found:
        np.testing.assert_allclose(data[output].reshape(expected.shape), expected, atol=1e-5)


def test_a_graph_of_a_classifier_that_says_words(tmp_path):
    X, y = load_iris(return_X_y=True)
    names = load_iris().target_names[y]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, names)
    save_graph(pipeline, X, tmp_path / "model.onnx", output="prediction")
    with running(tmp_path / "model.onnx") as port:
        metadata = ask(port, "GET", "/v2/models/m")[2]
        data = data_of(infer(port, tensor(X, "X"))[2])
    (output,) = (one for one in metadata["outputs"] if one["datatype"] == "BYTES")
    np.testing.assert_array_equal(data[output["name"]].ravel(), pipeline.predict(X))


def graph(inputs, outputs, *nodes):
    """A graph of these inputs and outputs, given as names with types and shapes."""
    infos = [
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in ends]
        for ends in (inputs, outputs)
    ]
    nodes = [helper.make_node(*node[:3], **(node[3:] or [{}])[0]) for node in nodes]
    opsets = [helper.make_opsetid("", 18)]
    made = helper.make_graph(nodes, "g", *infos)
    return helper.make_model(made, opset_imports=opsets, ir_version=10)


FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Y = ("Y", FLOAT, [None, 5])


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ([("X", FLOAT, [4, 5])], r"got X: tensor\(float\) of shape \[4, 5\]"),
        ([("X", FLOAT, [None, None])], r"X: tensor\(float\) of shape"),
        ([("X", FLOAT, [])], r"X: tensor\(float\) of shape \[\]"),
        ([("X", TensorProto.BFLOAT16, [None, 5])], r"X: tensor\(bfloat16\)"),
        ([("X", FLOAT, [None, 5]), ("Z", FLOAT, [3, 5])], r"got Z: .* of shape \[3, 5\]"),
    ],
)
def test_a_graph_of_another_form_is_not_served(tmp_path, inputs, found):
    ends = [("Y", *inputs[0][1:])]
    onnx.save(graph(inputs, ends, ("Identity", ["X"], ["Y"])), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=f"must be a tensor of numbers, booleans.*{found}"):
        make_app(tmp_path / "model.onnx")


def test_a_graph_that_mixes_rows_is_not_served(tmp_path):
    ends = [("Y", FLOAT, [1, 5])]
    node = ("ReduceMax", ["X", "axes"], ["Y"], {"keepdims": 1})
    made = graph([("X", FLOAT, [None, 5])], ends, node)
    made.graph.initializer.append(helper.make_tensor("axes", INT64, [1], [0]))
    onnx.save(made, tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"'Y' of two rows has the shape \(1, 5\)"):
        make_app(tmp_path / "model.onnx")


def test_a_graph_of_half_precision_says_so(tmp_path):
    ends = [("Y", TensorProto.FLOAT16, [None, 5])]
    made = graph([("X", FLOAT, [None, 5])], ends, ("Cast", ["X"], ["Y"], {"to": 10}))
    onnx.save(made, tmp_path / "model.onnx")
    with running(tmp_path / "model.onnx") as port:
        (declared,) = ask(port, "GET", "/v2/models/m")[2]["outputs"]
        (output,) = infer(port, tensor(ROWS, "X"))[2]["outputs"]
    assert declared["datatype"] == output["datatype"] == "FP16"
    np.testing.assert_array_equal(
        np.array(output["data"], "f2"), ROWS.astype("f4").astype("f2").ravel()
    )


def test_a_graph_of_images(tmp_path):
    ends = [("Y", FLOAT, [None, 36])]
    made = graph([("X", FLOAT, [None, 6, 6])], ends, ("Flatten", ["X"], ["Y"]))
    onnx.save(made, tmp_path / "model.onnx")
    images = np.random.default_rng(0).normal(size=(40, 6, 6)).astype("f4")
    with running(tmp_path / "model.onnx") as port:
        (declared,) = ask(port, "GET", "/v2/models/m")[2]["inputs"]
        flat = infer(port, tensor(images, "X"))[2]
        nested = infer(port, tensor(images, "X") | {"data": images.tolist()})[2]
        status, _, answer = infer(port, tensor(images, "X") | {"shape": [40, 36]})
    assert declared == {"name": "X", "datatype": "FP32", "shape": [-1, 6, 6]}
    assert flat == nested
    np.testing.assert_array_equal(data_of(flat)["Y"], images.reshape(40, 36))
    assert status == 400
    assert "must be [n, 6, 6]" in answer["error"]


@pytest.mark.parametrize("suffix", [".onnx", ".skae", ".skops"])
def test_a_file_that_is_not_there(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match=f"no model file .*missing{suffix}"):
        make_app(tmp_path / f"missing{suffix}")


def test_a_damaged_graph_is_not_served(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match=r"model\.onnx' is no ONNX graph"):
        make_app(tmp_path / "model.onnx")
