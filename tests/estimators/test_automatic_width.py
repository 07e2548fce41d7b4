"""The number of components that "auto" stands for."""

from math import ceil, sqrt

import numpy as np
import pytest
from fused_cases import pairwise

from skae import (
    AdversarialAutoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
    VariationalAutoencoder,
)

# Training for one epoch ends anywhere.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
PARAMS = {"hidden_layer_sizes": (2,), "max_iter": 1, "random_state": 0}
VARIANTS = [
    AutoencoderTransformer,
    DenoisingAutoencoder,
    ContractiveAutoencoder,
    NestedAutoencoder,
    VariationalAutoencoder,
    AdversarialAutoencoder,
    ConvolutionalAutoencoder,
]


@pytest.mark.parametrize(
    ("cls", "shape", "method"),
    # The last shapes are controls, in which there are rows enough.
    pairwise(VARIANTS, [(2, 9), (8, 144), (40, 101)], ["fit", "partial_fit"])
    + [(AutoencoderTransformer, shape, "fit") for shape in [(5, 64), (12, 100)]],
)
def test_there_are_fewer_codes_than_rows(cls, method, shape):
    params = PARAMS | ({"channels": (2,)} if cls is ConvolutionalAutoencoder else {})
    X = RNG.normal(size=shape)
    ae = getattr(cls(**params), method)(X)
    n_samples, n_features = shape
    assert ae.n_components_ == min(ceil(sqrt(n_features)), n_samples - 1)
    assert ae.transform(X).shape == (n_samples, ae.n_components_)


def test_a_wide_table():
    X = RNG.normal(size=(60, 20_000)).astype(np.float32)
    assert AutoencoderTransformer(**PARAMS).fit(X).n_components_ == 59


def test_rows_of_weight_zero_do_not_count():
    X, weight = RNG.normal(size=(12, 100)), np.repeat([1.0, 0.0], [5, 7])
    ae = AutoencoderTransformer(**PARAMS).fit(X, sample_weight=weight)
    assert ae.n_components_ == 4
    assert AutoencoderTransformer(**PARAMS).fit(X).n_components_ == 10


def test_the_first_chunk_counts():
    chunks = [RNG.normal(size=(n, 100)) for n in (6, 30)]
    ae = AutoencoderTransformer(**PARAMS).partial_fit(iter(chunks))
    assert ae.n_components_ == 5
    assert ae.transform(chunks[1]).shape == (30, 5)
