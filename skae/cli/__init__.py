"""The command ``skae``."""

from ._main import main

__all__ = ["main"]
