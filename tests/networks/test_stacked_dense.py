"""Dense autoencoders of the same shapes give as one stack what they give one by one."""

import pytest
import torch
from network_cases import halves, normal, seeded
from numpy.testing import assert_allclose
from torch import nn

from skae.networks import (
    ACTIVATIONS,
    Autoencoder,
    ConvolutionalNetwork,
    CountInput,
    DenseNetwork,
    GaussianLatent,
    StackedAutoencoders,
    WithColumnInput,
    add_linear_path,
)


def make(network=None, n_features=5, n_components=2, seed=0, linear_path=False):
    network = network or DenseNetwork((6, 4))
    encoder, decoder = halves(network, n_features, n_components, seeded(seed))
    if linear_path:
        encoder = add_linear_path(encoder, n_features, n_components)
        decoder = add_linear_path(decoder, n_components, n_features)
    module = Autoencoder(encoder, decoder, n_components).double().eval()
    # All parameters and scales count: those of linear paths start at what memory held.
    for i, parameter in enumerate(module.parameters()):
        parameter.data = normal(*parameter.shape, seed=100 * seed + i)
    module.code_mean.copy_(normal(n_components, seed=seed))
    module.code_scale.copy_(1 + normal(n_components, seed=seed).abs())
    return module


@pytest.mark.parametrize("linear_path", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
def test_a_stack_gives_what_each_gives_alone(hidden, activation, linear_path):
    network = DenseNetwork(hidden, activation=activation)
    modules = [make(network, seed=seed, linear_path=linear_path) for seed in range(3)]
    x = normal(3, 20, 5)
    with torch.no_grad():
        stack = StackedAutoencoders.of(modules)
        codes = stack.encode(x)
        output = stack.decode(codes)
        for i, module in enumerate(modules):
            assert_allclose(codes[i], module.encode(x[i]), rtol=1e-10)
            assert_allclose(output[i], module(x[i]), rtol=1e-10)


def test_a_stack_is_a_copy():
    modules = [make(seed=seed) for seed in range(2)]
    stack, x = StackedAutoencoders.of(modules), normal(2, 20, 5)
    before = stack.encode(x)
    nn.init.zeros_(modules[0].encoder[0].weight)
    assert_allclose(stack.encode(x), before)
    assert not before.requires_grad


class _Own(Autoencoder):
    """May compute otherwise."""


def _changed(change):
    module = make(seed=1)
    change(module)
    return module


def _slope(slope):
    module = make(DenseNetwork((6, 4), activation="leaky_relu"))
    module.encoder[1] = nn.LeakyReLU(slope)
    return module


OTHERS = {
    "width of the input": make(n_features=6),
    "width of the code": make(n_components=3),
    "depth": make(DenseNetwork((6,))),
    "activation": make(DenseNetwork((6, 4), activation="relu")),
    "linear path": make(linear_path=True),
    "type": make().float(),
    "normalization": make(DenseNetwork((6, 4), normalization="layer")),
    "latent": _changed(lambda module: setattr(module, "latent", GaussianLatent())),
    "class": _Own(*halves(DenseNetwork((6, 4)), 5, 2), 2).double(),
    "no autoencoder": nn.Identity(),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_differs_is_not_stacked(other):
    assert StackedAutoencoders.of([make(), make(seed=1)]) is not None
    assert StackedAutoencoders.of([make(), OTHERS[other]]) is None


def test_parameters_of_activations_count():
    assert StackedAutoencoders.of([_slope(0.1), _slope(0.1)]) is not None
    assert StackedAutoencoders.of([_slope(0.1), _slope(0.2)]) is None


def _without_bias():
    module = make()
    module.decoder[-1].bias = None
    return module


def _of_counts():
    module = make()
    module.encoder = WithColumnInput(CountInput(1.0, normal(5).numpy(), 1.0), module.encoder)
    return module


def _convolutional():
    network = ConvolutionalNetwork(channels=(2,)).for_rows((4, 4))
    return Autoencoder(*halves(network, 16, 2), 2)


@pytest.mark.parametrize("make_one", [_without_bias, _of_counts, _convolutional])
def test_what_is_not_plainly_dense_is_not_stacked(make_one):
    assert StackedAutoencoders.of([make_one(), make_one()]) is None
