"""Fixtures that the tests of the engine share."""

import pytest

from skae.engine import _lockstep


@pytest.fixture
def stacks(monkeypatch):
    """Sizes of the stacks in the order in which they are made."""
    sizes = []

    class Counted(_lockstep._Stack):
        def __init__(self, nets, read):
            sizes.append(len(nets))
            super().__init__(nets, read)

    monkeypatch.setattr(_lockstep, "_Stack", Counted)
    return sizes
