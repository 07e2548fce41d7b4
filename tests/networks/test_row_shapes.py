"""Networks for images and windows: the widths of what they take and give, whatever the shape."""

import warnings
from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import halves, normal, seeded

from skae.networks import ConvolutionalNetwork, SequenceNetwork

few = settings(max_examples=25, derandomize=True, deadline=None)

SIZES = st.integers(1, 4)
CONVOLUTIONS = {
    "channels": st.lists(SIZES, min_size=1, max_size=3).map(tuple),
    "hidden_layer_sizes": st.lists(SIZES, max_size=2).map(tuple),
    "kernel_size": st.sampled_from([3, 5, 9]),
    "normalization": st.sampled_from([None, "batch"]),
}
PIXELS = st.integers(1, 17)
IMAGES = st.tuples(PIXELS, PIXELS) | st.tuples(PIXELS, PIXELS, SIZES)
WINDOWS = st.tuples(PIXELS) | st.tuples(PIXELS, SIZES)
KINDS = st.sampled_from(["convolutional", "gru"])
NETWORKS = st.builds(ConvolutionalNetwork, IMAGES, **CONVOLUTIONS) | st.builds(
    SequenceNetwork, WINDOWS, KINDS, **CONVOLUTIONS, hidden_size=SIZES
)


def shape_of(network):
    return network.image_shape if hasattr(network, "image_shape") else network.window_shape


@few
@given(network=NETWORKS, n_components=SIZES)
def test_rows_come_back_as_wide_as_they_were(network, n_components):
    n = prod(shape_of(network))
    encoder, decoder = halves(network, n, n_components)
    codes = encoder(normal(3, n, dtype=torch.float32))
    assert codes.shape == (3, n_components)
    assert decoder(codes).shape == (3, n)


@few
@given(network=NETWORKS)
def test_the_shape_is_found_in_arrays_and_fits_rows_of_a_table(network):
    shape = shape_of(network)
    assert shape_of(network.for_rows((prod(shape),))) == shape
    if len(shape) > 1:
        assert shape_of(network.for_rows(shape)) == shape
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*If the channels come first")
            assert shape_of(type(network)().for_rows(shape)) == shape


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (ConvolutionalNetwork((4, 3)), r"image_shape=\(4, 3\)"),
        (SequenceNetwork((4, 3)), r"window_shape=\(4, 3\)"),
        (SequenceNetwork((4, 3), "gru"), r"window_shape=\(4, 3\)"),
    ],
)
def test_an_end_of_another_width_is_refused(network, shape):
    network.build_encoder(12, 5, seeded())
    with pytest.raises(ValueError, match=rf"{shape} .* of 12 values, but the encoder .* of 14"):
        network.build_encoder(14, 2, seeded())
    with pytest.raises(ValueError, match=rf"{shape} .* of 12 values, but the decoder .* of 14"):
        network.build_decoder(2, 14, seeded())
