"""Columns of all types as numbers, and back."""

from ._category_column import UNKNOWN, CategoryColumn
from ._frame_types import FrameTypes
from ._frames import empty_like, filled
from ._number_column import NumberColumn
from ._schema import Categorical, TableSchema

__all__ = [
    "UNKNOWN",
    "Categorical",
    "CategoryColumn",
    "FrameTypes",
    "NumberColumn",
    "TableSchema",
    "empty_like",
    "filled",
]
