"""What cannot be converted gets a clear error."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_cases import FAST, X
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from skae import AutoencoderOutlierDetector, AutoencoderTransformer, DriftDetector, to_onnx
from skae.networks import Network

AE = AutoencoderTransformer(3, **FAST).fit(X)
PIPELINE = make_pipeline(StandardScaler(), AutoencoderTransformer(3, **FAST)).fit(X)


class Wayward(torch.nn.Module):
    """A linear layer behind what graphs of torch cannot hold."""

    def __init__(self, n_in, n_out, kind):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(n_out, n_in))
        self.kind = kind

    def forward(self, x):
        """Return a tensor of shape (n_samples, n_out)."""
        if self.kind == "depends on values" and x.sum() > 0:
            x = 2 * x
        if self.kind == "has a fixed number of rows":
            x = x + torch.zeros(len(x), 1)
        return x @ self.weight.T


@dataclass
class WaywardNetwork(Network):
    kind: str

    def build_encoder(self, n_features, n_outputs, generator):
        return Wayward(n_features, n_outputs, self.kind)

    def build_decoder(self, n_components, n_features, generator):
        return Wayward(n_components, n_features, "")


def test_estimators_that_are_not_fitted():
    for estimator in (
        AutoencoderTransformer(),
        AutoencoderOutlierDetector(),
        make_pipeline(StandardScaler(), AutoencoderTransformer()),
    ):
        with pytest.raises(NotFittedError):
            to_onnx(estimator, X)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (X[:, :3], ValueError, "X has 3 features, but .* is expecting 16 features"),
        (X[0], ValueError, "Expected 2D array"),
        (np.full((3, 16), np.nan), ValueError, "contains NaN"),
        (np.full((3, 16), "word"), ValueError, "could not convert string"),
        (X[:0], ValueError, "0 sample"),
        (sparse.csr_array(X), TypeError, "sparse matrix, and a graph takes dense rows"),
        ("ae.onnx", TypeError, r"a few rows .* onnx\.save\(skae\.to_onnx\(.*\), 'ae\.onnx'\)"),
        (Path("ae.onnx"), TypeError, r"PosixPath.*writes no file"),
        (None, TypeError, "array or a DataFrame .* got NoneType"),
        (16, TypeError, "got int"),
        (iter(X), TypeError, "got iterator"),
        ({"a": X}, TypeError, "got dict"),
        ([], ValueError, "Expected 2D array"),
    ],
)
def test_rows(rows, error, message):
    for estimator in (AE, PIPELINE):
        with pytest.raises(error, match=message):
            to_onnx(estimator, rows)


@pytest.mark.parametrize(
    ("estimator", "output", "message"),
    [
        (AE, "label", r"output must be one of \['codes', .*got 'label'"),
        (AE, "prediction", "nothing that AutoencoderTransformer gives.*'codes' or 'recon"),
        (PIPELINE, "prediction", r"Use output='codes'.*model\[:-1\]"),
        (make_pipeline(AE, LogisticRegression()), "score", "'score' is nothing that Logistic"),
        (
            make_pipeline(AE, LogisticRegression()),
            "codes",
            "Use output='prediction' or 'probability'",
        ),
    ],
)
def test_outputs(estimator, output, message):
    with pytest.raises(ValueError, match=message):
        to_onnx(estimator, X, output)


@pytest.mark.parametrize(
    "thing", [AutoencoderTransformer, "model.onnx", None, make_pipeline("passthrough")]
)
def test_other_things(thing):
    with pytest.raises(
        TypeError, match="estimator must be a fitted autoencoder or outlier detector of skae"
    ):
        to_onnx(thing, X)


def test_steps_without_a_converter():
    spline = make_pipeline(
        SplineTransformer(n_knots=2, degree=1), AutoencoderTransformer(3, **FAST)
    ).fit(X)
    with pytest.raises(ValueError, match=r"Step 'splinetransformer' has no converter.*Spline"):
        to_onnx(spline, X)

    class MyAutoencoder(AutoencoderTransformer):
        pass

    with pytest.raises(ValueError, match=r"has no converter to ONNX.*MyAutoencoder"):
        to_onnx(MyAutoencoder(3, **FAST).fit(X), X)
    drift = DriftDetector(AE).fit(X)
    with pytest.raises((TypeError, ValueError), match="DriftDetector"):
        to_onnx(drift, X, "prediction")


def test_steps_that_skl2onnx_stumbles_over():
    columns = make_column_transformer((StandardScaler(), [0, 1]))
    pipeline = make_pipeline(StandardScaler(), columns, AutoencoderTransformer(1, **FAST)).fit(X)
    with pytest.raises(ValueError, match="skl2onnx cannot convert this model: Unexpect rank"):
        to_onnx(pipeline, X)


def test_a_step_without_a_way_back():
    powers = PolynomialFeatures(degree=1)
    pipeline = make_pipeline(powers, AutoencoderTransformer(3, **FAST)).fit(X)
    with pytest.raises(ValueError, match=r"step 'polynomialfeatures' .*only for those of MaxAbs"):
        to_onnx(pipeline, X, "reconstruction")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("depends on values", "torch.onnx.export cannot follow it: Could not guard"),
        ("has a fixed number of rows", r"x\.shape\[0\], not with len\(x\)"),
    ],
)
def test_networks_that_torch_cannot_export(kind, message):
    network = WaywardNetwork(kind)
    autoencoder = AutoencoderTransformer(3, network=network, init="random", max_iter=1).fit(X)
    with pytest.raises(ValueError, match=f"network=WaywardNetwork.*{kind}.*{message}"):
        to_onnx(autoencoder, X)


def test_files_that_would_be_too_large():
    # Two covariances of 12,000 columns; the memory is never touched.
    autoencoder = AutoencoderTransformer(3, **FAST).fit(X)
    large = torch.empty(16, 2**25, device="meta")
    autoencoder.net_.module_.decoder.register_buffer("large", large, persistent=False)
    from skae.onnx._export import OPSET, exported

    with pytest.raises(ValueError, match=r"take 2\.0 GiB, and an ONNX file in one piece holds 2"):
        exported(autoencoder.net_.module_, "forward", (16,), torch.float32, OPSET)


@pytest.mark.parametrize("absent", ["onnx", "skl2onnx", "onnxscript", "onnxruntime"])
def test_packages_that_are_not_installed(monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ImportError, match=rf'{absent}.*pip install "skae\[onnx\]"'):
        to_onnx(AE, X, quantize=True)


def test_skae_itself_needs_none_of_them():
    script = """
import sys
import numpy as np
from skae import AutoencoderTransformer, to_onnx
assert not any("onnx" in name.split(".")[0] for name in sys.modules)
sys.modules["skl2onnx"] = None
X = np.random.default_rng(0).uniform(size=(20, 4))
autoencoder = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1).fit(X)
try:
    to_onnx(autoencoder, X)
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert 'pip install "skae[onnx]"' in done.stdout, done.stderr
