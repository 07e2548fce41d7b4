"""Every method that returns rows or codes returns the container that `set_output` asks for."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import torch
from fused_cases import pairwise
from mixed_cases import table, with_gaps
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skae import (
    AutoencoderClassifier,
    AutoencoderOutlierDetector,
    AutoencoderRegressor,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
)

# Training for one epoch ends anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(20, 4))
FRAME = pd.DataFrame(X, columns=list("abcd"), index=range(100, 120))
PARAMS = {"max_iter": 1, "random_state": 0}
AE = AutoencoderTransformer(2, hidden_layer_sizes=(8,), **PARAMS)
DETECTOR = AutoencoderOutlierDetector(AE, n_estimators=2, random_state=0)
CLASSES = np.arange(20) % 2
ROWS = [
    (AE, "reconstruct"),
    (AE, "inverse_transform"),
    (AE, "sample"),
    (SparseAutoencoder(5, n_nonzero_coefs=2, **PARAMS), "reconstruct"),
    (DETECTOR, "inverse_transform"),
    (AutoencoderClassifier(AE, max_iter=1), "reconstruct"),
    (AutoencoderRegressor(AE, max_iter=1), "inverse_transform"),
]
KINDS = {"pandas": pd.DataFrame, "polars": pl.DataFrame}


def rows_of(estimator, method, frame):
    if method == "sample":
        return estimator.sample(len(frame), random_state=0)
    codes = estimator.transform(frame) if method == "inverse_transform" else frame
    return getattr(estimator, method)(codes)


@pytest.mark.parametrize(
    ("case", "library", "globally"), pairwise(range(len(ROWS)), KINDS, [False, True])
)
def test_rows_are_frames(case, library, globally):
    estimator, method = ROWS[case]
    estimator = clone(estimator).fit(FRAME, CLASSES)
    expected = rows_of(estimator, method, FRAME)
    assert type(expected) is np.ndarray
    if globally:
        with sklearn.config_context(transform_output=library):
            rows = rows_of(estimator, method, FRAME)
    else:
        rows = rows_of(estimator.set_output(transform=library), method, FRAME)
    assert type(rows) is KINDS[library]
    assert list(rows.columns) == list("abcd")
    np.testing.assert_array_equal(np.asarray(rows), expected)
    if library == "pandas" and method != "sample":
        assert rows.index.equals(FRAME.index)


@pytest.mark.parametrize("library", KINDS)
@pytest.mark.parametrize("caller", KINDS)
@pytest.mark.parametrize("method", ["reconstruct", "inverse_transform", "sample"])
def test_mixed_tables_come_from_the_library_that_is_asked_for(library, caller, method):
    frame = with_gaps(table(n_rows=30)).astype({"grade": str})
    frame = frame if caller == "pandas" else pl.from_pandas(frame)
    ae = clone(AE).fit(frame)
    default = rows_of(ae, method, frame)
    assert type(default) is KINDS[caller]
    rows = rows_of(ae.set_output(transform=library), method, frame)
    assert type(rows) is KINDS[library]
    assert list(rows.columns) == list(frame.columns)
    for name in rows.columns:
        assert rows[name].to_list() == default[name].to_list()
    if library == caller == "pandas" and method != "sample":
        assert rows.index.equals(frame.index)


def test_a_pipeline_and_a_detector_of_mixed_tables():
    frame = table(n_rows=40)
    for estimator in (
        make_pipeline("passthrough", clone(AE)),
        clone(DETECTOR).set_params(cv=2),
    ):
        codes = estimator.fit(frame).set_output(transform="pandas").transform(frame)
        rows = estimator.inverse_transform(codes)
        assert rows.index.equals(frame.index)
        assert list(rows.dtypes) == list(frame.dtypes)
        estimator.set_output(transform="polars")
        assert type(estimator.inverse_transform(codes)) is pl.DataFrame


def test_columns_without_names_are_numbered():
    rows = clone(AE).fit(X).set_output(transform="pandas").reconstruct(X)
    assert list(rows.columns) == ["x0", "x1", "x2", "x3"]
    assert rows.index.equals(pd.RangeIndex(20))


def test_the_frame_fits_what_made_it():
    ae = clone(AE).fit(FRAME).set_output(transform="pandas")
    assert ae.transform(ae.reconstruct(FRAME)).shape == (20, 2)


def test_images_and_tensors_stay_what_they_are():
    images = np.random.default_rng(0).normal(size=(9, 6, 6))
    ae = ConvolutionalAutoencoder(2, channels=(2,), hidden_layer_sizes=(3,), **PARAMS).fit(images)
    ae.set_output(transform="pandas")
    for rows in (
        ae.reconstruct(images),
        ae.inverse_transform(ae.transform(images)),
        ae.sample(9, random_state=0),
    ):
        assert type(rows) is np.ndarray
        assert rows.shape == images.shape
    # Flat rows of the same images are rows of a table.
    assert ae.reconstruct(images.reshape(9, -1)).shape == (9, 36)
    with sklearn.config_context(array_api_dispatch=True):
        tensor = torch.from_numpy(X)
        rows = clone(AE).fit(tensor).set_output(transform="pandas").reconstruct(tensor)
    assert isinstance(rows, torch.Tensor)


@pytest.mark.parametrize("library", KINDS)
def test_a_detector_judges_alike_whatever_its_autoencoder_returns(library):
    plain = clone(DETECTOR).fit(FRAME)
    with sklearn.config_context(transform_output=library):
        configured = clone(DETECTOR).fit(FRAME)
        scores = configured.score_samples(FRAME)
    autoencoder = clone(AE).set_output(transform=library)
    given = clone(DETECTOR).set_params(autoencoder=autoencoder).fit(FRAME)
    np.testing.assert_array_equal(scores, plain.score_samples(FRAME))
    np.testing.assert_allclose(given.score_samples(FRAME), plain.score_samples(FRAME))
