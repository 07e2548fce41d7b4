"""Keeping models with other tools: joblib, skops and MLflow."""

import pickle

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skae
from skae.persistence import TRUSTED_TYPES

X, y = load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
AUTOENCODERS = [
    skae.AutoencoderTransformer(2, **SMALL),
    skae.AdversarialAutoencoder(2, **SMALL),
    skae.ContractiveAutoencoder(2, **SMALL),
    skae.ConvolutionalAutoencoder(2, image_shape=(2, 2), channels=(2,), max_iter=1, random_state=0),
    skae.DenoisingAutoencoder(2, noise="salt_and_pepper", noise_level=0.1, **SMALL),
    skae.NestedAutoencoder(2, **SMALL),
    skae.SparseAutoencoder(4, max_iter=2, random_state=0),
    skae.VariationalAutoencoder(2, **SMALL),
]


def fit_pipeline(autoencoder):
    return make_pipeline(StandardScaler(), autoencoder, LogisticRegression()).fit(X, y)


def test_joblib(tmp_path):
    """Also where the arrays are mapped from the file."""
    pipeline = fit_pipeline(AUTOENCODERS[0])
    joblib.dump(pipeline, tmp_path / "pipeline.joblib")
    for mode in (None, "r"):
        loaded = joblib.load(tmp_path / "pipeline.joblib", mmap_mode=mode)
        assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))


@pytest.mark.parametrize("autoencoder", AUTOENCODERS, ids=lambda a: type(a).__name__)
def test_skops_needs_to_trust_nothing_but_skaes_own_classes(autoencoder, tmp_path):
    skops = pytest.importorskip("skops.io")
    pipeline = fit_pipeline(autoencoder)
    # What samples are drawn from is kept, too.
    drawn = pipeline[1].sample(3, random_state=0)
    skops.dump(pipeline, tmp_path / "pipeline.skops")
    found = skops.get_untrusted_types(file=tmp_path / "pipeline.skops")
    assert found
    assert set(found) <= set(TRUSTED_TYPES)
    assert all(name.startswith("skae.") for name in found)
    loaded = skops.load(tmp_path / "pipeline.skops", trusted=TRUSTED_TYPES)
    assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
    assert_array_equal(loaded[1].sample(3, random_state=0), drawn)
    # Training goes on.
    rows = StandardScaler().fit_transform(X)
    expected = pickle.loads(pickle.dumps(pipeline[1])).partial_fit(rows).transform(rows)
    assert_array_equal(loaded[1].partial_fit(rows).transform(rows), expected)


def test_skops_and_detectors(tmp_path):
    skops = pytest.importorskip("skops.io")
    plain, variational = (
        kind(2, **SMALL) for kind in (skae.AutoencoderTransformer, skae.VariationalAutoencoder)
    )
    for scoring in ("mixture", "mahalanobis", "reconstruction", "likelihood"):
        detector = skae.AutoencoderOutlierDetector(
            variational if scoring == "likelihood" else plain,
            scoring=scoring,
            n_estimators=2,
            random_state=0,
        ).fit(X)
        skops.dump(detector, tmp_path / "detector.skops")
        loaded = skops.load(tmp_path / "detector.skops", trusted=TRUSTED_TYPES)
        assert_array_equal(loaded.p_values(X), detector.p_values(X))


# MLflow warns of its own types when it is imported.
@pytest.mark.filterwarnings("ignore")
def test_mlflow(tmp_path, monkeypatch):
    """Logged as a scikit-learn model in skops' format, and loaded as any other is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow = pytest.importorskip("mlflow.sklearn")
    pipeline = fit_pipeline(AUTOENCODERS[0])
    mlflow.save_model(
        pipeline,
        tmp_path / "model",
        serialization_format="skops",
        skops_trusted_types=TRUSTED_TYPES,
        pip_requirements=["skae"],
    )
    loaded = mlflow.load_model(str(tmp_path / "model"))
    assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))
    assert np.isfinite(loaded[1].loss_)
