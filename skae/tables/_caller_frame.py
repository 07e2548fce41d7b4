"""Tables with columns of several types, or with gaps, as the caller gives and gets them."""

from dataclasses import dataclass, replace
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from ._column_types import columns_that_are_not_numeric
from ._mapped_files import slices_in_memory
from .columns import (
    CategoryColumn,
    FrameTypes,
    SchemaLearner,
    TableSchema,
    empty_like,
    filled,
    says_no_number,
    typed_like,
)


@dataclass(frozen=True, eq=False)
class CallerFrame:
    """The columns of the caller's tables, which rows are read as, and become again.

    `types` are those of the tables in `fit`, None for arrays. Of rows that came in a table, `empty`
    is that table without rows, and `index` its index if it is one of pandas.
    """

    schema: TableSchema
    types: FrameTypes | None
    empty: Any = None
    index: Any = None

    def read(self, X: Any) -> tuple[np.ndarray, Self]:
        """Return a table of these columns as an array, and the frame that its rows become."""
        frame = frame_of(X)
        encoded = self.schema.encode(frame)
        if holds_single_precision(frame):
            encoded = encoded.astype(np.float32)
        empty = self._empty_like(frame, encoded) if has_columns(X) else None
        return encoded, replace(self, empty=empty, index=index_of(X))

    def _empty_like(self, frame: nw.DataFrame, encoded: np.ndarray) -> Any:
        """Return a table without its rows; columns in which no cell has a value are as in `fit`."""
        # A type of whole numbers says what a column holds, also where all of them are missing.
        known = [
            column.kind == "number" and dtype.is_integer()
            for column, dtype in zip(self.schema.columns, frame.schema.values(), strict=True)
        ]
        empty = empty_like(frame)
        without_value = np.flatnonzero(np.isnan(encoded).all(axis=0) & ~np.array(known))
        if self.types is None or not len(without_value):
            return empty
        of_fit = nw.from_native(self.types.empty(), eager_only=True)
        return typed_like(empty, of_fit, without_value.tolist())

    def of_fit(self) -> Self:
        """Return the same without what belongs to the rows of one table."""
        return replace(self, empty=None, index=None)

    def of_floats(self, schema: TableSchema) -> Self:
        """Return the same for rows of other columns, which are of floats in the caller's tables."""
        empty = self._empty_table()
        if empty is not None:
            columns = nw.from_native(empty, eager_only=True)
            empty = columns.with_columns(nw.all().cast(nw.Float64)).to_native()
        return replace(self, schema=schema, empty=empty)

    def _empty_table(self) -> Any:
        """Return a table of the caller without rows, None for arrays."""
        if self.empty is None and self.types is not None:
            return self.types.empty()
        return self.empty

    def filled(self, rows: np.ndarray) -> Any:
        """Return decoded rows as a table of the caller."""
        columns = [
            (column.kind, column.decode(_codes(column, rows[:, i].astype(np.float64))))
            for i, column in enumerate(self.schema.columns)
        ]
        empty = self._empty_table()
        if empty is not None:
            return filled(empty, columns, self.index)
        cells = [values for _, values in columns]
        if all(kind == "number" for kind, _ in columns):
            return np.column_stack(cells).astype(rows.dtype)
        return _side_by_side(cells)


def index_of(X: Any) -> Any:
    """Return the index of a table, or None."""
    return getattr(X, "index", None) if has_columns(X) else None


def learn_frame(estimator: BaseEstimator, X: Any, sample_weight: Any = None) -> CallerFrame | None:
    """Return the columns of a table, or None if it is one of numbers without gaps.

    The parameters of the estimator say which columns are categories. Nothing but tables in memory
    is looked at, and no rows of weight zero.
    """
    return learn_any_frame(estimator, X, sample_weight) if needs_columns(estimator, X) else None


def needs_columns(estimator: BaseEstimator, X: Any) -> bool:
    """Return whether a table in memory is anything else than numbers without gaps."""
    if not hasattr(estimator, "categorical_features"):
        return False
    if sparse.issparse(X) or not _is_table(X):
        return False
    return names_categories(estimator) or _needs_columns(estimator, X)


def names_categories(estimator: BaseEstimator) -> bool:
    """Return whether the parameters name columns that are categories, whatever they hold."""
    wanted = getattr(estimator, "categorical_features", None)
    return wanted is not None and not isinstance(wanted, str) and len(wanted) > 0


def learn_any_frame(estimator: BaseEstimator, X: Any, sample_weight: Any = None) -> CallerFrame:
    """Return the columns of a table, whatever they hold."""
    shape = frame_of(X).shape
    if not shape[0]:
        # This refuses it: no column can be learned.
        check_array(np.empty(shape), estimator=estimator)
    weight = np.asarray([] if sample_weight is None else sample_weight)
    learner = FrameLearner(estimator)
    # All rows, if the weights will be refused.
    is_valid = weight.shape == shape[:1] and weight.dtype.kind in "biuf" and (weight > 0).any()
    learner.add(X, weight if is_valid else None)
    return learner.frame()


class FrameLearner:
    """Learns the columns of a table from one part of its rows after the other."""

    def __init__(self, estimator: BaseEstimator) -> None:
        self._schema = SchemaLearner(
            estimator.categorical_features, estimator.min_frequency, estimator.max_categories
        )
        self._types: FrameTypes | None = None

    def add(self, X: Any, weight: np.ndarray | None) -> None:
        """Learn from the next rows, but not from those of weight zero."""
        frame = frame_of(X)
        if self._types is None and has_columns(X):
            self._types = FrameTypes.of(frame)
        self._schema.add(frame if weight is None else frame.filter((weight > 0).tolist()))

    def frame(self) -> CallerFrame:
        """Return what all rows together say."""
        return CallerFrame(self._schema.schema(), self._types)


def fitted_frame(estimator: BaseEstimator) -> CallerFrame | None:
    """Return the columns that an estimator has seen in `fit`, None for a table of numbers."""
    return getattr(estimator, "_frame", None)


def _needs_columns(estimator: BaseEstimator, X: Any) -> bool:
    # Where only numbers are taken, they may have gaps.
    gaps_need = estimator._why_only_numbers() is None
    if has_columns(X):
        columns = [*frame_of(X).iter_columns()]
        if any(map(says_no_number, columns)) or (gaps_need and any(map(_has_gaps, columns))):
            return True
        return bool(columns_that_are_not_numeric(X))
    X = array_of(X)
    if X.dtype.kind in "US" or (X.dtype == object and columns_that_are_not_numeric(X)):
        return True
    if not gaps_need or X.dtype.kind not in "fO":
        return False
    return any(bool(pd.isna(X[rows]).any()) for rows in slices_in_memory(X))


def _has_gaps(column: nw.Series) -> bool:
    if column.dtype.is_float():
        return bool(np.isnan(column.to_numpy()).any())
    return column.null_count() > 0


def has_columns(X: Any) -> bool:
    """Return whether this is a table of pandas, polars, Arrow or another library."""
    return hasattr(type(X), "columns")


def holds_single_precision(X: Any) -> bool:
    """Return whether all columns of a table are of float32."""
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return isinstance(frame, nw.DataFrame) and set(frame.schema.values()) == {nw.Float32}


def _is_table(X: Any) -> bool:
    if has_columns(X):
        return True
    try:
        return isinstance(X, np.ndarray | list | tuple) and np.ndim(X) == 2
    except ValueError:
        # Rows of a list differ in length.
        return False


def frame_of(X: Any) -> nw.DataFrame:
    """Return a table as narwhals reads it; the columns of arrays are named by their places."""
    if has_columns(X):
        return nw.from_native(X, eager_only=True)
    X = array_of(X)
    table = pd.DataFrame(X if X.dtype.kind not in "US" else X.astype(object))
    return nw.from_native(table, eager_only=True)


def array_of(X: Any) -> np.ndarray:
    """Return rows as an array, in which numbers of lists stay numbers beside words."""
    rows = np.asarray(X)
    of_words = isinstance(X, list | tuple) and rows.dtype.kind in "US"
    return np.asarray(X, dtype=object) if of_words else rows


def _codes(column: Any, values: np.ndarray) -> np.ndarray:
    return values.astype(np.int64) if isinstance(column, CategoryColumn) else values


def _side_by_side(cells: list[np.ndarray]) -> np.ndarray:
    table = np.empty((len(cells[0]), len(cells)), dtype=object)
    for i, values in enumerate(cells):
        table[:, i] = values
    return table
