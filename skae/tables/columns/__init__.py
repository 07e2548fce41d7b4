"""Columns of all types as numbers, and back."""

from ._category_column import CategoryColumn
from ._compared_column import ComparedColumn
from ._frame_types import FrameTypes
from ._frames import empty_like, filled, typed_like
from ._kinds import (
    DAY,
    WORDS,
    has_value,
    is_category,
    kind_of_column,
    numbers_of,
    says_no_number,
    values_of,
)
from ._number_column import NumberColumn
from ._schema import Column, SchemaLearner, TableSchema, chosen_columns

__all__ = [
    "DAY",
    "WORDS",
    "CategoryColumn",
    "Column",
    "ComparedColumn",
    "FrameTypes",
    "NumberColumn",
    "SchemaLearner",
    "TableSchema",
    "chosen_columns",
    "empty_like",
    "filled",
    "has_value",
    "is_category",
    "kind_of_column",
    "numbers_of",
    "says_no_number",
    "typed_like",
    "values_of",
]
