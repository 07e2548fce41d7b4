"""Transformers that cut recordings into windows and images into patches, and put them together."""

from ._patches import Patches
from ._windows import Windows

__all__ = ["Patches", "Windows"]
