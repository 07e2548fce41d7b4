"""Codes in their own scale: what a stack of autoencoders keeps."""

from itertools import cycle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

import skae
from skae import (
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
)

DIGITS = load_digits().data
LINEAR = {"hidden_layer_sizes": (), "max_iter": 5, "random_state": 0}
SMALL = {"hidden_layer_sizes": (32,), "max_iter": 5, "random_state": 0}


def stack(standardize, sizes=(48, 24, 8), **params):
    steps = [AutoencoderTransformer(k, standardize=standardize, **params) for k in sizes]
    return make_pipeline(*steps).fit(DIGITS)


def error(model):
    return ((model.inverse_transform(model.transform(DIGITS)) - DIGITS) ** 2).mean()


def test_a_stack_of_linear_ones_keeps_what_pca_keeps():
    best = error(PCA(8).fit(DIGITS))
    assert error(stack(False, **LINEAR)) < 1.01 * best
    # The control: codes of unit variance hide what counts.
    assert error(stack(True, **LINEAR)) > 1.5 * best


def test_a_stack_of_deep_ones_keeps_more_than_standardised_codes_do():
    assert error(stack(False, **SMALL)) < 0.9 * error(stack(True, **SMALL))


def test_codes_of_a_linear_one_are_those_of_pca():
    codes = AutoencoderTransformer(6, standardize=False, **LINEAR).fit_transform(DIGITS)
    expected = PCA(6).fit_transform(DIGITS)
    assert_allclose(np.abs(codes), np.abs(expected), atol=0.05 * expected.std(axis=0).max())
    assert_allclose(codes.mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_their_scale_is_the_unit_of_the_data(unit):
    X = DIGITS[:400]
    ae = AutoencoderTransformer(6, standardize=False, **SMALL).fit(X * unit)
    plain = AutoencoderTransformer(6, standardize=False, **SMALL).fit(X)
    assert_allclose(ae.transform(X * unit) / unit, plain.transform(X), atol=1e-3)


ESTIMATORS = [
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    NestedAutoencoder,
]


# Each of them once, and the first in both ways.
@pytest.mark.parametrize(
    ("estimator", "method"),
    [*zip(ESTIMATORS, cycle(["fit", "partial_fit"]), strict=False), (ESTIMATORS[0], "partial_fit")],
)
def test_only_the_scale_of_the_codes_differs(estimator, method, tmp_path):
    params, X = {"hidden_layer_sizes": (32,), "max_iter": 2, "random_state": 0}, DIGITS[:400]
    # High enough for two epochs to lead away from the start at PCA.
    params["learning_rate_init"] = 0.01
    if estimator is ConvolutionalAutoencoder:
        params["channels"] = (4, 8)
    own, unit = (getattr(estimator(4, standardize=s, **params), method)(X) for s in (False, True))
    codes, standard = own.transform(X), unit.transform(X)
    deviations = codes.std(axis=0)
    assert np.ptp(deviations) > 0.1
    # Over all rows of a fit the standard ones have unit variance.
    assert_allclose(codes / deviations, standard / standard.std(axis=0), atol=1e-3)
    assert_allclose(own.reconstruct(X), unit.reconstruct(X), atol=1e-3)
    assert_allclose(own.inverse_transform(codes), own.reconstruct(X), atol=1e-9)
    assert own.sample(3, random_state=0).shape[0] == 3
    skae.save(own, tmp_path / "own.skae")
    np.testing.assert_array_equal(skae.load(tmp_path / "own.skae").transform(X), codes)
    assert clone(own).standardize is False


def test_a_code_without_effect_has_a_scale():
    X = DIGITS.copy()
    X[:, 1:] = 0
    ae = AutoencoderTransformer(3, standardize=False, **LINEAR).fit(X)
    assert np.isfinite(ae.transform(X)).all()
    assert_allclose(ae.reconstruct(X), X, atol=1e-3)


@pytest.mark.parametrize("unit", [1e-6, 1e4])
def test_samples_follow_the_unit(unit):
    """The mixture that they are drawn from has a smallest variance of its own."""
    X = DIGITS[:60, 20:26]
    drawn = [
        AutoencoderTransformer(3, standardize=False, **SMALL).fit(rows).sample(200, random_state=0)
        for rows in (X, unit * X)
    ]
    assert_allclose(drawn[1] / unit, drawn[0], atol=1e-2)


def test_own_scale_counts_weights():
    X, repeats = DIGITS[:16] ** 2, np.arange(16) % 3 + 1
    ae = AutoencoderTransformer(2, standardize=False, **SMALL)
    weighted = ae.fit(X, sample_weight=repeats).transform(X)
    repeated = ae.fit(np.repeat(X, repeats, axis=0)).transform(X)
    assert_allclose(weighted, repeated, rtol=1e-5, atol=1e-6 * np.abs(repeated).max())
