"""Descriptions of networks: nested parameters, and networks of a user's own."""

from dataclasses import dataclass

import numpy as np
import pytest
from network_cases import widths
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from torch import nn

from skae import AutoencoderTransformer
from skae.networks import DenseNetwork, Network
from skae.networks._layers import Linear

IRIS = load_iris().data


@dataclass
class OneHidden(Network):
    """A user's own network: one hidden layer of some width, a linear decoder."""

    width: int = 4
    slope: float = 0.1

    def build_encoder(self, n_features, n_outputs, generator):
        return nn.Sequential(
            Linear(n_features, self.width, generator),
            nn.LeakyReLU(self.slope),
            Linear(self.width, n_outputs, generator),
        )

    def build_decoder(self, n_components, n_features, generator):
        return Linear(n_components, n_features, generator)


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


@dataclass
class EndsIn(Network):
    """A dense network whose halves end in a module of choice."""

    last: str = "none"

    def build_encoder(self, n_features, n_outputs, generator):
        ends = {"none": [], "sigmoid": [nn.Sigmoid()], "softplus": [nn.Softplus()]}
        return nn.Sequential(Linear(n_features, n_outputs, generator), *ends[self.last])

    build_decoder = build_encoder


@pytest.mark.parametrize("last", ["sigmoid", "softplus"])
def test_a_network_that_cannot_start_at_pca_is_refused(last):
    X = np.random.default_rng(0).normal(size=(60, 6))
    ae = AutoencoderTransformer(2, network=EndsIn(last), max_iter=2, random_state=0)
    with pytest.raises(ValueError, match=r"init='pca' needs.*end in a linear layer"):
        ae.fit(X)
    assert np.isfinite(ae.set_params(init="random").fit(X).transform(X)).all()
    assert np.isfinite(ae.set_params(init="pca", network__last="none").fit(X).transform(X)).all()


def test_a_class_is_no_network():
    with pytest.raises(ValueError, match=r"'network'.*must be.*Write DenseNetwork\(\), with its"):
        AutoencoderTransformer(network=DenseNetwork).fit(IRIS)


class LikeANetwork:
    """Has the methods of a description, and is none."""

    for_rows = build_encoder = build_decoder = None


def test_what_only_looks_like_a_network_is_none():
    with pytest.raises(ValueError, match=r"'network'.*a subclass of skae.networks.Network"):
        AutoencoderTransformer(network=LikeANetwork()).fit(IRIS)


def test_parameters_of_the_default_network_are_the_estimators_own():
    with pytest.raises(ValueError, match=r"network__dropout cannot be set: network=None is the "):
        AutoencoderTransformer().set_params(network__dropout=0.1)
    ae = AutoencoderTransformer().set_params(network=DenseNetwork(), network__dropout=0.1)
    assert ae.network.dropout == 0.1
