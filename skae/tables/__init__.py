"""Tables: validation, the caller's type, row shapes, scaling, principal components, chunks."""

from ._caller_frame import CallerFrame, array_of, fitted_frame, frame_of, index_of, learn_any_frame
from ._caller_type import CallerType, as_tensor, caller_type, detached
from ._column_scaling import ColumnScaling, dense
from ._column_types import columns_that_are_not_numeric
from ._count_table import CountTable, weight_of_counted
from ._gaussian_rows import GaussianRows
from ._mapped_files import is_memory_mapped, slices_in_memory
from ._mixed_table import MixedTable
from ._moments import column_extremes, merge_moments
from ._numeric_table import NumericTable
from ._output_frames import as_pandas, as_set_output, column_names
from ._plain_table import COLUMNS_KEY, GAPS_KEY, PlainColumn, PlainTable
from ._principal_components import PrincipalComponents, principal_components
from ._replaced_cells import mark_cells, missing_cells, replace_cells
from ._row_weights import drop_weightless_rows, validate_weight
from ._scaled_rows import ScaledRows
from ._table_errors import (
    check_kind,
    check_mask,
    check_names,
    check_no_series,
    check_table,
    naming_cells,
)
from ._target_rows import TargetRows, validate_target_rows
from ._unequal_columns import warn_of_unequal_columns
from ._validation import (
    validate_code_table,
    validate_codes,
    validate_new_rows,
    validate_rows,
    validate_table,
)
from .columns import ComparedColumn, NumberColumn, TableSchema, chosen_columns
from .sources import (
    AnswersInParts,
    check_in_memory,
    held_out_by_hash,
    source_of,
    validate_sample,
)

__all__ = [
    "COLUMNS_KEY",
    "GAPS_KEY",
    "AnswersInParts",
    "CallerFrame",
    "CallerType",
    "ColumnScaling",
    "ComparedColumn",
    "CountTable",
    "GaussianRows",
    "MixedTable",
    "NumberColumn",
    "NumericTable",
    "PlainColumn",
    "PlainTable",
    "PrincipalComponents",
    "ScaledRows",
    "TableSchema",
    "TargetRows",
    "array_of",
    "as_pandas",
    "as_set_output",
    "as_tensor",
    "caller_type",
    "check_in_memory",
    "check_kind",
    "check_mask",
    "check_names",
    "check_no_series",
    "check_table",
    "chosen_columns",
    "column_extremes",
    "column_names",
    "columns_that_are_not_numeric",
    "dense",
    "detached",
    "drop_weightless_rows",
    "fitted_frame",
    "frame_of",
    "held_out_by_hash",
    "index_of",
    "is_memory_mapped",
    "learn_any_frame",
    "mark_cells",
    "merge_moments",
    "missing_cells",
    "naming_cells",
    "principal_components",
    "replace_cells",
    "slices_in_memory",
    "source_of",
    "validate_code_table",
    "validate_codes",
    "validate_new_rows",
    "validate_rows",
    "validate_sample",
    "validate_table",
    "validate_target_rows",
    "validate_weight",
    "warn_of_unequal_columns",
    "weight_of_counted",
]
