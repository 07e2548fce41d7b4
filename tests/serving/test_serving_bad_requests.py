"""Serving: what cannot be answered gets a clear error, and nothing else suffers."""

import http.client
import json
import re

import numpy as np
import pytest
from serving_cases import FEW, ROWS, ask, infer, metrics, running, tensor, wait_for
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import AutoencoderTransformer

LIMIT = 20_000


@pytest.fixture(scope="module")
def port():
    # Without gaps in fit it takes none: this loss has no mean to fill them with.
    model = make_pipeline(
        MinMaxScaler(clip=True), AutoencoderTransformer(2, loss="log_loss", **FEW)
    )
    with running(model.fit(ROWS), max_body=LIMIT) as port:
        yield port


@pytest.fixture(autouse=True)
def _still_serves_and_queued_nothing(port):
    before = metrics(port)
    yield
    after = metrics(port)
    assert after["skae_accepted_requests_total",] == before["skae_accepted_requests_total",]
    assert infer(port, tensor())[0] == 200


def with_data(*values, **changes):
    """A request with these data, as they are in JSON."""
    text = json.dumps({"inputs": [tensor(data=None, **changes)]})
    return text.replace("null", "[" + ", ".join(values) + "]")


DEEP = "[" * 5000 + "]" * 5000

BAD_DATA = [
    (with_data("NaN", "0", "0", "0", "0"), "not JSON"),
    (with_data("Infinity", "0", "0", "0", "0"), "not JSON"),
    (with_data("1e999", "0", "0", "0", "0"), "not JSON"),
    (with_data("1e39", "0", "0", "0", "0", datatype="FP32"), "FP32 cannot .*row 0, column 0"),
    (with_data("0", "0", "0", "0", "7e4", datatype="FP16"), "FP16 cannot .*row 0, column 4"),
    (with_data("0", "0", "0", "0", "300", datatype="INT8"), "leave the range of INT8"),
    (with_data("0", "0", "0", "0", "-1", datatype="UINT64"), "leave the range of UINT64"),
    (with_data("0", "0", "0", "0", "1.5", datatype="INT64"), "integers, got 1.5 at place 4"),
    (with_data("0", "true", "0", "0", "0"), "a boolean at place 1.*Truth values are 1 and 0 here"),
    (with_data("0", '"2024-12-31"', "0", "0", "0"), "Dates are seconds since 1970 here"),
    (with_data("0", "true", "0", "0", "0", datatype="INT8"), "got a boolean at place 1"),
    (with_data("0", '"1"', "0", "0", "0"), "got a string at place 1"),
    (with_data("0", "null", "0", "0", "0"), "got null at place 1"),
    (with_data("0", "{}", "0", "0", "0"), "got an object at place 1"),
    (with_data("0", "0", "0", "0"), r"shape \[1, 5\] has 5 numbers, got 4"),
    (with_data("0", "0", "0", "0", "0", "0"), "5 numbers, got 6"),
    (with_data(), "5 numbers, got 0"),
    (with_data("[0, 0, 0, 0]"), "1 lists of 5 numbers each"),
    (with_data("[0, 0, 0, 0, 0]", "[0, 0, 0, 0]", shape=[2, 5]), "2 lists of 5 numbers each"),
    (with_data("[0, 0, 0, 0, 0]", "0", shape=[2, 5]), "2 lists of 5 numbers each"),
    (with_data("[0, 0, 0, 0, [0]]"), "a list within a list"),
    (with_data(DEEP), "not JSON"),
    (with_data("[" * 500 + "]" * 500), "1 lists of 5 numbers"),
]

BAD_TENSORS = [
    ([], "There must be one input, 'input', got 0"),
    ([tensor(), tensor()], "one input, 'input', got 2"),
    ([tensor(name="x")], "must be called 'input', got 'x'"),
    ([tensor(name=None)], "must be called 'input', got None"),
    ([3], '"inputs" must be a list'),
    ("input", '"inputs" must be a list'),
    ([tensor(datatype="BF16")], "datatype of an input must be one of FP16, .*got 'BF16'"),
    ([tensor(datatype="BYTES")], "got 'BYTES'"),
    ([tensor(datatype=["FP32"])], "must be one of"),
    ([tensor(shape=[1, 4])], r"\[n, 5\], of n >= 1 rows, got \[1, 4\]"),
    ([tensor(shape=[5])], "of n >= 1 rows"),
    ([tensor(shape=[1, 1, 5])], "of n >= 1 rows"),
    ([tensor(shape=[0, 5], data=[])], "of n >= 1 rows"),
    ([tensor(shape=[-1, 5])], "of n >= 1 rows"),
    ([tensor(shape=[True, 5])], "of n >= 1 rows"),
    ([tensor(shape=[1.0, 5])], "of n >= 1 rows"),
    ([tensor(shape=[10**18, 5])], "numbers, got 5"),
    ([tensor(shape=None)], "of n >= 1 rows"),
    ([tensor(data="00000")], "must be a list, got a string"),
    ([tensor(data={"0": 0})], "must be a list, got an object"),
    ([tensor(parameters=3)], '"parameters" must be an object'),
    ([tensor(parameters={"binary_data_size": 40})], "both"),
]

BAD_FIELDS = [
    ({"outputs": [{"name": "outlier"}]}, "no output 'outlier'; the model has codes, recon"),
    ({"outputs": [{"name": "score"}, {"name": "score"}]}, "more than once"),
    ({"outputs": [{"name": ["score"]}]}, "no output"),
    ({"outputs": [{}]}, "no output None"),
    ({"outputs": ["score"]}, '"outputs" must be a list of objects'),
    ({"outputs": 3}, '"outputs" must be a list of objects'),
    ({"outputs": [{"name": "score", "parameters": {"classification": 2}}]}, "not supported"),
    ({"outputs": [{"name": "score", "parameters": {"binary_data": 1}}]}, "true or false, got 1"),
    ({"parameters": {"binary_data_output": "yes"}}, "must be true or false, got 'yes'"),
    ({"parameters": []}, '"parameters" must be an object'),
    ({"id": 7}, '"id" must be a string, got 7'),
]


def assert_refused(answer, message, expected=400):
    status, headers, content = answer
    assert (status, headers["Content-Type"]) == (expected, "application/json")
    assert list(content) == ["error"]
    assert re.search(message, content["error"]), content["error"]


@pytest.mark.parametrize(("body", "message"), BAD_DATA)
def test_bad_data(port, body, message):
    assert_refused(ask(port, "POST", "/v2/models/m/infer", body), message)


@pytest.mark.parametrize(("tensors", "message"), BAD_TENSORS)
def test_bad_inputs(port, tensors, message):
    body = json.dumps({"inputs": tensors})
    assert_refused(ask(port, "POST", "/v2/models/m/infer", body), message)


@pytest.mark.parametrize(("fields", "message"), BAD_FIELDS)
def test_bad_fields(port, fields, message):
    assert_refused(infer(port, tensor(), **fields), message)


@pytest.mark.parametrize("body", [b"", b"{", b"3", b"[]", b"null", b'"inputs"', b"{}", b"\xff{}"])
def test_what_is_no_request(port, body):
    assert_refused(ask(port, "POST", "/v2/models/m/infer", body), "not JSON|object|must be a list")


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("tensors", "fields"),
    [
        ([{}] * 3000, {}),
        ([tensor(name=LONG)], {}),
        ([tensor(datatype=LONG)], {}),
        ([tensor(shape=[[LONG] * 2])], {}),
        ([tensor(parameters={"binary_data_size": 40}, data=LONG)], {}),
        ([tensor()], {"id": [LONG]}),
        ([tensor()], {"id": [[[1] * 9] * 9] * 9}),
        ([tensor()], {"outputs": [{"name": LONG}]}),
        ([tensor()], {"outputs": [{"name": "score"}] * 300}),
        ([tensor()], {"parameters": {"binary_data_output": LONG}}),
    ],
)
def test_errors_repeat_little_of_a_request(port, tensors, fields):
    status, _, answer = infer(port, *tensors, **fields)
    assert status == 400
    assert len(answer["error"]) < 400


# -- bytes ------------------------------------------------------------------------------


def send_bytes(port, data, size, json_length=None, datatype="FP64", **fields):
    head = tensor(datatype=datatype)
    del head["data"]
    head["parameters"] = {"binary_data_size": size}
    text = json.dumps({"inputs": [head | fields]}).encode()
    length = len(text) if json_length is None else json_length
    headers = {"Inference-Header-Content-Length": str(length)}
    return ask(port, "POST", "/v2/models/m/infer", text + data, headers)


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [
        (bytes(39), 40, "40, but 39 bytes follow"),
        (bytes(41), 40, "40, but 41 bytes follow"),
        (bytes(40), 41, "41, but 40 bytes follow"),
        (bytes(40), "40", "'40', but 40 bytes"),
        (bytes(40), True, "True, but"),
        (bytes(40), -1, "-1, but"),
        (bytes(20), 20, r"shape \[1, 5\] and datatype FP64 is 40 bytes, got 20"),
        (np.array([0, np.nan, 0, 0, 0]).tobytes(), 40, "row 0, column 1"),
        (np.array([0, 0, 0, 0, np.inf]).tobytes(), 40, "row 0, column 4"),
    ],
)
def test_bad_bytes(port, data, size, message):
    assert_refused(send_bytes(port, data, size), message)


@pytest.mark.parametrize("json_length", ["-1", "x", "1e2", "100000", "²", "1" * 5000])
def test_a_bad_length_of_the_json(port, json_length):
    json_length = json_length.encode().decode("latin-1")
    answer = send_bytes(port, bytes(40), 40, json_length)
    assert_refused(answer, "Inference-Header-Content-Length must be the length of the JSON part")


def test_a_length_of_the_json_that_cuts_it(port):
    assert_refused(send_bytes(port, bytes(40), 40, 10), "not JSON")
    assert_refused(send_bytes(port, bytes(40), 40, 0), "not JSON")


def test_bytes_that_nobody_announced(port):
    text = json.dumps({"inputs": [tensor()]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    answer = ask(port, "POST", "/v2/models/m/infer", text + bytes(40), headers)
    assert_refused(answer, 'no input with "binary_data_size"')


def test_an_input_without_data(port):
    head = tensor()
    del head["data"]
    head["parameters"] = {"shared_memory_region": "a", "shared_memory_byte_size": 40}
    assert_refused(infer(port, head), "neither .*Shared memory is not supported")


# -- HTTP -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v2/models/other", "no model 'other'; this server has 'm', version '1'"),
        ("/v2/models/other/ready", "no model 'other'"),
        ("/v2/models/m/versions/2", "no model 'm' of version '2'"),
        ("/v2/models/m/versions/2/ready", "of version '2'"),
        ("/v1/models/m", "no address of the Open Inference Protocol"),
        ("/v2/models/m/x", "no address"),
        ("/", "no address"),
    ],
)
def test_what_is_not_there(port, path, message):
    assert_refused(ask(port, "GET", path), message, 404)


def test_a_model_that_is_not_there_does_not_infer(port):
    body = json.dumps({"inputs": [tensor()]})
    for path in ("/v2/models/other/infer", "/v2/models/m/versions/2/infer"):
        assert_refused(ask(port, "POST", path, body), "There is no model", 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/models/m/infer"),
        ("PUT", "/v2/models/m/infer"),
        ("POST", "/v2/models/m"),
        ("POST", "/v2/health/live"),
        ("DELETE", "/metrics"),
    ],
)
def test_another_method(port, method, path):
    answer = ask(port, method, path)
    assert_refused(answer, f"Method Not Allowed: {method} {path}", 405)
    assert method not in answer[1]["Allow"]


def test_compressed_bodies(port):
    body = json.dumps({"inputs": [tensor()]})
    answer = ask(port, "POST", "/v2/models/m/infer", body, {"Content-Encoding": "gzip"})
    assert_refused(answer, "Content-Encoding 'gzip' is not supported", 415)


def test_a_body_up_to_the_limit_is_read(port):
    body = json.dumps({"inputs": [tensor(data=[])]})
    assert_refused(ask(port, "POST", "/v2/models/m/infer", body.ljust(LIMIT)), "got 0")


def test_a_body_over_the_limit(port):
    body = json.dumps({"inputs": [tensor()]}).ljust(LIMIT + 1)
    answer = ask(port, "POST", "/v2/models/m/infer", body)
    assert_refused(answer, f"larger than max_body={LIMIT} bytes", 413)


def test_a_body_that_says_that_it_is_over_the_limit_is_not_waited_for(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/v2/models/m/infer")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders(b"{")
    response = connection.getresponse()
    assert response.status == 413
    assert "max_body" in json.loads(response.read())["error"]
    connection.close()


def test_a_body_in_chunks_is_refused_while_it_comes(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/v2/models/m/infer")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    # The chunk that would be the last one never comes.
    for _ in range(3):
        connection.send(b"%x\r\n" % 8192 + b" " * 8192 + b"\r\n")
    response = connection.getresponse()
    assert response.status == 413
    assert "max_body" in json.loads(response.read())["error"]
    assert response.headers["Connection"] == "close"
    connection.close()


def test_a_client_that_leaves_in_the_middle_is_no_error(port, caplog):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/v2/models/m/infer")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    connection.close()
    wait_for(port, ("skae_answers_total", "499"), 1)
    assert "Traceback" not in caplog.text
