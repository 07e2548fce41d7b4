"""The columns of what an imputer returns."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import narwhals as nw
import numpy as np

from skae._typing import ArrayOf
from skae.tables import replace_cells

from ._tables_to_fill import TableToFill

# What columns that were empty in `fit` are filled with, as by scikit-learn's SimpleImputer.
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
        table = given.X.astype(object if filled.dtype == object else given.X.dtype)
        table[:, self.known] = filled
        table[given.missing & self._is_empty] = _TEXT if filled.dtype == object else _NUMBER
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

    def without_indicators(self, X: Any, indicated: np.ndarray) -> Any:
        """Return rows with gaps where the indicators, behind the columns, tell of them."""
        n_kept = len(self.kept)
        is_frame = hasattr(type(X), "columns")
        X = X if is_frame else np.asarray(X)
        if X.shape[1] != n_kept + len(indicated):
            raise ValueError(
                f"X has {X.shape[1]} columns, but transform returns {n_kept} and "
                f"{len(indicated)} indicators."
            )
        if is_frame:
            frame = nw.from_native(X, eager_only=True)
            told = np.column_stack([c.to_numpy() for c in frame[:, n_kept:].iter_columns()] or [[]])
            return self._with_gaps(frame[:, :n_kept].to_native(), told, indicated)
        return self._with_gaps(X[:, :n_kept], X[:, n_kept:], indicated)

    def _with_gaps(self, table: Any, told: np.ndarray, indicated: np.ndarray) -> Any:
        where = np.zeros((len(table), len(self.kept)), dtype=bool)
        for values, place in zip(told.T, indicated, strict=True):
            where[:, self.kept == place] = values.astype(bool)[:, None]
        return replace_cells(table, where)


def _filled(column: nw.Series) -> nw.Series:
    """Return a column without any value, filled; dates and categories stay empty."""
    if column.dtype.is_numeric():
        return column.fill_null(_NUMBER)
    is_text = column.dtype in (nw.String, nw.Object)
    return column.fill_null(_TEXT) if is_text else column
