"""Settings that tests of graphs share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _functions_of_torchlib_are_parsed_once(torchlib_is_parsed_once):
    """Nearly all of these tests export a network."""
