"""Columns of all types as numbers, and back."""

from ._schema import TableSchema

__all__ = ["TableSchema"]
