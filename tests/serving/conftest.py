"""Fitted models, and a server, that tests of serving share."""

import pytest
from serving_cases import fit_autoencoder, fit_detector, running


@pytest.fixture(scope="session")
def autoencoder():
    return fit_autoencoder()


@pytest.fixture(scope="session")
def detector():
    return fit_detector()


@pytest.fixture(scope="module")
def port(autoencoder):
    """The port of a server of the autoencoder."""
    with running(autoencoder) as port:
        yield port


@pytest.fixture(scope="module")
def detector_port(detector):
    """The port of a server of the detector."""
    with running(detector) as port:
        yield port
