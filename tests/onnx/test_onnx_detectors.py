"""Graphs of outlier detectors."""

import numpy as np
import onnx
import pandas as pd
import pytest
import skl2onnx
import torch
from onnx_cases import (
    LINEAR,
    X,
    Y,
    answer,
    check_graph,
    columns_of,
    error,
    run,
    session_of,
)
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    to_onnx,
)
from skae.detection import Calibration
from skae.onnx._detector_modules import CalibrationModule

ONE = {"n_estimators": 1, "cv": 2, "random_state": 0}


@pytest.fixture(scope="module")
def pipeline():
    """Two members of three folds behind a scaler; two columns got their scale later."""
    scaler = MinMaxScaler().fit(X)
    rows = scaler.transform(X)
    first = rows.copy()
    first[:, [0, 2]] = [-1.0, 2.0]
    detector = AutoencoderOutlierDetector(
        AutoencoderTransformer(3, **LINEAR), **ONE | {"n_estimators": 2, "cv": 3}
    )
    detector.partial_fit(first).partial_fit(rows)
    assert (detector._scaling.shift[[0, 2]] != 0).all()
    return make_pipeline(scaler, detector)


def test_reconstructions(pipeline):
    model = to_onnx(pipeline, X[:3], "reconstruction")
    check_graph(model, answer(pipeline, X, "reconstruction"), X, "reconstruction")


def test_codes_for_a_step_behind(pipeline):
    behind = StandardScaler().fit(pipeline.transform(X))
    longer = make_pipeline(*(step for _, step in pipeline.steps), behind)
    check_graph(to_onnx(longer, X[:3]), longer.transform(X), X, "codes")


def test_scores_in_float32(pipeline):
    scaler, detector = pipeline[0], pipeline[-1]
    rows = scaler.transform(X).astype(np.float32)
    assert len(detector._scores[0]._gaussians.centers_) > 1
    model = to_onnx(detector, rows[:3], "score")
    check_graph(model, detector.score_samples(rows), rows, "score")
    found = run(model, rows)
    # A row at the threshold may be on either side of it.
    clear = abs(detector.decision_function(rows)) > 1e-4
    assert clear.mean() > 0.98
    is_below = found < detector.offset_
    assert 0.01 < is_below.mean() < 0.5
    np.testing.assert_array_equal(is_below[clear], detector.predict(rows)[clear] == -1)


def test_images():
    images = np.random.default_rng(0).normal(size=(60, 6, 6))
    network = ConvolutionalAutoencoder(2, channels=(4,), max_iter=2)
    detector = AutoencoderOutlierDetector(network, **ONE).fit(images)
    for output in ("codes", "reconstruction", "score"):
        found = run(to_onnx(detector, images[:3], output), images)
        assert error(found, answer(detector, images, output)) < 1e-4, output


def test_p_values():
    members = AutoencoderTransformer(3, loss="poisson", **LINEAR)
    two = ONE | {"n_estimators": 2, "scoring": "mahalanobis"}
    detector = AutoencoderOutlierDetector(members, **two)
    # The graph grows with the logarithm of the rows. A third of them are ties.
    pipeline = make_pipeline(MinMaxScaler(), detector).fit(np.r_[X[:40], X[:20]])
    model = to_onnx(pipeline, X[:50], "p_value")
    rows = np.vstack([X, 100 * X[:5]])
    found, expected = run(model, rows), pipeline[-1].p_values(pipeline[:-1].transform(rows))
    assert found[-1] == expected[-1] == 1 / 61
    assert len(np.unique(expected)) > 40
    off = np.abs(found - expected) * 61
    # Rows that the detector was trained on have the very scores that it compares them with.
    assert off[:60].max() < 1.01
    assert np.mean(off[60:] > 1e-6) < 0.02
    assert run(model, X[:0]).shape == (0,)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7, 8, 9, 500])
def test_p_values_of_held_out_rows_with_weights(n_rows):
    rng = np.random.default_rng(n_rows)
    calibration = Calibration()
    for members in ([0], [1, 2]):
        # Scores of several signs and sizes, some of them tied.
        known = rng.normal(size=(n_rows, 3)).round(1) * 1e3
        calibration.add(np.array(members), known, rng.uniform(0.1, 2, n_rows))
    unusual = np.vstack([rng.normal(size=(50, 3)).round(1) * 1e3, known, np.full((2, 3), 1e9)])
    expected = calibration.p_values(unusual)
    found = CalibrationModule(calibration)(torch.tensor(unusual.T))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # What is equal but for rounding counts as equal.
    rounded = torch.tensor(unusual.T * (1 + 1e-7))
    np.testing.assert_allclose(CalibrationModule(calibration)(rounded), expected, rtol=1e-12)


def test_p_values_are_not_quantized(pipeline):
    with pytest.raises(ValueError, match="output='p_value' cannot be quantized"):
        to_onnx(pipeline, X, "p_value", quantize=True)
    with pytest.raises(ValueError, match="output='p_value' is nothing that LogisticReg"):
        to_onnx(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), X, "p_value")


# Far from everything that was seen, where columns are brought in.
FAR = 100 * X - 50


def test_likelihoods():
    members = VariationalAutoencoder(n_draws=3, **LINEAR)
    detector = AutoencoderOutlierDetector(members, scoring="likelihood", **ONE).fit(X)
    model = to_onnx(detector, X[:3], "score")
    check_graph(model, detector.score_samples(X), X, "score")
    assert error(run(model, FAR), detector.score_samples(FAR)) < 1e-5


def test_columns_that_follow_from_others():
    # Residuals of nearly no size, in units of their least scale, and a mean of a million.
    table = np.c_[X[:, :4], X[:, 0] + X[:, 1], np.full(len(X), 3.0)] + 1e6
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(4, **LINEAR), **ONE).fit(table)
    model = to_onnx(detector, table[:3], "score")
    shuffled = np.random.default_rng(0).permuted(table, axis=0)
    for rows in (table, shuffled):
        assert error(run(model, rows), detector.score_samples(rows)) < 1e-5


def test_predictions_and_decisions_by_skl2onnx():
    detector = AutoencoderOutlierDetector(SparseAutoencoder(**LINEAR), scoring="mahalanobis", **ONE)
    pipeline = make_pipeline(MinMaxScaler(), detector).fit(X)
    # What skl2onnx itself makes of an outlier detector.
    assert {*pipeline.predict(X)} == {-1, 1}
    model = skl2onnx.to_onnx(pipeline, X[:3])
    onnx.checker.check_model(model, full_check=True)
    label, scores = session_of(model).run(["label", "scores"], {"X": X})
    # The held-out row that is the threshold may be on either side of it.
    clear = abs(pipeline.decision_function(X)) > 1e-4
    assert clear.mean() > 0.98
    np.testing.assert_array_equal(label[clear], pipeline.predict(X)[clear])
    assert error(scores, pipeline.decision_function(X)) < 1e-5
    (far,) = session_of(model).run(["scores"], {"X": FAR})
    assert error(far, pipeline.decision_function(FAR)) < 1e-5


def test_predictions_for_columns_with_names_that_a_detector_gives():
    names = ["score", "prediction", "decision", "offset"]
    table = pd.DataFrame(X[:, 1:5], columns=names)
    members = AutoencoderTransformer(2, **LINEAR)
    detector = AutoencoderOutlierDetector(members, scoring="reconstruction", **ONE)
    columns = ColumnTransformer([("a", StandardScaler(), names)])
    pipeline = make_pipeline(columns, detector).fit(table)
    model = to_onnx(pipeline, table[:20], "prediction")
    (output,) = session_of(model).get_outputs()
    assert (output.name, output.shape, output.type) == (
        "output_prediction",
        ["batch"],
        "tensor(int64)",
    )
    # A row at the threshold may be on either side of it in float32.
    clear = abs(pipeline.decision_function(table)) > 1e-4
    assert clear.sum() > 390
    found = run(model, columns_of(table))
    np.testing.assert_array_equal(found[clear], pipeline.predict(table)[clear])
