"""Sessions of ONNX Runtime, and graphs whose networks compute with eight bits."""

import numpy as np
import onnx
import pytest
from onnx_cases import FAST, LINEAR, X, Y, error, run
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    to_onnx,
)
from skae.onnx import inference_session
from skae.onnx._detector_modules import offset_for

DIGITS = load_digits().data
TRAIN, HELD_OUT = DIGITS[:1000], DIGITS[1000:1600]
TEST = DIGITS[1600:]


@pytest.fixture(scope="module")
def autoencoder():
    return AutoencoderTransformer(8, max_iter=15, random_state=0).fit(TRAIN)


@pytest.fixture(scope="module")
def codes(autoencoder):
    """The quantized graph of its codes."""
    return to_onnx(autoencoder, TRAIN[:3], quantize=True)


@pytest.fixture(scope="module")
def detector():
    return AutoencoderOutlierDetector(
        AutoencoderTransformer(8, hidden_layer_sizes=(32,), max_iter=15),
        n_estimators=1,
        # Graphs grow with the folds.
        cv=2,
        random_state=0,
    ).fit(TRAIN)


@pytest.fixture(scope="module")
def quantized_scores(detector):
    """The quantized graph of its scores."""
    return to_onnx(detector, TRAIN[:3], "score", quantize=True)


def size_of_numbers(model):
    return sum(tensor.ByteSize() for tensor in model.graph.initializer)


def test_codes_and_size(autoencoder, codes):
    plain = to_onnx(autoencoder, TRAIN[:3])
    assert size_of_numbers(plain) > 3.5 * size_of_numbers(codes)
    assert codes.ByteSize() - size_of_numbers(codes) < 10_000
    assert {node.op_type for node in codes.graph.node} >= {"MatMulInteger"}
    assert {one.domain for one in codes.opset_import} == {""}
    onnx.checker.check_model(codes, full_check=True)
    found, expected = run(codes, TEST), autoencoder.transform(TEST)
    # Codes have unit variance: the error is below 1% of that of the data.
    assert 1e-4 < np.sqrt(np.mean((found - expected) ** 2)) < 0.01


def test_one_row_far_outside_ruins_its_neighbours(autoencoder, codes):
    expected = autoencoder.transform(TEST)
    alone, together = run(codes, TEST), run(codes, np.vstack([TEST, 1000 * TEST[:1]]))[:-1]

    def explained(found):
        return 1 - np.mean((found - expected) ** 2) / expected.var()

    assert explained(alone) > 0.999
    assert explained(together) < 0.5
    # One at a time they are safe.
    one_by_one = np.vstack([run(codes, TEST[i : i + 1]) for i in range(20)])
    assert error(one_by_one, expected[:20]) < 0.02


def test_scores_rank_outliers_as_before(detector, quantized_scores):
    shuffled = np.random.default_rng(0).permuted(TEST, axis=0)
    rows, labels = np.vstack([TEST, shuffled]), np.repeat([0, 1], len(TEST))
    expected = roc_auc_score(labels, -detector.score_samples(rows))
    found = roc_auc_score(labels, -run(quantized_scores, rows))
    assert expected > 0.9
    assert abs(found - expected) < 0.005


def test_thresholds_are_found_anew(detector, quantized_scores):
    model = to_onnx(detector, HELD_OUT, "prediction", quantize=True)
    outliers = run(model, HELD_OUT) == -1
    scores = run(quantized_scores, HELD_OUT)
    # One in twenty of the rows that it was found with, those with the lowest scores.
    assert 0.05 - 1.5 / len(HELD_OUT) <= outliers.mean() <= 0.05
    assert scores[outliers].max() < scores[~outliers].min()
    assert run(model, TEST).dtype == np.int64


def test_too_few_rows_for_a_threshold(detector):
    scores = detector.score_samples(HELD_OUT[:19])
    # The lowest of nineteen is one in twenty, the row to come counted.
    assert offset_for(detector, scores) == pytest.approx(scores.min(), rel=2e-5)
    with pytest.raises(ValueError, match=r"0\.05 needs at least 19 rows, X_sample has 18"):
        offset_for(detector, scores[:18])


def test_convolutions_behind_a_scaler():
    network = ConvolutionalAutoencoder(8, channels=(4,), **LINEAR)
    pipeline = make_pipeline(StandardScaler(with_std=False), network).fit(TRAIN[:300])
    model = to_onnx(pipeline, TRAIN[:3], quantize=True)
    assert {node.op_type for node in model.graph.node} >= {"ConvInteger", "MatMulInteger"}
    assert error(run(model, TEST), pipeline.transform(TEST)) < 0.03


def test_other_steps_are_not_quantized():
    """Columns of PCA differ in size, and one unit for all would leave little of some."""
    rng = np.random.default_rng(0)
    units = np.logspace(2, -1, 8)
    rows = (rng.normal(size=(300, 8)) @ rng.normal(size=(8, 8)) * units).astype(np.float32)
    network = AutoencoderTransformer(3, **FAST)
    pipeline = make_pipeline(PCA(6), StandardScaler(), network).fit(rows)
    model = to_onnx(pipeline, rows, quantize=True)
    assert np.abs(run(model, rows) - pipeline.transform(rows)).max() < 0.1


def test_classes_behind_a_quantized_network():
    encoder = make_pipeline(StandardScaler(), AutoencoderTransformer(4, **LINEAR))
    classifier = make_pipeline(encoder, LogisticRegression()).fit(X, Y)
    model = to_onnx(classifier, X[:3], "prediction", quantize=True)
    assert np.mean(run(model, X) == classifier.predict(X)) > 0.97


def test_sessions_of_files_and_of_bytes(tmp_path):
    scaler = StandardScaler().fit(X)
    model = to_onnx(scaler, X[:3])
    path = tmp_path / "scaler.onnx"
    onnx.save(model, path)
    for graph in (path, str(path), model.SerializeToString()):
        session = inference_session(graph)
        assert session.get_providers() == ["CPUExecutionProvider"]
        assert session.get_session_options().intra_op_num_threads == 1
        np.testing.assert_allclose(session.run(["codes"], {"X": X})[0], scaler.transform(X))
