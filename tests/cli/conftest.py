"""Settings and fixtures of the tests of the command line."""

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder in which commands are run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
