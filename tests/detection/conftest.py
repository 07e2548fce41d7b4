"""Fixtures that the tests of detectors share."""

import numpy as np
import pytest
from drift_cases import draw, fit_model, independent

from skae.detection import _members, _outlier_detector


@pytest.fixture
def trained_on(monkeypatch):
    """For each member, by its seed, the arrays of rows that it is trained on, one a call."""
    seen = {}

    def fit_members(members, Z, rows, *others):
        for member, mine in zip(members, rows, strict=True):
            seen.setdefault(member.random_state, []).append(Z[mine])
        _members.fit_members(members, Z, rows, *others)

    def train_member(member, Z, *others):
        seen.setdefault(member.random_state, []).append(Z)
        return _members.train_member(member, Z, *others)

    monkeypatch.setattr(_outlier_detector, "fit_members", fit_members)
    monkeypatch.setattr(_outlier_detector, "train_member", train_member)
    return seen


# The models and rows of the tests of drift.


@pytest.fixture(scope="module")
def model():
    return fit_model(draw, 500)


@pytest.fixture(scope="module")
def model_of_independent():
    return fit_model(independent, 5000)


@pytest.fixture(scope="module")
def heldout():
    return draw(np.random.default_rng(2), 300)


@pytest.fixture(scope="module")
def batch():
    return draw(np.random.default_rng(3), 100)
