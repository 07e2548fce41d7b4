"""The columns of what an imputer returns."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import narwhals as nw
import numpy as np

from skae._typing import ArrayOf
from skae.tables import columns_that_are_not_numeric, mark_cells

from ._tables_to_fill import TableToFill

# The cells of columns that were empty in `fit`, as scikit-learn's SimpleImputer fills them.
_NUMBER, _TEXT = 0, "missing_value"


@dataclass(eq=False)
class OutputColumns:
    """The places of columns that had values in `fit`, and of those that the output has."""

    n_features: int
    known: Annotated[np.ndarray, ArrayOf("int", None)]
    kept: Annotated[np.ndarray, ArrayOf("int", None)]

    @classmethod
    def of(cls, table: TableToFill, keep_empty_features: bool) -> Self:
        """Return the columns for a table of `fit`."""
        n_features = table.missing.shape[1]
        known = np.flatnonzero(~table.missing.all(axis=0))
        if not len(known):
            raise ValueError("X has no value in any column: there is nothing to learn from.")
        return cls(n_features, known, np.arange(n_features) if keep_empty_features else known)

    @property
    def _is_empty(self) -> np.ndarray:
        return ~np.isin(np.arange(self.n_features), self.known)

    def complete(
        self, given: TableToFill, filled: Any, indicators: np.ndarray | None, names: np.ndarray
    ) -> Any:
        """Return a table whose known columns are filled, with the indicators as columns."""
        if given.is_frame:
            return self._complete_frame(given, filled, indicators, names)
        table = given.X.astype(object if columns_that_are_not_numeric(filled) else given.X.dtype)
        table[:, self.known] = filled
        table[given.missing & self._is_empty] = _TEXT if table.dtype == object else _NUMBER
        table = table[:, self.kept]
        return table if indicators is None else np.hstack([table, indicators.astype(table.dtype)])

    def _complete_frame(
        self, given: TableToFill, filled: Any, indicators: np.ndarray | None, names: np.ndarray
    ) -> Any:
        frame = nw.from_native(given.X, eager_only=True)
        of_known = nw.from_native(filled, eager_only=True)
        empty = np.flatnonzero(self._is_empty).tolist()
        columns = [*of_known.iter_columns(), *(_filled(frame[:, i]) for i in empty)]
        frame = frame.with_columns(*columns)[:, self.kept.tolist()]
        added = [] if indicators is None else list(indicators.T)
        if all(dtype.is_numeric() for dtype in frame.schema.values()):
            numbers = [column.to_numpy() for column in frame.iter_columns()]
            dtype = np.float32 if all(one.dtype == np.float32 for one in numbers) else np.float64
            return np.column_stack([one.astype(dtype) for one in (*numbers, *added)])
        backend = frame.implementation
        told = [
            nw.new_series(str(name), values, nw.Boolean, backend=backend)
            for name, values in zip(names[len(self.kept) :], added, strict=True)
        ]
        return frame.with_columns(*told).to_native() if told else frame.to_native()

    def without_indicators(
        self, X: Any, indicated: np.ndarray, names: np.ndarray, missing_values: Any
    ) -> Any:
        """Return rows with gaps where the indicators, behind the columns, tell of them."""
        n_kept = len(self.kept)
        is_frame = hasattr(type(X), "columns")
        X = X if is_frame else np.asarray(X)
        if len(X.shape) != 2 or X.shape[1] != n_kept + len(indicated):
            raise ValueError(
                f"X has shape {X.shape}, expected {n_kept + len(indicated)} columns: transform "
                f"returns {n_kept} and {len(indicated)} indicators."
            )
        if not is_frame:
            told = X[:, n_kept:].astype(bool)
            table = np.full((len(X), self.n_features), np.nan, dtype=X.dtype)
            table[:, self.kept] = X[:, :n_kept]
            gaps = np.zeros(table.shape, dtype=bool)
            gaps[:, indicated] = told
            return mark_cells(table, gaps, missing_values)
        frame = nw.from_native(X, eager_only=True)
        told = np.zeros((len(frame), len(indicated)), dtype=bool)
        for i, indicator in enumerate(frame[:, n_kept:].iter_columns()):
            told[:, i] = indicator.to_numpy()
        gaps = np.zeros((len(frame), self.n_features), dtype=bool)
        gaps[:, indicated] = told
        rows = mark_cells(frame[:, :n_kept].to_native(), gaps[:, self.kept], missing_values)
        return self._frame_with_left_out(rows, names)

    def _frame_with_left_out(self, rows: Any, names: np.ndarray) -> Any:
        left_out = names[np.isin(np.arange(self.n_features), self.kept, invert=True)]
        if not len(left_out):
            return rows
        frame = nw.from_native(rows, eager_only=True)
        empty = [nw.lit(None).alias(name) for name in left_out]
        return frame.with_columns(*empty).select(*names).to_native()


def _filled(column: nw.Series) -> nw.Series:
    """Return a column without any value, filled; dates and categories stay empty."""
    if column.dtype.is_numeric():
        has_nan = column.dtype.is_float()
        return (column.fill_nan(_NUMBER) if has_nan else column).fill_null(_NUMBER)
    is_text = column.dtype in (nw.String, nw.Object)
    return column.fill_null(_TEXT) if is_text else column
