"""Tables as an imputer is given them, with the places of their gaps."""

from dataclasses import dataclass, replace
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from skae.tables import (
    CallerFrame,
    NumberColumn,
    check_kind,
    check_mask,
    check_names,
    check_no_series,
    chosen_columns,
    columns_that_are_not_numeric,
    frame_of,
    learn_any_frame,
    missing_cells,
    naming_cells,
    replace_cells,
)

# Most categories of all columns together, as each is a column of the normal distribution.
_MOST_CATEGORIES = 500


@dataclass(eq=False)
class TableToFill:
    """An array or a DataFrame, and where it has gaps.

    `X` is the same as `given`, with NaN or null in its gaps.
    """

    given: Any
    X: Any
    missing: np.ndarray

    @property
    def is_frame(self) -> bool:
        """Whether it is a DataFrame."""
        return hasattr(type(self.X), "columns")

    def of_columns(self, places: np.ndarray) -> Self:
        """Return some of the columns."""
        given, X = (_columns_of(table, places) for table in (self.given, self.X))
        return replace(self, given=given, X=X, missing=self.missing[:, places])

    def learn_frame(self, estimator: Any, places: np.ndarray) -> CallerFrame:
        """Return some of the columns; the type of one says whether filled numbers are whole."""
        limits, table = clone(estimator), self.of_columns(places)
        chosen = estimator.categorical_features
        if chosen is not None and not isinstance(chosen, str):
            mask = chosen_columns(frame_of(self.X).columns, chosen)
            limits.set_params(categorical_features=mask[places].tolist())
        frame = learn_any_frame(limits, table.X)
        levels = np.asarray(frame.schema.n_levels)
        if estimator.max_categories is None and levels.sum() > _MOST_CATEGORIES:
            fewer = max(2, _MOST_CATEGORIES // np.count_nonzero(levels))
            frame = learn_any_frame(limits.set_params(max_categories=fewer), table.X)
        columns = [
            replace(column, whole=is_whole) if isinstance(column, NumberColumn) else column
            for column, is_whole in zip(frame.schema.columns, table._are_whole, strict=True)
        ]
        return replace(frame, schema=replace(frame.schema, columns=columns))

    @property
    def _are_whole(self) -> list[bool]:
        """Whether columns are of a type of whole numbers; those of an array are not."""
        if not self.is_frame:
            return [False] * self.X.shape[1]
        types = nw.from_native(self.given, eager_only=True).schema.values()
        return [one.is_integer() for one in types]

    def filled_with(self, table: Any) -> Any:
        """Return the table with the cells of another one in its gaps."""
        return replace_cells(self.given, self.missing, table)


def read_table(estimator: Any, X: Any, *, reset: bool) -> TableToFill:
    """Return a table that `fit` or, without `reset`, another method was given."""
    check_kind(X)
    check_no_series(X)
    check_mask(X, "X")
    if hasattr(type(X), "columns"):
        check_names(X)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if len(X) == 0:
            raise ValueError("Found array with 0 sample(s): X has no rows, expected one at least.")
    else:
        with naming_cells(X):
            X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        X = _as_floats(X)
    missing = missing_cells(X, estimator.missing_values)
    has_marks = not pd.isna(estimator.missing_values)
    return TableToFill(X, replace_cells(X, missing) if has_marks else X, missing)


def _columns_of(table: Any, places: np.ndarray) -> Any:
    if not hasattr(type(table), "columns"):
        return table[:, places]
    return nw.from_native(table, eager_only=True)[:, places.tolist()].to_native()


def _as_floats(X: np.ndarray) -> np.ndarray:
    """Return an array of numbers as float64 or float32, and one of other cells as objects."""
    if X.dtype.kind in "US":
        return X.astype(object)
    if X.dtype == object:
        missing = pd.isna(X)
        if columns_that_are_not_numeric(np.where(missing, 0.0, X)):
            return X
        return np.where(missing, np.nan, X).astype(np.float64)
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
