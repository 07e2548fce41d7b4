"""Fixtures that the tests of bad input share."""

import pickle

import pytest
from bad_input_cases import PARAMS, X

from skae import AutoencoderTransformer


@pytest.fixture(scope="module")
def fitted_blob():
    return pickle.dumps(AutoencoderTransformer(2, **PARAMS).fit(X))


@pytest.fixture
def fitted(fitted_blob):
    """A fitted model of the test's own."""
    return pickle.loads(fitted_blob)
