"""Columns of all types as numbers, and back."""

from ._category_column import CategoryColumn
from ._compared_column import ComparedColumn
from ._frame_types import FrameTypes
from ._frames import empty_like, filled
from ._kinds import DAY
from ._schema import TableSchema

__all__ = [
    "DAY",
    "CategoryColumn",
    "ComparedColumn",
    "FrameTypes",
    "TableSchema",
    "empty_like",
    "filled",
]
