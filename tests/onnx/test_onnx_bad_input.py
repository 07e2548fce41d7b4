"""What cannot be converted gets a clear error."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import skl2onnx
import torch
from onnx_cases import FAST, X
from onnx_processes import ask_without_skl2onnx
from process_cases import Process
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

import skae
from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    VariationalAutoencoder,
    to_onnx,
)
from skae.networks import Network
from skae.onnx._estimators import classes_with_graphs
from skae.onnx._export import OPSET, exported

AE = AutoencoderTransformer(3, **FAST).fit(X)
PIPELINE = make_pipeline(StandardScaler(), AutoencoderTransformer(3, **FAST)).fit(X)

NOT_CONVERTED = [
    name
    for name in skae.__all__
    if hasattr(getattr(skae, name), "get_params")
    and getattr(skae, name) not in classes_with_graphs()
]
EXAMPLES = {
    "AutoencoderImputer": skae.AutoencoderImputer(max_iter=0),
    "DriftDetector": skae.DriftDetector(AE),
}


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
        (np.full((3, 16), np.nan), ValueError, "has no value in any column"),
        (np.full((3, 16), "word"), ValueError, "could not convert string"),
        (X[:0], ValueError, "0 sample"),
        (sparse.csr_array(X), TypeError, "sparse matrix, and a graph takes dense rows"),
        (np.ma.masked_array(X, X > 0.5), ValueError, "X_sample is a masked array"),
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
    spline = SplineTransformer(n_knots=2, degree=1)
    pipeline = make_pipeline(spline, AutoencoderTransformer(3, **FAST)).fit(X)
    with pytest.raises(ValueError, match=r"Step 'splinetransformer' has no converter.*Spline"):
        to_onnx(pipeline, X)


class MyAutoencoder(VariationalAutoencoder):
    """A class that may answer in its own way."""


def test_classes_of_a_users_own():
    mine = MyAutoencoder(2, **FAST).fit(X)
    detector = AutoencoderOutlierDetector(
        MyAutoencoder(2, **FAST), n_estimators=1, scoring="likelihood", random_state=0
    ).fit(X)
    for estimator, output in (
        (mine, "score"),
        (mine.encoder_, "codes"),
        (mine.decoder_, "reconstruction"),
        (detector, "score"),
        (make_pipeline(mine.encoder_, StandardScaler()).fit(X), "codes"),
    ):
        rows = X[:, :2] if output == "reconstruction" else X
        with pytest.raises(ValueError, match=r"has no converter to ONNX: .*MyAutoencoder"):
            to_onnx(estimator, rows, output)
    with pytest.raises(ValueError, match=r"has no converter to ONNX: .*MyAutoencoder"):
        skl2onnx.to_onnx(detector, X[:2])


@pytest.mark.parametrize("name", NOT_CONVERTED)
def test_estimators_of_skae_without_a_graph_are_refused_by_name(name):
    estimator = EXAMPLES[name].fit(X[::-1] + 0.1)
    for output in ("codes", "score", "prediction"):
        with pytest.raises((TypeError, ValueError), match=name):
            to_onnx(estimator, X, output)


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
    with pytest.raises(ValueError, match=r"take 2\.0 GiB, and an ONNX file in one piece holds 2"):
        exported(autoencoder.net_.module_, "forward", (16,), torch.float32, OPSET)


@pytest.mark.parametrize("absent", ["onnx", "skl2onnx", "onnxscript", "onnxruntime"])
def test_packages_that_are_not_installed(monkeypatch, absent):
    # Only networks are exported by torch, which takes long.
    estimator = AE if absent == "onnxscript" else PIPELINE[0]
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ImportError, match=rf'{absent}.*pip install "skae\[onnx\]"'):
        to_onnx(estimator, X, quantize=True)


def test_skae_itself_needs_none_of_them():
    with Process(ask_without_skl2onnx) as process:
        errors = process.stderr.read()
        assert process.wait() == 0, errors
        assert 'pip install "skae[onnx]"' in process.stdout.read()
