"""Serving: Pipelines of any steps answer with what they can give, also where cells are missing."""

import json

import numpy as np
import pandas as pd
import pytest
from serving_cases import FEW, ROWS, ask, data_of, infer, running, tensor
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import KernelPCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge, SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.utils.metaestimators import available_if

from skae import AutoencoderTransformer
from skae.serving import make_app

TARGET = (ROWS[:, 0] > 0).astype(int)
METHODS = {
    "codes": "transform",
    "score": "score_samples",
    "prediction": "predict",
    "probability": "predict_proba",
}
GAPS = np.where(np.random.default_rng(1).random(ROWS.shape) < 0.2, np.nan, ROWS)


def autoencoder():
    return AutoencoderTransformer(2, **FEW)


def shares():
    """Return an autoencoder that, fitted without gaps, takes none."""
    return AutoencoderTransformer(2, loss="log_loss", **FEW)


def boosting():
    return HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5)


def outputs_of(model):
    return list(make_app(model).state.service.model.outputs)


def assert_answers(model, rows, forms=({},)):
    """Check that all outputs are those of the model's own methods, in each form of the request."""
    with running(model) as port:
        for form in forms:
            status, _, answer = infer(port, tensor(rows, **form))
            assert status == 200, answer
            data = data_of(answer)
            for name, values in data.items():
                if name in METHODS:
                    expected = getattr(model, METHODS[name])(rows)
                    np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)
    return data


# -- what is left out -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([SimpleImputer(), autoencoder()], ["codes", "score"]),
        (
            [SimpleImputer(add_indicator=True), autoencoder()],
            ["codes", "reconstruction", "score"],
        ),
        ([StandardScaler(), KernelPCA(2)], ["codes"]),
        ([PolynomialFeatures(2), autoencoder()], ["codes", "score"]),
        ([FunctionTransformer(np.exp), autoencoder()], ["codes", "reconstruction", "score"]),
        ([autoencoder(), KMeans(3, n_init=1)], ["codes", "prediction"]),
        ([SimpleImputer(), autoencoder(), Ridge()], ["prediction"]),
        ([SimpleImputer(), LogisticRegression()], ["prediction", "probability"]),
        (["passthrough", autoencoder()], ["codes", "reconstruction", "score"]),
        ([autoencoder(), "passthrough"], ["codes", "reconstruction"]),
        ([StandardScaler(), IsolationForest(n_estimators=3)], ["score", "outlier"]),
        ([SGDOneClassSVM()], ["score", "outlier"]),
    ],
)
def test_what_a_pipeline_gives_is_served_and_the_rest_left_out(steps, expected, caplog):
    model = make_pipeline(*steps).fit(ROWS, TARGET)
    data = assert_answers(model, ROWS)
    assert list(data) == expected
    if "outlier" in data:
        np.testing.assert_array_equal(data["outlier"], model.predict(ROWS) == -1)
    if "reconstruction" in data:
        np.testing.assert_allclose(
            data["reconstruction"], model.inverse_transform(model.transform(ROWS))
        )
    # What looks as if it was there, and is not served, is told.
    left_out = hasattr(model, "inverse_transform") and "reconstruction" not in expected
    assert ("is served without 'reconstruction'" in caplog.text) == left_out


class Fragile(BaseEstimator):
    """Has methods of which nobody can ask whether they are there."""

    n_features_in_ = 5

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X[:, :2]

    @property
    def inverse_transform(self):
        raise RuntimeError("fit it otherwise")

    @available_if(lambda self: 1 / 0)
    def predict(self, X):
        return X[:, 0]


@pytest.mark.parametrize("model", [Fragile(), make_pipeline(StandardScaler(), Fragile())])
def test_a_method_that_cannot_be_asked_for_is_not_there(model):
    assert outputs_of(model.fit(ROWS)) == ["codes"]


def test_answers_that_are_not_one_a_row_are_left_out():
    twice = np.c_[TARGET, TARGET]
    forest = RandomForestClassifier(2, random_state=0).fit(ROWS, twice)
    assert outputs_of(forest) == ["prediction"]
    voters = [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]
    voting = VotingClassifier(voters, voting="soft", flatten_transform=False)
    assert outputs_of(voting.fit(ROWS, TARGET)) == ["prediction", "probability"]


@pytest.mark.parametrize("named", [False, True])
def test_encoders_that_know_neither_zero_nor_one(named):
    years = np.random.default_rng(0).choice([2019.0, 2020.0], (60, 2))
    rows = np.c_[ROWS[:, :2], years]
    encoders = [("a", OneHotEncoder(sparse_output=False), [2]), ("b", OrdinalEncoder(), [3])]
    if named:
        rows = pd.DataFrame(rows, columns=list("wxyz"))
        encoders = [(name, encoder, ["yz"[i]]) for i, (name, encoder, _) in enumerate(encoders)]
    by_column = ColumnTransformer(encoders, remainder=StandardScaler())
    model = make_pipeline(by_column, autoencoder()).fit(rows)
    with running(model) as port:
        data = data_of(infer(port, tensor(np.asarray(rows)))[2])
        status, _, answer = infer(port, tensor(np.full((1, 4), 3.0)))
    assert list(data) == ["codes", "score"]
    np.testing.assert_array_equal(data["codes"], model.transform(rows))
    assert status == 400
    assert "unknown categories" in answer["error"]


def test_an_error_of_the_model_is_cut():
    rows = np.arange(60.0).repeat(5).reshape(60, 5)
    model = make_pipeline(OrdinalEncoder(), autoencoder()).fit(rows)
    with running(model) as port:
        status, _, answer = infer(port, tensor(np.random.default_rng(0).normal(size=(900, 5))))
    assert status == 400
    assert "unknown categories" in answer["error"]
    assert len(answer["error"]) < 700


# -- cells that are missing -------------------------------------------------------------


TAKE_GAPS = [
    make_pipeline(SimpleImputer(), autoencoder()),
    make_pipeline(StandardScaler(), SimpleImputer(), autoencoder()),
    make_pipeline(KNNImputer(), autoencoder(), LogisticRegression()),
    make_pipeline(StandardScaler(), boosting()),
    HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5),
    make_pipeline(FunctionTransformer(np.nan_to_num), autoencoder()),
    IsolationForest(n_estimators=3, random_state=0),
    autoencoder(),
    make_pipeline(StandardScaler(), autoencoder(), LogisticRegression()),
]


@pytest.mark.parametrize("model", TAKE_GAPS)
def test_missing_cells_are_served_where_the_pipeline_takes_them(model):
    model.fit(GAPS, TARGET)
    nulls = [None if np.isnan(value) else value for value in GAPS.ravel()]
    nested = [nulls[i : i + 5] for i in range(0, len(nulls), 5)]
    assert_answers(model, GAPS, [{"data": nulls}, {"data": nested}])


def send(port, rows):
    """Ask in bytes."""
    head = tensor(rows)
    del head["data"]
    head["parameters"] = {"binary_data_size": rows.nbytes}
    text = json.dumps({"inputs": [head]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    return ask(port, "POST", "/v2/models/m/infer", text + rows.tobytes(), headers)


def with_cell(value, row=1, column=2):
    rows = ROWS[:3].copy()
    rows[row, column] = value
    return rows


def test_missing_cells_in_bytes_and_with_other_requests():
    model = make_pipeline(SimpleImputer(), autoencoder()).fit(GAPS)
    with running(model) as port:
        status, _, answer = send(port, GAPS)
        assert status == 200
        np.testing.assert_array_equal(data_of(answer)["codes"], model.transform(GAPS))
        for value in (np.inf, -np.inf):
            status, _, answer = send(port, with_cell(value))
            assert status == 400
            assert "infinite or too large), in row 1, column 2" in answer["error"]
        # Integers have no missing value.
        head = tensor(ROWS[:1], datatype="INT64", data=[0, None, 0, 0, 0])
        assert "integers, got null at place 1" in infer(port, head)[2]["error"]


@pytest.mark.parametrize(
    "model",
    [
        shares().fit(np.clip(ROWS, 0, 1)),
        make_pipeline(MinMaxScaler(clip=True), shares()).fit(ROWS),
        make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET),
    ],
)
def test_missing_cells_are_refused_by_name_where_the_pipeline_does_not_take_them(model):
    with running(model) as port:
        status, _, answer = send(port, with_cell(np.nan))
        assert status == 400
        assert "no missing value, in row 1, column 2" in answer["error"]
        rows = [[None if np.isnan(value) else value for value in row] for row in with_cell(np.nan)]
        status, _, answer = infer(port, tensor(ROWS[:3], data=rows))
        assert status == 400
        assert "got null at place 7, row 1, column 2" in answer["error"]


@pytest.mark.parametrize("named", [False, True])
def test_missing_cells_in_some_columns(named):
    rows = pd.DataFrame(ROWS, columns=list("abcde")) if named else ROWS
    columns = ["a", "b"] if named else [0, 1]
    by_column = ColumnTransformer([("ae", autoencoder(), columns)], remainder="passthrough")
    model = make_pipeline(by_column, boosting()).fit(rows, TARGET)
    with running(model) as port:
        passed = with_cell(np.nan, column=3)
        status, _, answer = send(port, passed)
        assert status == 200
        expected = model.predict_proba(
            pd.DataFrame(passed, columns=list("abcde")) if named else passed
        )
        np.testing.assert_allclose(data_of(answer)["probability"], expected, rtol=1e-12)
        status, _, answer = send(port, with_cell(np.nan, row=2, column=1))
        assert status == 400
        assert "row 2, column 1" in answer["error"]


def test_a_missing_category_that_one_encoder_knows():
    codes = np.array([[1.0, 1.0], [2.0, np.nan]] * 30)
    model = make_pipeline(OrdinalEncoder(), SimpleImputer(), autoencoder()).fit(codes)
    with running(model) as port:
        assert send(port, codes)[0] == 200
        status, _, answer = send(port, codes[:, ::-1].copy())
    assert status == 400
    assert "row 1, column 0" in answer["error"]


def test_an_answer_that_is_missing_comes_in_bytes():
    model = StandardScaler().fit(ROWS)
    with running(model) as port:
        status, _, answer = send(port, with_cell(np.nan))
        assert status == 400
        assert "a cell is missing" in answer["error"]
        output = {"name": "codes", "parameters": {"binary_data": True}}
        nulls = tensor(ROWS[:1], data=[None, 0, 0, 0, 0])
        status, headers, content = infer(port, nulls, outputs=[output])
    assert status == 200
    values = np.frombuffer(content[int(headers["Inference-Header-Content-Length"]) :])
    assert np.isnan(values).tolist() == [True, False, False, False, False]


def test_trials_cost_little_for_many_columns():
    calls = []

    class Counting(AutoencoderTransformer):
        def transform(self, X):
            calls.append(len(X))
            return super().transform(X)

    rows = np.random.default_rng(0).normal(size=(60, 300))
    make_app(Counting(2, **FEW).fit(rows))
    assert len(calls) < 30
