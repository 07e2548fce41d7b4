"""Tables: validation, the caller's type, row shapes, scaling, principal components, chunks."""

from ._column_scaling import ColumnScaling, dense
from ._mapped_files import SelectedRows, is_memory_mapped
from ._moments import merge_moments
from ._output_frames import as_set_output
from ._principal_components import principal_components
from ._row_shapes import check_two_dimensions, shape_of
from ._scaled_rows import ScaledRows
from ._scaling import column_moments, extremes_of, fit_scaling
from ._table_errors import check_table, naming_cells
from ._validation import (
    FLOATS,
    Container,
    as_tensor,
    container_of,
    detached,
    validate_codes,
    validate_new_rows,
    validate_rows,
    validate_weight,
)

__all__ = [
    "FLOATS",
    "ColumnScaling",
    "Container",
    "ScaledRows",
    "SelectedRows",
    "as_set_output",
    "as_tensor",
    "check_table",
    "check_two_dimensions",
    "column_moments",
    "container_of",
    "dense",
    "detached",
    "extremes_of",
    "fit_scaling",
    "is_memory_mapped",
    "merge_moments",
    "naming_cells",
    "principal_components",
    "shape_of",
    "validate_codes",
    "validate_new_rows",
    "validate_rows",
    "validate_weight",
]
