"""Graphs of outlier detectors."""

import numpy as np
import onnx
import pytest
import skl2onnx
from onnx_cases import FAST, X, Y, answer, check_graph, error, run, session_of
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    SparseAutoencoder,
    VariationalAutoencoder,
    to_onnx,
)

ONE = {"n_estimators": 1, "cv": 2, "random_state": 0}


def test_all_outputs_in_both_dtypes():
    for dtype, outputs in {
        np.float64: ("codes", "reconstruction", "prediction"),
        np.float32: ("score",),
    }.items():
        rows = X.astype(dtype)
        members = AutoencoderTransformer(3, **FAST)
        detector = AutoencoderOutlierDetector(members, **ONE | {"n_estimators": 2}).fit(rows)
        assert len(detector._scores[0]._gaussians.partitions_) > 1
        for output in outputs:
            model = to_onnx(detector, rows[:3], output)
            check_graph(model, answer(detector, rows, output), rows, output)
    found = run(model, rows)
    np.testing.assert_array_equal(found < detector.offset_, detector.predict(rows) == -1)


@pytest.mark.parametrize(
    ("scoring", "autoencoder"),
    [
        ("mahalanobis", SparseAutoencoder(**FAST)),
        ("reconstruction", AutoencoderTransformer(loss="poisson", **FAST)),
        ("likelihood", VariationalAutoencoder(n_draws=5, **FAST)),
    ],
)
def test_every_scoring(scoring, autoencoder):
    detector = AutoencoderOutlierDetector(autoencoder, scoring=scoring, **ONE).fit(X)
    model = to_onnx(detector, X[:3], "score")
    check_graph(model, detector.score_samples(X), X, "score")
    # Far from everything that was seen, where columns are brought in.
    far = 100 * X - 50
    if scoring != "reconstruction":
        assert error(run(model, far), detector.score_samples(far)) < 1e-5


def test_columns_that_follow_from_others():
    # Residuals of nearly no size, in units of their least scale, and a mean of a million.
    table = np.c_[X[:, :4], X[:, 0] + X[:, 1], np.full(len(X), 3.0)] + 1e6
    detector = AutoencoderOutlierDetector(n_estimators=1, random_state=0).fit(table)
    model = to_onnx(detector, table[:3], "score")
    shuffled = np.random.default_rng(0).permuted(table, axis=0)
    for rows in (table, shuffled):
        assert error(run(model, rows), detector.score_samples(rows)) < 1e-5


def test_in_a_pipeline():
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(3, **FAST), **ONE)
    pipeline = make_pipeline(MinMaxScaler(), detector).fit(X)
    assert {*pipeline.predict(X)} == {-1, 1}
    # What skl2onnx itself makes of an outlier detector: predictions and decisions.
    model = skl2onnx.to_onnx(pipeline, X[:3])
    onnx.checker.check_model(model, full_check=True)
    label, scores = session_of(model).run(["label", "scores"], {"X": X})
    np.testing.assert_array_equal(label, pipeline.predict(X))
    assert error(scores, pipeline.decision_function(X)) < 1e-5


def test_codes_of_a_detector_for_a_classifier():
    detector = AutoencoderOutlierDetector(AutoencoderTransformer(3, **FAST), **ONE)
    pipeline = make_pipeline(detector, LogisticRegression()).fit(X, Y)
    model = to_onnx(pipeline, X[:3], "prediction")
    assert (run(model, X) == pipeline.predict(X)).mean() > 0.99
