"""Errors about shapes: of arrays that an estimator is given, and of what networks make."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from skae import (
    AutoencoderOutlierDetector,
    AutoencoderTransformer,
    ConvolutionalAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
)
from skae.networks import DenseNetwork, Network, SequenceNetwork, check_widths_of

# Training for one epoch ends anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 4))
PARAMS = {"max_iter": 1, "random_state": 0}
IMAGES = {"channels": (2,), "hidden_layer_sizes": (4,), **PARAMS}


def windows(**fields):
    network = SequenceNetwork(channels=(2,), hidden_layer_sizes=(4,), **fields)
    return AutoencoderTransformer(2, network=network, **PARAMS)


# -- rows with a shape -----------------------------------------------------------------------


@pytest.mark.parametrize("as_what", [np.asarray, np.ndarray.tolist, torch.from_numpy])
@pytest.mark.parametrize(
    ("shape", "named", "not_named"),
    [
        ((9, 8, 8), ("ConvolutionalNetwork", "SequenceNetwork", "ConvolutionalAutoencoder"), ()),
        ((9, 8, 8, 3), ("ConvolutionalNetwork", "ConvolutionalAutoencoder"), ("SequenceNetwork",)),
        ((9, 2, 2, 2, 2), (), ("ConvolutionalNetwork", "SequenceNetwork")),
    ],
)
def test_arrays_of_more_dimensions_name_the_networks_that_take_them(
    shape, named, not_named, as_what
):
    array = as_what(RNG.normal(size=shape))
    for estimator in (
        AutoencoderTransformer(2),
        VariationalAutoencoder(2),
        AutoencoderTransformer(2, network=DenseNetwork((4,))),
    ):
        for method in ("fit", "partial_fit"):
            with pytest.raises(ValueError, match="Found array with dim") as caught:
                getattr(estimator, method)(array)
            message = str(caught.value)
            assert str(shape) in message
            assert "X.reshape(len(X), -1)" in message
            assert all(name in message for name in named)
            assert not any(name in message for name in not_named)


def test_a_detector_names_the_way_of_images():
    with pytest.raises(ValueError, match=r"Found array with dim 3.*reshape\(len\(X\), -1\)"):
        AutoencoderOutlierDetector().fit(RNG.normal(size=(9, 8, 8)))


@pytest.mark.parametrize(
    ("shape", "estimator"),
    [
        ((6, 5), ConvolutionalAutoencoder(2, **IMAGES)),
        ((6, 5, 3), ConvolutionalAutoencoder(2, **IMAGES)),
        ((12, 2), windows()),
    ],
    ids=["gray", "colours", "window"],
)
def test_a_single_image_or_window(shape, estimator):
    many = RNG.normal(size=(20, *shape))
    ae = estimator.fit(many)
    for method in ("transform", "reconstruct", "score_samples", "score", "partial_fit"):
        with pytest.raises(ValueError, match=r"single row.*give X\[None\]"):
            getattr(ae, method)(many[0])
    np.testing.assert_array_equal(ae.transform(many[0][None]), ae.transform(many)[:1])


def test_a_single_image_for_a_dense_network():
    images = RNG.normal(size=(20, 3, 4))
    ae = AutoencoderTransformer(2, **PARAMS).fit(images.reshape(20, -1))
    with pytest.raises(ValueError, match=r"4 features, but .* 12 .*give X.reshape\(1, -1\)"):
        ae.transform(images[0])
    assert ae.transform(images[0].reshape(1, -1)).shape == (1, 2)
    # Several rows of other columns are told how many columns there should be.
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 12"):
        ae.transform(images[0, :2])


@pytest.mark.parametrize("shape", [(3, 40), (1, 16)])
def test_windows_whose_channels_seem_to_come_first(shape):
    X = RNG.normal(size=(12, *shape))
    match = rf"channels come first.*moveaxis\(X, 1, -1\).*window_shape=\({shape[0]}, {shape[1]}\)"
    with pytest.warns(UserWarning, match=match) as caught:
        windows().fit(X)
    (warning,) = (one for one in caught if "channels come first" in str(one.message))
    # It points at the caller's own line.
    assert warning.filename == __file__
    # Who says so means it, and channels that come last need no question.
    windows(window_shape=shape).fit(X)
    ae = windows().fit(np.moveaxis(X, 1, -1))
    with pytest.raises(ValueError, match=r"seem to come first.*moveaxis\(X, 1, -1\)"):
        ae.transform(X)


@pytest.mark.parametrize("shape", [(10, 10), (8, 12)])
def test_short_windows_of_many_channels_are_not_asked_about(shape):
    windows().fit(RNG.normal(size=(12, *shape)))


# -- what networks make -------------------------------------------------------------------------


@dataclass
class Linear(Network):
    """Linear halves whose widths may be wrong."""

    encoder_in: int = 0
    encoder_out: int = 0
    decoder_in: int = 0
    decoder_out: int = 0

    def build_encoder(self, n_features, n_outputs, generator):
        return _linear(n_features + self.encoder_in, n_outputs + self.encoder_out, generator)

    def build_decoder(self, n_components, n_features, generator):
        return _linear(n_components + self.decoder_in, n_features + self.decoder_out, generator)


def _linear(n_in, n_out, generator):
    layer = nn.utils.skip_init(nn.Linear, n_in, n_out)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.5, 0.5, generator=generator)
    return layer


@pytest.mark.parametrize("init", ["pca", "random"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"encoder_out": 1}, "build_encoder of network=Linear.* of width 3, expected width 2"),
        ({"decoder_out": 1}, "build_decoder of network=Linear.* of width 5, expected width 4"),
        # A single value would be broadcast over all columns.
        ({"decoder_out": -3}, "build_decoder of network=Linear.* of width 1, expected width 4"),
        ({"encoder_in": 1}, "build_encoder of network=Linear.* fails on rows of width 4"),
        ({"decoder_in": 1}, "build_decoder of network=Linear.* fails on rows of width 2"),
    ],
)
def test_widths(fields, match, method, init):
    ae = AutoencoderTransformer(2, network=Linear(**fields), init=init, **PARAMS)
    with pytest.raises(ValueError, match=match):
        getattr(ae, method)(X)
    assert not hasattr(ae, "net_")


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [(VariationalAutoencoder, 4), (SparseAutoencoder, 2), (AutoencoderTransformer, 2)],
)
def test_each_estimator_says_how_many_outputs_its_code_needs(estimator, expected):
    match = f"of width {expected + 1}, expected width {expected}:"
    with pytest.raises(ValueError, match=match):
        estimator(2, network=Linear(encoder_out=1), **PARAMS).fit(X)
    params = {"n_nonzero_coefs": 1} if estimator is SparseAutoencoder else {}
    assert estimator(2, network=Linear(), **params, **PARAMS).fit(X).transform(X).shape == (30, 2)


class Recurrent(Linear):
    """Its encoder answers with a pair."""

    def build_encoder(self, n_features, n_outputs, generator):
        return nn.GRU(n_features, n_outputs, device="meta").to_empty(device="cpu")


class NoModule(Linear):
    """Its encoder is a function."""

    def build_encoder(self, n_features, n_outputs, generator):
        return lambda x: x[:, :n_outputs]


class NotFlat(Linear):
    """Its encoder gives codes of two dimensions."""

    def build_encoder(self, n_features, n_outputs, generator):
        encoder = super().build_encoder(n_features, n_outputs, generator)
        return nn.Sequential(encoder, nn.Unflatten(1, (1, n_outputs)))


class NoDataclass(Network):
    """It lacks the decorator."""


@pytest.mark.parametrize(
    ("network", "error", "match"),
    [
        (Recurrent(), TypeError, "output is a tuple, expected a tensor"),
        (NoModule(), TypeError, r"must return a torch.nn.Module"),
        (NotFlat(), ValueError, r"of shape \(2, 1, 2\), expected width 2"),
        (NoDataclass(), TypeError, "NoDataclass is no dataclass.*@dataclass"),
    ],
)
def test_what_is_no_half(network, error, match):
    with pytest.raises(error, match=match):
        AutoencoderTransformer(2, network=network, **PARAMS).fit(X)


def test_the_check_leaves_statistics_and_mode_alone():
    decoder = nn.Sequential(nn.BatchNorm1d(2), _linear(2, 4, torch.Generator()))
    check_widths_of(decoder, "build_decoder", Linear(), 2, 4)
    assert decoder.training
    assert decoder[0].num_batches_tracked == 0
