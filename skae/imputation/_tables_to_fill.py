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
    check_kind,
    check_mask,
    check_names,
    columns_that_are_not_numeric,
    learn_any_frame,
    missing_cells,
    replace_cells,
)

# Most categories of all columns together, as each is a column of the normal distribution.
_MOST_CATEGORIES = 500


@dataclass(eq=False)
class TableToFill:
    """An array or a DataFrame, and where it has gaps, which are NaN or null."""

    X: Any
    missing: np.ndarray

    @property
    def is_frame(self) -> bool:
        """Whether it is a DataFrame."""
        return hasattr(type(self.X), "columns")

    def of_columns(self, places: np.ndarray) -> Self:
        """Return some of the columns."""
        missing = self.missing[:, places]
        if not self.is_frame:
            return replace(self, X=self.X[:, places], missing=missing)
        frame = nw.from_native(self.X, eager_only=True)
        return replace(self, X=frame[:, places.tolist()].to_native(), missing=missing)

    def learn_frame(self, estimator: Any) -> CallerFrame:
        """Return the columns; the type of one says whether filled numbers have to be whole."""
        frame = learn_any_frame(estimator, self.X)
        levels = np.asarray(frame.schema.n_levels)
        if estimator.max_categories is None and levels.sum() > _MOST_CATEGORIES:
            fewer = max(2, _MOST_CATEGORIES // np.count_nonzero(levels))
            frame = learn_any_frame(clone(estimator).set_params(max_categories=fewer), self.X)
        schema = nw.from_native(self.X, eager_only=True).schema if self.is_frame else {}
        columns = [
            replace(column, whole=is_integer) if hasattr(column, "whole") else column
            for column, is_integer in zip(
                frame.schema.columns,
                [one.is_integer() for one in schema.values()] or [False] * self.X.shape[1],
                strict=True,
            )
        ]
        return replace(frame, schema=replace(frame.schema, columns=columns))

    def filled_with(self, table: Any) -> Any:
        """Return the table with the cells of another one in its gaps."""
        return replace_cells(self.X, self.missing, table)


def read_table(estimator: Any, X: Any, *, reset: bool) -> TableToFill:
    """Return a table that `fit` or, without `reset`, another method was given."""
    check_kind(X)
    check_mask(X, "X")
    if hasattr(type(X), "columns"):
        check_names(X)
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if len(X) == 0:
            raise ValueError("Found array with 0 sample(s): X has no rows, expected one at least.")
    else:
        X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")
        X = _as_floats(X)
    missing = missing_cells(X, estimator.missing_values)
    if not pd.isna(estimator.missing_values):
        X = replace_cells(X, missing)
    return TableToFill(X, missing)


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
