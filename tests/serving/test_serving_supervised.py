"""Serving: predictions and probabilities of classifiers, and numbers of regressors."""

import numpy as np
import onnx
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from serving_cases import ask, data_of, infer, process, running, tensor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from supervised_cases import (
    CLASSES,
    IMAGES,
    NUMBERS,
    SOME_NUMBERS,
    WORDS,
    X,
    autoencoder,
    classifier,
    convolutional,
    mixed_table,
    regressor,
)
from tools_cases import cells_of
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

import skae

OF_CLASSIFIERS = ["codes", "reconstruction", "prediction", "probability"]


def outputs_of(port):
    """Datatypes and shapes of the outputs of a served model, by name."""
    _, _, metadata = ask(port, "GET", "/v2/models/m")
    return {one["name"]: (one["datatype"], one["shape"]) for one in metadata["outputs"]}


def client_asks(port, rows, *names, binary=True):
    """What NVIDIA's client gets."""
    given = InferInput("input", list(rows.shape), "FP64")
    given.set_data_from_numpy(rows, binary_data=binary)
    wanted = [InferRequestedOutput(name, binary_data=binary) for name in names]
    with InferenceServerClient(f"127.0.0.1:{port}") as client:
        result = client.infer("m", [given], outputs=wanted)
    return [result.as_numpy(name) for name in names]


@pytest.mark.parametrize("binary", [False, True])
def test_a_classifier_of_words_from_its_file(binary, tmp_path):
    model = classifier().fit(X, WORDS)
    skae.save(model, tmp_path / "m.skae")
    with running(tmp_path / "m.skae") as port:
        assert list(outputs_of(port)) == OF_CLASSIFIERS
        assert outputs_of(port)["prediction"] == ("BYTES", [-1])
        assert outputs_of(port)["probability"] == ("FP64", [-1, 3])
        names = ("prediction", "probability", "codes", "reconstruction")
        words, *numbers = client_asks(port, X, *names, binary=binary)
    words = [word.decode() if binary else word for word in words]
    assert_array_equal(words, model.predict(X))
    expected = model.predict_proba(X), model.transform(X), model.reconstruct(X)
    for found, of_model in zip(numbers, expected, strict=True):
        assert_array_equal(found, of_model)


@pytest.mark.parametrize(
    ("y", "datatype"),
    [(CLASSES, "INT64"), (NUMBERS > 0, "BOOL"), (CLASSES.astype(np.int8), "INT8")],
)
def test_types_of_predictions(y, datatype):
    model = classifier().fit(X, y)
    with running(model) as port:
        assert outputs_of(port)["prediction"] == (datatype, [-1])
        (found,) = client_asks(port, X, "prediction")
    assert_array_equal(found, model.predict(X))


@pytest.mark.parametrize("y", [SOME_NUMBERS, X[:, :2]], ids=["one number", "two numbers"])
def test_a_regressor(y):
    model = regressor().fit(X, y)
    with running(model) as port:
        assert list(outputs_of(port)) == ["codes", "reconstruction", "prediction"]
        assert outputs_of(port)["prediction"] == ("FP64", [-1, *y.shape[1:]])
        answer = data_of(infer(port, tensor(X), outputs=[{"name": "prediction"}])[2])
        status, _, error = infer(port, tensor(X), outputs=[{"name": "probability"}])
    assert answer.keys() == {"prediction"}
    assert_array_equal(answer["prediction"], model.predict(X))
    assert status == 400
    assert "no output 'probability'; the model has codes, recon" in error["error"]


def test_a_pipeline_in_a_process(tmp_path):
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(5 * X, WORDS)
    skops.io.dump(pipeline, tmp_path / "m.skops")
    with process(tmp_path / "m.skops") as (_, port):
        answer = data_of(infer(port, tensor(5 * X))[2])
    assert list(answer) == OF_CLASSIFIERS
    assert_array_equal(answer["prediction"], pipeline.predict(5 * X))
    assert_array_equal(answer["probability"], pipeline.predict_proba(5 * X))


def test_rows_of_images():
    model = classifier(convolutional()).fit(IMAGES, CLASSES)
    rows = IMAGES.reshape(len(IMAGES), -1)
    with running(model) as port:
        (found,) = client_asks(port, rows, "probability")
    assert_array_equal(found, model.predict_proba(IMAGES))


def test_gaps_of_numbers():
    rows = np.where(np.random.default_rng(2).uniform(size=X.shape) < 0.2, np.nan, X)
    model = classifier().fit(rows, CLASSES)
    with running(model) as port:
        data = [None if value != value else value for value in rows.ravel().tolist()]
        answer = data_of(infer(port, tensor(rows, data=data))[2])
    assert_array_equal(answer["prediction"], model.predict(rows))
    assert_array_equal(answer["probability"], model.predict_proba(rows))


def tensors(frame):
    """The columns of a table in JSON, with null for gaps."""
    for name, values, datatype in cells_of(frame):
        data = [None if v != v or v == "" else v for v in values.tolist()]
        yield {"name": name, "datatype": datatype, "shape": [len(data), 1], "data": data}


@pytest.mark.parametrize("kind", ["estimator", "graph"])
def test_columns_of_several_types(kind, tmp_path):
    table = mixed_table()
    # A scaler before it would take no words.
    model = classifier(autoencoder()).fit(table, WORDS)
    served = model
    if kind == "graph":
        served = tmp_path / "m.onnx"
        onnx.save(skae.to_onnx(model, table, "probability"), served)
    with running(served) as port:
        answer = data_of(infer(port, *tensors(table))[2])
    assert_allclose(answer["probability"], model.predict_proba(table), atol=1e-6)
    if kind == "estimator":
        assert_array_equal(answer["prediction"], model.predict(table))
        assert answer.keys() >= {"codes", "reconstruction_city", "reconstruction_age"}


def test_a_graph_of_words(tmp_path):
    model = classifier().fit(X, WORDS)
    onnx.save(skae.to_onnx(model, X, "prediction"), tmp_path / "m.onnx")
    with running(tmp_path / "m.onnx") as port:
        answer = data_of(infer(port, tensor(X, name="X"))[2])
    assert_array_equal(answer["prediction"], model.predict(X))


def test_what_takes_no_rows_is_told():
    model = classifier().fit(X, CLASSES)
    with running(model) as port:
        status, _, answer = infer(port, tensor(X[:, :3]))
        assert (status, "shape" in answer["error"]) == (400, True)
        assert infer(port, tensor(X))[0] == 200
