"""Variances of columns that hardly vary: none of a constant, and the true one of all others."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skae import AutoencoderTransformer
from skae.tables import NumericTable

# Several chunks.
N = 70_000
RNG = np.random.default_rng(0)
NORMAL, OTHER = RNG.normal(size=(2, N))
WEIGHT = RNG.uniform(0.1, 2, size=N)
FORMS = {"array": np.asarray, "sparse": sparse.csr_array, "tensor": torch.tensor}
any_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
any_weight = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
any_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def deviations_of(form, *columns, weight=None):
    X = form(np.stack(columns, axis=1))
    return NumericTable.learn(X, weight, False, centered=True, scaled=True)[1].numpy()


def exact_deviation(column, weight):
    """Of differences from a value, which are exact."""
    steps = column.astype(np.float64) - float(column[0])
    mean = np.average(steps, weights=weight)
    return np.sqrt(np.average((steps - mean) ** 2, weights=weight))


@any_form
@any_weight
@pytest.mark.parametrize(
    ("value", "spread", "dtype", "fewest", "most"),
    [
        (52.52, 3e-5, np.float32, 30, 80),
        (52.52, 6e-6, np.float32, 6, 20),
        (-1e6, 0.5, np.float32, 10, 100),
        (52.52, 1e-13, np.float64, 20, 200),
        (1.7e12, 100.0, np.float64, 1000, N),
        (1e160, 1e146, np.float64, 100, N),
    ],
)
def test_a_few_distinct_values_have_their_variance(
    form, weight, value, spread, dtype, fewest, most
):
    column = (value + spread * NORMAL).astype(dtype)
    assert fewest < len(np.unique(column)) <= most
    found = deviations_of(form, column, 2 * column, weight=weight)
    assert_allclose(found[0], exact_deviation(column, weight), rtol=1e-6)
    assert_allclose(found[1], 2 * found[0], rtol=1e-6)


@any_form
@any_weight
@any_dtype
def test_a_constant_has_none(form, weight, dtype):
    values = np.array([0.1, -7.0, 1e30, 1e-30, 123456.789, 0.0], dtype=dtype)
    constants = np.full((N, len(values)), values).T
    found = deviations_of(form, *constants, OTHER.astype(dtype), weight=weight)
    assert_array_equal(found[:-1], 0)
    assert found[-1] > 0.9


@any_form
@any_dtype
def test_neighbouring_numbers_are_a_constant_and_two_further_apart_are_not(form, dtype):
    value = dtype(0.1)
    up, down = np.nextafter(value, dtype(1)), np.nextafter(value, dtype(0))
    rounded = np.full(N, value)
    rounded[::3], rounded[1::3] = up, down
    two = np.where(NORMAL > 0, value, value + 8 * (up - value))
    found = deviations_of(form, rounded, two)
    assert found[0] == 0
    assert_allclose(found[1], 4 * (up - value), rtol=0.01)


def test_the_scale_of_an_estimator_is_that_of_columns_that_hardly_vary():
    table = (52.52 + 3e-5 * NORMAL[:1500].reshape(300, 5)).astype(np.float32)
    autoencoder = AutoencoderTransformer(2, hidden_layer_sizes=(), max_iter=1).fit(table)
    deviations = table.std(axis=0, dtype=np.float64)
    assert_allclose(autoencoder.scale_, np.sqrt((deviations**2).mean()), rtol=1e-6)
