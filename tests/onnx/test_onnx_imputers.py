"""Graphs of imputers: alone, by column, and before other steps."""

import numpy as np
import onnx
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from onnx_cases import LINEAR, Y, error, run, session_of
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tools_cases import cells_of, table

import skae
from skae import AutoencoderImputer, AutoencoderTransformer, to_onnx
from skae.cli import main

FAST = {"max_iter": 1, "random_state": 0}


@pytest.fixture(autouse=True)
def _networks_take_few_steps(monkeypatch):
    """A graph is compared with its imputer, however good that is."""
    monkeypatch.setattr("skae.imputation._correction._STEPS", 50)


@pytest.fixture(scope="module")
def numbers():
    factors = np.random.default_rng(0).normal(size=(2, 80, 2))
    X = np.hstack([*factors, factors.sum(axis=0)])
    return np.where(np.random.default_rng(1).uniform(size=X.shape) < 0.2, np.nan, X)


def feeds_of(frame):
    return {name: cells[:, None] for name, cells, _ in cells_of(frame)}


def test_columns_of_every_type_as_exported_on_the_command_line(tmp_path):
    imputer = AutoencoderImputer(**FAST).fit(table())
    skae.save(imputer, tmp_path / "m.skae")
    main(["export", str(tmp_path / "m.skae"), "--out", str(tmp_path / "m.onnx")])
    session = session_of(onnx.load(tmp_path / "m.onnx"))
    frame = table().assign(since=table()["since"].where(table().index % 5 > 0))
    frame.loc[1, "city"] = "Bonn"
    values = session.run(None, feeds_of(frame))
    names = [output.name for output in session.get_outputs()]
    assert names == [f"completed_{name}" for name in frame.columns]
    found = {name: cells[:, 0] for name, cells in zip(frame.columns, values, strict=True)}
    expected = imputer.transform(frame)
    assert_array_equal(found["city"], expected["city"])
    # A category that fit has not seen stays.
    assert found["city"][1] == "Bonn"
    assert_array_equal(found["age"], expected["age"])
    assert_array_equal(found["member"], expected["member"])
    assert_allclose(found["income"], expected["income"], rtol=1e-4)
    known = frame["income"].notna()
    assert_array_equal(found["income"][known], frame["income"][known])
    assert not np.isnan(found["since"]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_a_matrix(dtype, numbers):
    rows = numbers.astype(dtype)
    imputer = AutoencoderImputer(**FAST).fit(rows)
    graph = to_onnx(imputer, rows[:20])
    assert [one.name for one in session_of(graph).get_outputs()] == ["completed"]
    found, expected = run(graph, rows), imputer.transform(rows)
    assert found.dtype == expected.dtype == dtype
    assert error(found, expected) < 1e-5
    assert_array_equal(found[~np.isnan(rows)], rows[~np.isnan(rows)])
    assert run(graph, rows[:0]).shape == (0, 6)


def test_before_other_steps(numbers):
    imputer = AutoencoderImputer(max_iter=0, random_state=0)
    steps = imputer, StandardScaler(), AutoencoderTransformer(2, **LINEAR), LogisticRegression()
    classifier = make_pipeline(*steps).fit(numbers, Y[:80])
    found = run(to_onnx(classifier, numbers, "probability"), numbers)
    assert_allclose(found, classifier.predict_proba(numbers), atol=1e-6)


def test_columns_of_several_types_before_other_steps_are_refused():
    imputer = AutoencoderImputer(max_iter=0, random_state=0)
    pipeline = make_pipeline(imputer, AutoencoderTransformer(2, **LINEAR)).fit(table())
    with pytest.raises(ValueError, match="graph only as the last step"):
        to_onnx(pipeline, table())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sample_posterior": True}, r"sample_posterior=True: .* no draws"),
        ({"add_indicator": True}, r"set_params\(add_indicator=False\)"),
        ({"missing_values": -999}, r"missing_values=-999: .*=numpy.nan"),
    ],
)
def test_what_a_graph_cannot_do_is_refused_by_name(params, message, numbers):
    imputer = AutoencoderImputer(max_iter=0, random_state=0, **params).fit(numbers)
    with pytest.raises(ValueError, match=message):
        to_onnx(imputer, numbers)


def test_columns_without_a_value_and_other_outputs_are_refused(numbers):
    imputer = AutoencoderImputer(max_iter=0).fit(np.c_[numbers, np.full(80, np.nan)])
    with pytest.raises(ValueError, match="columns without any value in fit"):
        to_onnx(imputer, np.c_[numbers, np.full(80, np.nan)])
    imputer.fit(numbers)
    with pytest.raises(ValueError, match="Use output='completed'"):
        to_onnx(imputer, numbers, "score")
    with pytest.raises(ValueError, match="output='completed' is nothing that AutoencoderTransf"):
        to_onnx(AutoencoderTransformer(2, **LINEAR).fit(numbers), numbers, "completed")
