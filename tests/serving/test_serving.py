"""Serving: what is answered is what the estimator itself says, in batches or alone."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from serving_cases import (
    FEW,
    ROWS,
    ask,
    data_of,
    infer,
    metrics,
    running,
    running_app,
    tensor,
    wait_for,
)
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from starlette.applications import Starlette
from starlette.routing import Mount

from skae import AutoencoderTransformer, DriftDetector, VariationalAutoencoder
from skae.serving import make_app


class Gate(BaseEstimator):
    """A model that computes only while it is open, and remembers how many rows came together."""

    n_features_in_ = 5

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.sizes = []

    def score_samples(self, X):
        assert self.open.wait(60)
        self.sizes.append(len(X))
        return X.sum(axis=1)


# -- what is answered -------------------------------------------------------------------


def test_an_autoencoder_answers_with_codes_reconstructions_and_scores(autoencoder, port):
    status, _, answer = infer(port, tensor(ROWS), id="7")
    assert status == 200
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("m", "1", "7")
    data = data_of(answer)
    np.testing.assert_array_equal(data["codes"], autoencoder.transform(ROWS))
    np.testing.assert_array_equal(data["reconstruction"], autoencoder.reconstruct(ROWS))
    np.testing.assert_array_equal(data["score"], autoencoder.score_samples(ROWS))
    assert len(data) == 3


def test_a_detector_also_tells_outliers(detector, detector_port):
    data = data_of(infer(detector_port, tensor(ROWS * 2))[2])
    outlier = detector.predict(ROWS * 2) == -1
    assert 0 < outlier.sum() < len(ROWS)
    np.testing.assert_array_equal(data["outlier"], outlier)
    np.testing.assert_array_equal(data["score"], detector.score_samples(ROWS * 2))
    codes = detector.transform(ROWS * 2)
    np.testing.assert_array_equal(data["codes"], codes)
    np.testing.assert_array_equal(data["reconstruction"], detector.inverse_transform(codes))


def test_a_pipeline_answers_with_what_it_can_give():
    X, y = load_iris(return_X_y=True)
    names = load_iris().target_names[y]
    autoencoder = AutoencoderTransformer(2, **FEW)
    pipeline = make_pipeline(StandardScaler(), autoencoder, LogisticRegression()).fit(X, names)
    with running(pipeline) as port:
        data = data_of(infer(port, tensor(X))[2])
        outputs = ask(port, "GET", "/v2/models/m")[2]["outputs"]
    np.testing.assert_array_equal(data["prediction"], pipeline.predict(X))
    np.testing.assert_allclose(data["probability"], pipeline.predict_proba(X), rtol=1e-12)
    assert outputs == [
        {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
        {"name": "probability", "datatype": "FP64", "shape": [-1, 3]},
    ]


def test_a_pipeline_without_a_predictor_encodes_decodes_and_scores():
    pipeline = make_pipeline(StandardScaler(), AutoencoderTransformer(2, **FEW)).fit(ROWS)
    with running(pipeline) as port:
        data = data_of(infer(port, tensor(ROWS))[2])
    codes = pipeline.transform(ROWS)
    np.testing.assert_array_equal(data["codes"], codes)
    np.testing.assert_array_equal(data["reconstruction"], pipeline.inverse_transform(codes))
    np.testing.assert_array_equal(data["score"], pipeline.score_samples(ROWS))


def test_names_of_columns_cause_no_warning_and_no_other_answer():
    # A warning in the thread of the model would fail the request, as all are errors here.
    table = pd.DataFrame(ROWS, columns=list("abcde"))
    named = AutoencoderTransformer(2, **FEW).fit(table).set_output(transform="pandas")
    with running(named) as port:
        data = data_of(infer(port, tensor(ROWS))[2])
    np.testing.assert_array_equal(data["codes"], named.transform(table))


def test_metadata(detector_port):
    server = ask(detector_port, "GET", "/v2")[2]
    model = ask(detector_port, "GET", "/v2/models/m")[2]
    assert ask(detector_port, "GET", "/v2/models/m/versions/1")[2] == model
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"):
        assert ask(detector_port, "GET", path)[0] == 200
    assert server["name"] == "skae"
    assert "binary_tensor_data" in server["extensions"]
    assert model == {
        "name": "m",
        "versions": ["1"],
        "platform": "scikit-learn",
        "inputs": [{"name": "input", "datatype": "FP64", "shape": [-1, 5]}],
        "outputs": [
            {"name": "codes", "datatype": "FP64", "shape": [-1, 4]},
            {"name": "reconstruction", "datatype": "FP64", "shape": [-1, 5]},
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "outlier", "datatype": "BOOL", "shape": [-1]},
        ],
    }


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [("FP16", "f2"), ("FP32", "f4"), ("FP64", "f8"), ("INT8", "i1"), ("UINT64", "u8")],
)
def test_every_datatype_gives_what_the_estimator_gives_for_it(autoencoder, port, datatype, dtype):
    rows = np.abs(ROWS * 10).astype(dtype)
    flat = infer(port, tensor(rows, datatype=datatype))[2]
    nested = infer(port, tensor(rows, datatype=datatype, data=rows.tolist()))[2]
    assert flat == nested
    # Half precision is computed in double precision.
    computed = rows.astype("f8") if datatype == "FP16" else rows
    np.testing.assert_array_equal(data_of(flat)["codes"], autoencoder.transform(computed))
    codes = next(output for output in flat["outputs"] if output["name"] == "codes")
    assert codes["datatype"] == ("FP32" if datatype == "FP32" else "FP64")


def test_only_what_is_asked_for_is_computed():
    class Counting(AutoencoderTransformer):
        calls = ()

        def transform(self, X):
            self.calls += ("transform",)
            return super().transform(X)

        def score_samples(self, X):
            self.calls += ("score_samples",)
            return super().score_samples(X)

    model = Counting(2, **FEW).fit(ROWS)
    with running(model) as port:
        model.calls = ()
        data = data_of(infer(port, tensor(), outputs=[{"name": "score"}])[2])
    assert list(data) == ["score"]
    assert model.calls == ("score_samples",)


def test_the_application_can_be_mounted_in_another_one(autoencoder):
    host = Starlette(routes=[Mount("/models", make_app(autoencoder, name="m"))])
    with running_app(host) as port:
        body = json.dumps({"inputs": [tensor(ROWS)]})
        answer = ask(port, "POST", "/models/v2/models/m/infer", body)[2]
    np.testing.assert_array_equal(data_of(answer)["codes"], autoencoder.transform(ROWS))


@pytest.mark.parametrize(
    "model", [LogisticRegression(), DriftDetector(AutoencoderTransformer()), FunctionTransformer()]
)
def test_what_is_no_model_of_rows_is_not_served(model):
    with pytest.raises(TypeError, match="cannot be served: expected a fitted estimator"):
        make_app(model)


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model"])
def test_files_of_other_kinds_are_not_served(tmp_path, name):
    with pytest.raises(ValueError, match=r"expected the suffix \.skae, \.skops, \.onnx"):
        make_app(tmp_path / name)


@pytest.mark.parametrize("name", ["a/b", ""])
def test_names_that_no_address_reaches_are_refused(autoencoder, name):
    with pytest.raises(ValueError, match="cannot be a part of an address"):
        make_app(autoencoder, name=name)


@pytest.mark.parametrize(
    "fields",
    [
        {"parameters": {"binary_data_output": None}},
        {"outputs": [{"name": "score", "parameters": {"binary_data": None}}]},
    ],
)
def test_null_is_as_if_it_were_not_there(port, fields):
    outputs = infer(port, tensor(), **fields)[2]["outputs"]
    assert all("data" in output for output in outputs)


def test_a_search_over_detectors_answers_with_outliers(detector):
    forest = IsolationForest(n_estimators=3, random_state=0)
    for model in (detector, make_pipeline(StandardScaler(), forest)):
        search = GridSearchCV(model, {}, cv=2, scoring=lambda model, X, y=None: 0.0).fit(ROWS)
        with running(search) as port:
            data = data_of(infer(port, tensor(ROWS))[2])
        assert "prediction" not in data
        np.testing.assert_array_equal(data["outlier"], search.predict(ROWS) == -1)


def test_columns_of_words_are_not_served():
    words = np.array([["a"], ["b"]] * 30, dtype=object)
    encode = OneHotEncoder(sparse_output=False)
    pipeline = make_pipeline(encode, AutoencoderTransformer(1, **FEW)).fit(words)
    with pytest.raises(TypeError, match="Only numeric columns are served"):
        make_app(pipeline)


# -- many at once -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def variational():
    return VariationalAutoencoder(2, n_draws=5, **FEW).fit(ROWS)


@pytest.mark.parametrize(
    ("model", "rtol"), [("autoencoder", 0), ("variational", 0), ("detector", 1e-12)]
)
def test_many_at_once_get_what_they_get_alone(model, rtol, request):
    # Autoencoders promise the bits; the distances of a detector are sums in another order.
    model = request.getfixturevalue(model)
    rows = np.random.default_rng(1).normal(size=(100, 5))
    alone = np.concatenate([model.score_samples(row[None]) for row in rows])
    with running(model) as port, ThreadPoolExecutor(16) as pool:

        def score(row):
            return infer(port, tensor(row[None]), outputs=[{"name": "score"}])

        answers = list(pool.map(score, rows))
    assert {status for status, _, _ in answers} == {200}
    scores = np.concatenate([data_of(answer)["score"] for _, _, answer in answers])
    np.testing.assert_allclose(scores, alone, rtol=rtol, atol=0)


def test_requests_of_all_kinds_at_once_each_get_their_own_answer(autoencoder):
    rng = np.random.default_rng(2)
    methods = {"codes": "transform", "reconstruction": "reconstruct", "score": "score_samples"}
    cases = [
        (rng.normal(size=(n, 5)).astype(dtype), datatype, output)
        for _ in range(6)
        for n in (1, 3, 40)
        for dtype, datatype in (("f4", "FP32"), ("f8", "FP64"))
        for output in methods
    ]
    with running(autoencoder, max_batch=32) as port, ThreadPoolExecutor(16) as pool:

        def ask_for(case):
            rows, datatype, output = case
            return infer(port, tensor(rows, datatype=datatype), outputs=[{"name": output}])

        answers = list(pool.map(ask_for, cases))
    for (rows, _, output), (status, _, answer) in zip(cases, answers, strict=True):
        assert status == 200
        expected = getattr(autoencoder, methods[output])(rows)
        np.testing.assert_array_equal(data_of(answer)[output], expected)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def test_what_waits_is_computed_together(gate):
    with running(gate, max_batch=6) as port, ThreadPoolExecutor(16) as pool:
        gate.sizes.clear()
        gate.open.clear()
        first = pool.submit(infer, port, tensor(ROWS[:1]))
        wait_for(port, ("skae_accepted_requests_total",), 1)
        wait_for(port, ("skae_waiting_rows",), 0)
        others = [pool.submit(infer, port, tensor(ROWS[i : i + 1])) for i in range(1, 10)]
        # The server answers others while the model is at work.
        wait_for(port, ("skae_waiting_rows",), 9)
        gate.open.set()
        for i, future in enumerate([first, *others]):
            status, _, answer = future.result()
            assert status == 200
            np.testing.assert_array_equal(data_of(answer)["score"], ROWS[i : i + 1].sum(axis=1))
        found = metrics(port)
    assert gate.sizes == [1, 6, 3]
    assert found["skae_batch_rows_count",] == 3
    assert found["skae_batch_rows_sum",] == found["skae_accepted_rows_total",] == 10
    assert found["skae_answers_total", "200"] == found["skae_request_seconds_count",] == 10
    assert found["skae_waiting_rows",] == 0


def test_a_full_queue_asks_to_come_again(gate):
    with running(gate, max_queue=3) as port, ThreadPoolExecutor(16) as pool:
        gate.open.clear()
        accepted = [pool.submit(infer, port, tensor(ROWS[:1]))]
        wait_for(port, ("skae_accepted_requests_total",), 1)
        wait_for(port, ("skae_waiting_rows",), 0)
        # More than the queue holds may wait if nothing else does.
        accepted.append(pool.submit(infer, port, tensor(ROWS[:10])))
        wait_for(port, ("skae_waiting_rows",), 10)
        status, headers, answer = infer(port, tensor(ROWS[:1]))
        gate.open.set()
        assert [future.result()[0] for future in accepted] == [200, 200]
        assert infer(port, tensor(ROWS[:1]))[0] == 200
        found = metrics(port)
    assert (status, headers["Retry-After"]) == (503, "1")
    assert "The queue is full: 10 of max_queue=3 rows wait" in answer["error"]
    assert found["skae_answers_total", "503"] == 1
    assert found["skae_accepted_requests_total",] == 3


def test_rows_that_the_model_refuses_do_no_harm_to_others():
    # That loss takes no row outside of [0, 1], which nobody knows before the model is asked.
    rows = np.abs(np.tanh(ROWS))
    model = AutoencoderTransformer(2, loss="log_loss", **FEW).fit(rows)
    some = rows[:20].copy()
    some[7] = 3.0
    with running(model) as port, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda row: infer(port, tensor(row[None])), some))
    assert [status for status, _, _ in answers] == [400 if i == 7 else 200 for i in range(20)]
    assert "The model does not take these rows" in answers[7][2]["error"]
    del answers[7]
    scores = np.concatenate([data_of(answer)["score"] for _, _, answer in answers])
    np.testing.assert_array_equal(scores, model.score_samples(np.delete(some, 7, axis=0)))


def test_what_json_cannot_say_is_refused_and_sent_as_bytes(port):
    far = np.full((1, 5), 1e300)
    status, _, answer = infer(port, tensor(far), outputs=[{"name": "score"}])
    assert status == 400
    assert "which JSON cannot" in answer["error"]
    score = {"name": "score", "parameters": {"binary_data": True}}
    status, headers, content = infer(port, tensor(far), outputs=[score])
    assert status == 200
    length = int(headers["Inference-Header-Content-Length"])
    assert json.loads(content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert not np.isfinite(np.frombuffer(content[length:], "<f8")).any()
