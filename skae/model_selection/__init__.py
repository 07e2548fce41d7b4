"""Searches and cross-validation with many small networks."""

from ._stacked_fits import stacked_fits

__all__ = ["stacked_fits"]
