"""Networks: shapes, layers, the linear path, and descriptions as nested parameters."""

from dataclasses import dataclass
from itertools import pairwise
from math import erf

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from torch import nn

from skae import AutoencoderTransformer
from skae.networks import (
    ACTIVATIONS,
    Autoencoder,
    DenseNetwork,
    Network,
    add_linear_path,
    start_linear_path,
)
from skae.networks._layers import Dropout, Linear, make_linear

IRIS = load_iris().data


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def halves(network, n_features, n_components, generator):
    """Both halves of an autoencoder as a network describes them."""
    encoder = network.build_encoder(n_features, n_components, generator)
    return encoder, network.build_decoder(n_components, n_features, generator)


def normal(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=seeded(seed))


def widths(module):
    """The (in, out) widths of the linear layers, in order."""
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]


# -- the dense network --------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (7,), (9, 5)])
def test_decoder_mirrors_the_encoder(hidden):
    encoder, decoder = halves(DenseNetwork(hidden), 11, 3, seeded())
    sizes = [11, *hidden, 3]
    assert widths(encoder) == list(pairwise(sizes))
    assert widths(decoder) == [(n_out, n_in) for n_in, n_out in reversed(widths(encoder))]
    codes = encoder(normal(4, 11, dtype=torch.float32))
    assert codes.shape == (4, 3)
    assert decoder(codes).shape == (4, 11)


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
    encoder, _ = halves(DenseNetwork((6, 5), activation), 4, 2, seeded())
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
    encoder, _ = halves(network, 5, 2, seeded())
    linear, normalize, activation, code = encoder.double().train()
    assert isinstance(activation, nn.Tanh)
    assert isinstance(code, Linear)
    values = linear(normal(50, 5)).detach()
    expected = (values - values.mean(axis, keepdim=True)) / values.std(
        axis, correction=0, keepdim=True
    )
    assert_allclose(normalize(values).detach(), expected, atol=1e-3)
    # The output layer has none: it could not give the data's means and scales.
    assert len(halves(DenseNetwork((), normalization=normalization), 5, 2, seeded())[0]) == 1


def test_initial_weights_come_from_the_generator_and_fit_the_width():
    layer, again = (make_linear(400, 300, seeded()) for _ in range(2))
    for name in ("weight", "bias"):
        assert_array_equal(getattr(layer, name).detach(), getattr(again, name).detach())
    assert not torch.equal(layer.weight, make_linear(400, 300, seeded(1)).weight)
    # The variance of what leaves a layer must not depend on how much enters it.
    narrow = make_linear(100, 300, seeded())
    assert_allclose((narrow.weight.var() / layer.weight.var()).item(), 4, rtol=0.05)
    assert 0.2 < 400 * layer.weight.var().item() < 4


# -- layers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_in", [3, 16, 30, 33])
def test_linear_gives_the_same_in_training_and_outside(n_in, dtype):
    layer = make_linear(n_in, 7, seeded()).to(dtype)
    x = normal(64, n_in, dtype=dtype)
    trained, used = layer.train()(x).detach(), layer.eval()(x).detach()
    assert used.dtype == dtype
    assert_allclose(used, trained, atol=50 * torch.finfo(dtype).eps)
    expected = x @ layer.weight.detach().T + layer.bias.detach()
    assert_allclose(used, expected, atol=50 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_in", [3, 13, 30, 33])
def test_linear_gives_a_row_the_same_bits_wherever_it_stands(n_in, dtype):
    layer = make_linear(n_in, 7, seeded()).to(dtype).eval()
    x = normal(64, n_in, dtype=dtype)
    expected = layer(x)
    for shift in range(1, 64):
        assert torch.equal(layer(x.roll(shift, dims=0)).roll(-shift, dims=0), expected)


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


# -- codes and the linear path ------------------------------------------------------------------


def test_the_scale_of_the_codes_is_undone_in_decoding():
    module = Autoencoder(*halves(DenseNetwork((6,)), 5, 2, seeded()), 2).double().eval()
    x = normal(20, 5)
    before, raw = module(x).detach(), module.encoder(x).detach()
    module.code_mean.copy_(torch.tensor([3.0, -1.0]))
    module.code_scale.copy_(torch.tensor([0.5, 20.0]))
    codes = module.encode(x).detach()
    assert_allclose(codes, (raw - torch.tensor([3.0, -1.0])) / torch.tensor([0.5, 20.0]))
    assert_allclose(module.decode(codes).detach(), before, atol=1e-12)
    assert_allclose(module(x).detach(), before)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
def test_a_linear_path_is_all_there_is_at_the_start(hidden, normalization):
    deep, _ = halves(DenseNetwork(hidden, normalization=normalization), 5, 3, seeded())
    module = add_linear_path(deep, 5, 3)
    weight, bias = normal(3, 5).numpy(), normal(3, seed=1).numpy()
    start_linear_path(module, weight, bias)
    x = normal(10, 5, dtype=torch.float32)
    assert_allclose(module(x).detach(), x.numpy() @ weight.T + bias, atol=1e-5)
    # The deep half can learn: its last layer has a gradient, and what is linear needs no copy.
    assert (module is deep) == (hidden == ())
    module(x).square().sum().backward()
    last = [m for m in deep.modules() if isinstance(m, nn.Linear)][-1]
    assert last.weight.grad.abs().sum() > 0


# -- descriptions ---------------------------------------------------------------------------------


@dataclass
class OneHidden(Network):
    """A user's own network: one hidden layer of some width, a linear decoder."""

    width: int = 4
    slope: float = 0.1

    def build_encoder(self, n_features, n_outputs, generator):
        return nn.Sequential(
            make_linear(n_features, self.width, generator),
            nn.LeakyReLU(self.slope),
            make_linear(self.width, n_outputs, generator),
        )

    def build_decoder(self, n_components, n_features, generator):
        return make_linear(n_components, n_features, generator)


@dataclass
class Nothing(Network):
    """A description that forgot to say how it is built."""


def test_parameters_of_a_description():
    network = DenseNetwork((8,))
    expected = {"hidden_layer_sizes": (8,), "activation": "silu"}
    assert network.get_params() == expected | {"dropout": 0.0, "normalization": None}
    assert network.set_params(activation="relu", dropout=0.5) is network
    assert (network.activation, network.dropout) == ("relu", 0.5)
    with pytest.raises(ValueError, match=r"'width' for DenseNetwork.*hidden_layer_sizes"):
        network.set_params(width=3)
    copy = clone(network)
    assert copy == network
    assert copy is not network
    with pytest.raises(TypeError, match="Nothing must define `build_encoder`"):
        Nothing().build_encoder(3, 2, None)
    with pytest.raises(TypeError, match="Nothing must define `build_decoder`"):
        Nothing().build_decoder(2, 3, None)


@pytest.mark.parametrize("init", ["pca", "random"])
def test_a_network_of_ones_own_is_trained(init):
    params = {"learning_rate_init": 0.01, "max_iter": 30, "batch_size": 30, "random_state": 0}
    ae = AutoencoderTransformer(2, network=OneHidden(5), init=init, **params).fit(IRIS)
    assert (4, 5) in widths(ae.net_.module_.encoder)
    assert ae.loss_curve_[-1] < ae.loss_curve_[0]
    assert ae.transform(IRIS).shape == (150, 2)
    # The estimator holds a copy of its own of what it was built from.
    ae.network.width = 7
    assert ae.network_.width == 5


def test_parameters_of_the_network_are_reached_through_the_estimator():
    network = OneHidden(3)
    ae = AutoencoderTransformer(2, network=network, max_iter=1, random_state=0)
    assert ae.get_params()["network__width"] == 3
    copy = clone(ae).set_params(network__width=6)
    assert (copy.network.width, network.width) == (6, 3)
    assert (4, 6) in widths(copy.fit(IRIS).net_.module_.encoder)
    with pytest.raises(ValueError, match="'depth' for OneHidden"):
        ae.set_params(network__depth=2)

    search = GridSearchCV(ae, {"network__width": [2, 9], "network__slope": [0.2]}, cv=2)
    search.fit(IRIS)
    assert [params["network__width"] for params in search.cv_results_["params"]] == [2, 9]
    best = search.best_estimator_
    assert (4, best.network.width) in widths(best.net_.module_.encoder)
    assert best.network_.slope == 0.2
    assert network == OneHidden(3)


def test_a_dense_network_passed_equals_the_parameters_of_the_estimator():
    params = {"max_iter": 3, "random_state": 0}
    named = AutoencoderTransformer(2, hidden_layer_sizes=(6,), activation="relu", **params)
    passed = AutoencoderTransformer(2, network=DenseNetwork((6,), "relu"), **params)
    expected = named.fit_transform(IRIS)
    assert_array_equal(passed.fit_transform(IRIS), expected)
    passed.set_params(network__activation="tanh", init="random")
    assert abs(passed.fit_transform(IRIS) - expected).max() > 0.01


@dataclass
class EndsIn(Network):
    """A dense network whose halves end in a module of choice."""

    last: str = "none"

    def build_encoder(self, n_features, n_outputs, generator):
        ends = {"none": [], "sigmoid": [nn.Sigmoid()], "softplus": [nn.Softplus()]}
        return nn.Sequential(make_linear(n_features, n_outputs, generator), *ends[self.last])

    build_decoder = build_encoder


@pytest.mark.parametrize("last", ["sigmoid", "softplus"])
def test_a_network_that_cannot_start_at_pca_is_refused(last):
    X = np.random.default_rng(0).normal(size=(60, 6))
    ae = AutoencoderTransformer(2, network=EndsIn(last), max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"init='pca' needs.*end in a linear layer"):
        ae.fit(X)
    assert np.isfinite(ae.set_params(init="random").fit(X).transform(X)).all()
    assert np.isfinite(ae.set_params(init="pca", network__last="none").fit(X).transform(X)).all()


@pytest.mark.parametrize(
    ("field", "value"), [("activation", "foo"), ("dropout", 1.5), ("dropout", -0.1)]
)
def test_a_dense_network_refuses_what_it_cannot_build(field, value):
    X = np.random.default_rng(0).normal(size=(60, 6))
    ae = AutoencoderTransformer(2, network=DenseNetwork((4,)).set_params(**{field: value}))
    with pytest.raises(ValueError, match=f"{field} must be"):
        ae.fit(X)


def test_a_class_is_no_network():
    with pytest.raises(ValueError, match=r"must be an instance, got the class DenseNetwork.*\(\)"):
        AutoencoderTransformer(network=DenseNetwork).fit(IRIS)
