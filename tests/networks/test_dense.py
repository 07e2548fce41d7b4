"""The dense network and its layers."""

from itertools import pairwise
from math import erf

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import halves, normal, seeded, widths
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from torch import nn

from skae import AutoencoderTransformer
from skae.networks import ACTIVATIONS, DenseNetwork, Dropout, Linear

IRIS = load_iris().data


# -- the network ------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (7,), (9, 5)])
def test_decoder_mirrors_the_encoder(hidden):
    encoder, decoder = halves(DenseNetwork(hidden), 11, 3)
    sizes = [11, *hidden, 3]
    assert widths(encoder) == list(pairwise(sizes))
    assert widths(decoder) == [(n_out, n_in) for n_in, n_out in reversed(widths(encoder))]
    codes = encoder(normal(4, 11, dtype=torch.float32))
    assert codes.shape == (4, 3)
    assert decoder(codes).shape == (4, 11)


def test_input_and_output_may_have_different_widths():
    network = DenseNetwork((5,))
    assert widths(network.build_encoder(7, 4, seeded())) == [(7, 5), (5, 4)]
    assert widths(network.build_decoder(2, 9, seeded())) == [(2, 5), (5, 9)]


FORMULAS = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "gelu": lambda x: x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_what_their_names_say(activation):
    encoder, _ = halves(DenseNetwork((6, 5), activation), 4, 2)
    encoder = encoder.double().eval()
    x = 2 * normal(10, 4)
    *hidden, last = [m for m in encoder if isinstance(m, nn.Linear)]
    expected = x.numpy()
    for layer in hidden:
        layer.bias.data = normal(layer.out_features, seed=1)
        linear = expected @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        expected = FORMULAS[activation](linear)
    # Neither code nor output have an activation.
    expected = expected @ last.weight.detach().numpy().T + last.bias.detach().numpy()
    assert_allclose(encoder(x).detach(), expected, atol=1e-12)


@pytest.mark.parametrize(("normalization", "axis"), [("batch", 0), ("layer", 1)])
def test_normalization_stands_between_layer_and_activation(normalization, axis):
    network = DenseNetwork((8,), "tanh", normalization=normalization)
    encoder, _ = halves(network, 5, 2)
    linear, normalize, activation, code = encoder.double().train()
    assert isinstance(activation, nn.Tanh)
    assert isinstance(code, Linear)
    values = linear(normal(50, 5)).detach()
    expected = (values - values.mean(axis, keepdim=True)) / values.std(
        axis, correction=0, keepdim=True
    )
    assert_allclose(normalize(values).detach(), expected, atol=1e-3)
    # The output layer has none: it could not give the data's means and scales.
    assert len(halves(DenseNetwork((), normalization=normalization), 5, 2)[0]) == 1


def test_a_dense_network_passed_equals_the_parameters_of_the_estimator():
    params = {"max_iter": 3, "random_state": 0}
    named = AutoencoderTransformer(2, hidden_layer_sizes=(6,), activation="relu", **params)
    passed = AutoencoderTransformer(2, network=DenseNetwork((6,), "relu"), **params)
    expected = named.fit_transform(IRIS)
    assert_array_equal(passed.fit_transform(IRIS), expected)
    passed.set_params(network__activation="tanh", init="random")
    assert abs(passed.fit_transform(IRIS) - expected).max() > 0.01


@pytest.mark.parametrize(
    ("field", "value"), [("activation", "foo"), ("dropout", 1.5), ("dropout", -0.1)]
)
def test_a_dense_network_refuses_what_it_cannot_build(field, value):
    ae = AutoencoderTransformer(2, network=DenseNetwork((4,)).set_params(**{field: value}))
    with pytest.raises(ValueError, match=f"{field} must be"):
        ae.fit(IRIS)


# -- layers -----------------------------------------------------------------------------------


def test_initial_weights_come_from_the_generator_and_fit_the_width():
    layer, again = (Linear(400, 300, seeded()) for _ in range(2))
    for name in ("weight", "bias"):
        assert_array_equal(getattr(layer, name).detach(), getattr(again, name).detach())
    assert not torch.equal(layer.weight, Linear(400, 300, seeded(1)).weight)
    # The variance of what leaves a layer must not depend on how much enters it.
    narrow = Linear(100, 300, seeded())
    assert_allclose((narrow.weight.var() / layer.weight.var()).item(), 4, rtol=0.05)
    assert 0.2 < 400 * layer.weight.var().item() < 4


@settings(max_examples=10, derandomize=True, deadline=None)
@given(n_in=st.integers(1, 48), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_linear_gives_a_row_the_same_bits_wherever_it_stands(n_in, dtype):
    layer = Linear(n_in, 7, seeded()).to(dtype)
    x = normal(64, n_in, dtype=dtype)
    trained, used = layer.train()(x).detach(), layer.eval()(x).detach()
    assert used.dtype == dtype
    tolerance = 50 * torch.finfo(dtype).eps
    assert_allclose(used, trained, atol=tolerance)
    assert_allclose(used, x @ layer.weight.detach().T + layer.bias.detach(), atol=tolerance)
    for shift in range(1, 64):
        assert torch.equal(layer(x.roll(shift, dims=0)).roll(-shift, dims=0), used)


def test_dropout_drops_in_training_only_and_keeps_the_mean():
    layer = Dropout(0.3)
    layer.generator = seeded()
    x = torch.full((400, 500), 2.0)
    dropped = layer(x)
    assert set(dropped.unique().tolist()) == {0.0, float(torch.tensor(2.0) / torch.tensor(0.7))}
    assert_allclose((dropped == 0).double().mean().item(), 0.3, atol=0.01)
    assert_allclose(dropped.double().mean().item(), 2.0, atol=0.02)
    assert not torch.equal(layer(x), dropped)
    layer.generator = seeded()
    assert torch.equal(layer(x), dropped)
    assert layer.eval()(x) is x
