"""Rows that a network is to answer to others: the second of each pair."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from ._caller_frame import frame_of, learn_any_frame
from ._caller_type import CallerType, detached
from ._mapped_files import is_memory_mapped
from ._observed_moments import has_gaps
from ._row_shapes import TakesRows, flatten_rows
from ._table_errors import check_kind
from .columns import CategoryColumn, TableSchema


@dataclass
class TargetRows:
    """Validated rows of numbers, and their columns if the rows that are seen have known ones."""

    Y: Any
    schema: TableSchema | None = None

    @property
    def has_gaps(self) -> bool:
        """Whether cells have no value."""
        return isinstance(self.Y, np.ndarray) and not is_memory_mapped(self.Y) and has_gaps(self.Y)


def validate_target_rows(
    estimator: BaseEstimator, y: Any, X: Any, caller: CallerType, network: TakesRows
) -> TargetRows:
    """Return the targets of rows as flat rows of numbers; gaps stay NaN.

    `X` is the validated rows, of a table that `caller` describes.
    """
    y = detached(y)
    check_kind(y)
    schema = None
    if caller.frame is not None:
        schema = _schema_of(estimator, y, caller.frame.schema)
        y = schema.encode(frame_of(y))
    Y, _ = flatten_rows(y, CallerType(), network, type(estimator).__name__, None)
    mapped, is_sparse = is_memory_mapped(Y), sparse.issparse(Y)
    Y = check_array(
        Y,
        accept_sparse="csr",
        dtype="numeric" if mapped else (np.float64, np.float32),
        ensure_all_finite=not mapped if mapped or is_sparse else "allow-nan",
        input_name="y",
        estimator=estimator,
    )
    if Y.shape != X.shape:
        raise ValueError(f"y has {Y.shape} cells, expected the shape of X, which is {X.shape}.")
    return TargetRows(Y, schema)


def _schema_of(estimator: BaseEstimator, y: Any, of_rows: TableSchema) -> TableSchema:
    """Return the columns of targets, all of which must be numbers."""
    schema = learn_any_frame(estimator, y).schema
    for where, columns in (("X", of_rows.columns), ("y", schema.columns)):
        for column in columns:
            if isinstance(column, CategoryColumn) or column.kind != "number":
                raise ValueError(
                    f"Pairs of rows, fit(X, y) with a y of the shape of X, are taken of numbers, "
                    f"but column {column.name!r} of {where} holds a {column.kind}. Leave it out, "
                    f"or encode it as numbers."
                )
    return schema
