"""Columns of all types as numbers, and back."""

from ._category_column import CategoryColumn
from ._frame_types import FrameTypes
from ._frames import empty_like, filled
from ._kinds import DAY, says_no_number
from ._schema import TableSchema

__all__ = [
    "DAY",
    "CategoryColumn",
    "FrameTypes",
    "TableSchema",
    "empty_like",
    "filled",
    "says_no_number",
]
