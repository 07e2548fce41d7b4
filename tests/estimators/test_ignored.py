"""What a fit leaves aside, it says so."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from fused_cases import pairwise
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skae import (
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
)
from skae.networks import ConvolutionalNetwork, DenseNetwork

# Training for one epoch ends anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
CLEAN = RNG.normal(size=(20, 4))
NOISY = CLEAN + 0.1 * RNG.normal(size=CLEAN.shape)
PARAMS = {"max_iter": 1, "random_state": 0}
NETWORK = DenseNetwork((4,))


def fit_and_hear_what_is_ignored(estimator, *args, method="fit"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(estimator, method)(*args)
    return [str(w.message) for w in caught if "ignored" in str(w.message)]


# -- parameters of the dense network beside another --------------------------------------------


CHANGED = {
    "dropout": 0.5,
    "hidden_layer_sizes": (9,),
    "activation": "relu",
    "normalization": "batch",
}


@pytest.mark.parametrize(
    ("cls", "method", "name"),
    pairwise(
        [AutoencoderTransformer, DenoisingAutoencoder, SparseAutoencoder],
        ["fit", "partial_fit"],
        CHANGED,
    ),
)
def test_a_changed_parameter_beside_a_network(cls, method, name):
    value = CHANGED[name]
    ae = cls(2, network=NETWORK, **{name: value}, **PARAMS)
    if cls is SparseAutoencoder:
        ae.set_params(n_nonzero_coefs=1)
    (message,) = fit_and_hear_what_is_ignored(ae, CLEAN, method=method)
    assert f"{name}={value!r} is ignored" in message
    assert f"network={NETWORK!r} takes its place. Set network__{name}." in message
    # The control: without it nothing is said, and the model is the same.
    control = clone(ae).set_params(**{name: cls().get_params()[name]})
    assert fit_and_hear_what_is_ignored(control, CLEAN, method=method) == []
    np.testing.assert_array_equal(control.transform(CLEAN), ae.transform(CLEAN))


def test_all_of_them_are_named_in_one_warning():
    images = RNG.normal(size=(9, 6, 6))
    network = ConvolutionalNetwork(channels=(2,), hidden_layer_sizes=(4,))
    ae = AutoencoderTransformer(2, network=network, dropout=0.2, activation="relu", **PARAMS)
    (message,) = fit_and_hear_what_is_ignored(ae, images)
    assert "activation='relu', dropout=0.2 is ignored" in message
    assert "Set network__activation. ConvolutionalNetwork has no dropout: leave it out." in message


def test_defaults_copies_and_searches_are_silent():
    ae = AutoencoderTransformer(2, network=NETWORK, **PARAMS)
    explicit = clone(ae).set_params(hidden_layer_sizes=[256, 128], dropout=0.0)
    search = GridSearchCV(ae, {"network__dropout": [0.0, 0.1]}, cv=2)
    own = ConvolutionalAutoencoder(2, channels=(2,), hidden_layer_sizes=(3,), **PARAMS)
    for estimator in (ae, clone(ae), explicit, search, own):
        assert fit_and_hear_what_is_ignored(estimator, CLEAN) == []
    # Training that goes on was warned of when it began.
    ae.set_params(dropout=0.5).partial_fit(CLEAN)


def test_a_detector_warns_once_for_all_of_its_members():
    ae = AutoencoderTransformer(2, network=NETWORK, dropout=0.5, **PARAMS)
    (message,) = fit_and_hear_what_is_ignored(AutoencoderOutlierDetector(ae, n_estimators=3), CLEAN)
    assert "dropout=0.5 is ignored" in message


def test_the_device_of_a_detector_beside_an_autoencoder():
    ae = AutoencoderTransformer(2, **PARAMS)
    detector = AutoencoderOutlierDetector(ae, n_estimators=2, device="cuda:7")
    (message,) = fit_and_hear_what_is_ignored(detector, CLEAN)
    assert "device='cuda:7' is ignored" in message
    assert "autoencoder__device" in message
    assert fit_and_hear_what_is_ignored(detector.set_params(device="cpu"), CLEAN) == []


# -- a target of the shape of X ------------------------------------------------------------------


def frame(rows):
    return pd.DataFrame(rows, columns=list("abcd"))


@pytest.mark.parametrize(
    "pair",
    [
        (NOISY, CLEAN),
        (frame(NOISY), frame(CLEAN)),
        (NOISY, frame(CLEAN)),
        (torch.from_numpy(NOISY), torch.from_numpy(CLEAN)),
        (NOISY.astype(np.float32), CLEAN.astype(np.float32)),
    ],
    ids=["arrays", "frames", "mixed", "tensors", "float32"],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "fit_transform"])
def test_clean_rows_beside_noisy_ones(pair, method):
    ae = AutoencoderTransformer(2, **PARAMS)
    with pytest.warns(UserWarning, match="y has the shape of X and is ignored.*Denoising"):
        getattr(ae, method)(*pair)


def test_images_and_other_estimators():
    images = RNG.normal(size=(9, 6, 6))
    ae = ConvolutionalAutoencoder(2, channels=(2,), hidden_layer_sizes=(3,), **PARAMS)
    with pytest.warns(UserWarning, match="y has the shape of X"):
        ae.fit(images + 1, images)
    with pytest.warns(UserWarning, match="y has the shape of X"):
        make_pipeline(StandardScaler(), AutoencoderTransformer(2, **PARAMS)).fit(NOISY, CLEAN)


@pytest.mark.parametrize(
    ("make", "method"),
    [
        (lambda: AutoencoderOutlierDetector(AutoencoderTransformer(2, **PARAMS)), "fit"),
        (lambda: AutoencoderOutlierDetector(AutoencoderTransformer(2, **PARAMS)), "partial_fit"),
        (lambda: AutoencoderImputer(max_iter=1), "fit"),
    ],
)
def test_estimators_that_use_an_autoencoder(make, method):
    with pytest.warns(UserWarning, match="y has the shape of X"):
        getattr(make(), method)(NOISY, CLEAN)


def test_a_denoiser_learns_from_them():
    denoiser = DenoisingAutoencoder(2, **PARAMS)
    assert fit_and_hear_what_is_ignored(denoiser, NOISY, CLEAN) == []
    assert fit_and_hear_what_is_ignored(denoiser, NOISY, CLEAN[:, 0]) == []


@pytest.mark.parametrize(
    "y",
    [
        None,
        np.arange(20),
        CLEAN[:, 0],
        CLEAN[:, :1],
        CLEAN[:, :3],
        list("ab") * 10,
        [[1], [2, 3]] * 10,
        (CLEAN > 0).astype(int),
        CLEAN > 0,
        NOISY,
        NOISY.copy(),
        frame(NOISY),
    ],
    ids=lambda y: f"{type(y).__name__}{getattr(y, 'shape', '')}{getattr(y, 'dtype', '')}",
)
def test_ordinary_targets_are_silent(y):
    for method in ("fit", "partial_fit"):
        ae = AutoencoderTransformer(2, **PARAMS)
        assert fit_and_hear_what_is_ignored(ae, NOISY, y, method=method) == []


def test_tables_with_text_are_told_of_too():
    table = frame(NOISY).assign(word=["a", "b"] * 10)
    with pytest.warns(UserWarning, match="y has the shape of X"):
        AutoencoderTransformer(2, **PARAMS).fit(table, np.ones(table.shape))
