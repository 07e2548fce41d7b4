"""Autoencoders beside each other and beside PCA, on the same folds and in the same units."""

from ._compare import compare

__all__ = ["compare"]
