"""Serving: NVIDIA's client for Triton works as it is, with JSON and with bytes."""

import numpy as np
import pytest
from serving_cases import FEW, ROWS, running
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from skae import AutoencoderTransformer


def client_of(port):
    return InferenceServerClient(f"127.0.0.1:{port}")


def as_input(rows, datatype, binary):
    tensor = InferInput("input", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return tensor


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
@pytest.mark.parametrize("binary_out", [False, True])
@pytest.mark.parametrize("binary_in", [False, True])
def test_inference(detector, detector_port, datatype, binary_in, binary_out):
    rows = ROWS.astype(np.float32 if datatype == "FP32" else np.float64)
    names = ["outlier", "codes", "score", "reconstruction"]
    outputs = [InferRequestedOutput(name, binary_data=binary_out) for name in names]
    with client_of(detector_port) as client:
        result = client.infer(
            "m", [as_input(rows, datatype, binary_in)], outputs=outputs, request_id="a"
        )
    codes = detector.transform(rows)
    np.testing.assert_array_equal(result.as_numpy("codes"), codes)
    assert result.as_numpy("codes").dtype == rows.dtype
    np.testing.assert_array_equal(
        result.as_numpy("reconstruction"), detector.inverse_transform(codes)
    )
    np.testing.assert_array_equal(result.as_numpy("score"), detector.score_samples(rows))
    np.testing.assert_array_equal(result.as_numpy("outlier"), detector.predict(rows) == -1)
    response = result.get_response()
    assert [output["name"] for output in response["outputs"]] == names
    assert response["id"] == "a"


def test_without_outputs_all_of_them_come_and_as_bytes(autoencoder, port):
    # This client then asks for bytes with the parameter of the whole request.
    with client_of(port) as client:
        result = client.infer("m", [as_input(ROWS, "FP64", True)], model_version="1")
    assert "parameters" in result.get_output("score")
    np.testing.assert_array_equal(result.as_numpy("codes"), autoencoder.transform(ROWS))
    np.testing.assert_array_equal(result.as_numpy("reconstruction"), autoencoder.reconstruct(ROWS))
    np.testing.assert_array_equal(result.as_numpy("score"), autoencoder.score_samples(ROWS))


@pytest.mark.parametrize("binary", [False, True])
def test_predictions_that_are_words(binary):
    X, y = load_iris(return_X_y=True)
    names = load_iris().target_names[y].astype(object)
    names[names == "setosa"] = "sétosa"
    pipeline = make_pipeline(AutoencoderTransformer(2, **FEW), LogisticRegression()).fit(X, names)
    outputs = [InferRequestedOutput("prediction", binary_data=binary)]
    with running(pipeline) as port, client_of(port) as client:
        result = client.infer("m", [as_input(X, "FP64", True)], outputs=outputs)
    predicted = result.as_numpy("prediction")
    words = [word.decode() if isinstance(word, bytes) else word for word in predicted]
    assert words == pipeline.predict(X).tolist()


def test_what_the_client_asks_of_a_server(port):
    with client_of(port) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("m")
        assert client.is_model_ready("m", "1")
        assert not client.is_model_ready("other")
        assert client.get_server_metadata()["name"] == "skae"
        metadata = client.get_model_metadata("m")
        assert [output["name"] for output in metadata["outputs"]] == [
            "codes",
            "reconstruction",
            "score",
        ]
        assert client.get_model_metadata("m", "1") == metadata


def test_the_client_understands_errors(autoencoder):
    with running(autoencoder, max_body=10_000) as port, client_of(port) as client:
        wide = InferInput("input", [1, 6], "FP64")
        wide.set_data_from_numpy(np.zeros((1, 6)))
        with pytest.raises(InferenceServerException, match=r"must be \[n, 5\]") as caught:
            client.infer("m", [wide])
        assert caught.value.status() == "400"
        with pytest.raises(InferenceServerException, match="There is no model 'other'"):
            client.infer("other", [as_input(ROWS, "FP64", True)])
        with pytest.raises(InferenceServerException, match="larger than max_body=10000"):
            client.infer("m", [as_input(np.zeros((10_000, 5)), "FP64", True)])
        assert client.infer("m", [as_input(ROWS, "FP64", True)]).as_numpy("score").shape == (60,)
