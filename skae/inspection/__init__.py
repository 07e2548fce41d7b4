"""Reads fitted estimators and rows for comparisons, displays and reports."""

from ._cells import Cells, read_cells
from ._row_kinds import RowKind, kind_of_rows
from ._rows import (
    as_array,
    autoencoder_of,
    codes_of,
    names_of_columns,
    sample,
    share_in_words,
    take,
)

__all__ = [
    "Cells",
    "RowKind",
    "as_array",
    "autoencoder_of",
    "codes_of",
    "kind_of_rows",
    "names_of_columns",
    "read_cells",
    "sample",
    "share_in_words",
    "take",
]
