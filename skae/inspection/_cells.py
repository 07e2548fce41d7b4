"""Cells of tables as numbers that can be compared, and the share of them that is not explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd

from skae.tables import as_pandas, frame_of
from skae.tables.columns import has_value, is_category, kind_of_column, numbers_of, values_of

from ._rows import as_array

Unit = Literal["number", "seconds", "category"]

# Distances to the mean of fewer roundings than this count as zero.
_ROUNDINGS = 16


@dataclass(frozen=True, eq=False)
class Cells:
    """Tables with the same columns as numbers: rows, and what models answer in their place.

    `values` are arrays of shape (n_rows, n_columns), one for each table: numbers, seconds of dates
    and times, and for categories numbers that are equal for equal categories. A gap is NaN.
    `units` say which of these a column holds. `tables` are the cells themselves.
    """

    values: list[np.ndarray]
    units: list[Unit]
    tables: list[Any]

    @cached_property
    def is_number(self) -> np.ndarray:
        """Whether the values of each column are numbers or seconds, and no categories."""
        return np.array([unit != "category" for unit in self.units], dtype=bool)

    @property
    def are_all_numbers(self) -> bool:
        """Whether the values of all columns are numbers."""
        return set(self.units) == {"number"}

    @cached_property
    def spread(self) -> np.ndarray:
        """Standard deviations of the columns of the first table; 1 for categories and constants."""
        found, n_known = self.values[0], self._n_known
        spread = np.sqrt(_squared_distances(found, _means(found)) / np.maximum(n_known, 1))
        return np.where((spread > 0) & self.is_number, spread, 1.0)

    def frames(self, names: Sequence[str]) -> list[pd.DataFrame]:
        """Return the tables as those of pandas, with these names of columns."""
        frames = [as_pandas(table, None, pd.Index(names)) for table in self.tables]
        return [frame.infer_objects().reset_index(drop=True) for frame in frames]

    def differences(self, answer: int = 1) -> np.ndarray:
        """Return the cells of an answer minus those of the first table, NaN for gaps.

        The difference of categories is 1 if they are not the same.
        """
        found, answered = self.values[0], self.values[answer]
        if len(found) != len(answered):
            raise ValueError(
                f"There are {len(found)} rows, and {len(answered)} came back for them. Windows "
                f"give back whole steps of a recording: cut it to such a length."
            )
        differences = answered - found
        is_other = ~self.is_number
        differences[:, is_other] = np.abs(np.sign(differences[:, is_other]))
        return differences

    def unexplained_by_column(self, answer: int = 1, reference: int = 0) -> np.ndarray:
        """Return the error of each column as a share of that of one answer for all rows.

        The error of numbers and dates is the sum of squares, and the one answer their mean in the
        reference; the error of categories is the number of wrong cells, and the one answer the most
        frequent category there. Gaps of the first table do not count. A column has no share, NaN,
        if all its cells are gaps or equal to the one answer, or all those of the reference are
        gaps.
        """
        errors, of_one_answer = self._errors(answer, reference)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(of_one_answer > 0, errors / of_one_answer, np.nan)

    def unexplained(self, answer: int = 1, reference: int = 0) -> float:
        """Return the error of all cells as a share of that of one answer for all rows.

        In a table of numbers these are sums over all cells, as PCA minimises them. Squares of
        columns of several types cannot be added, and the share is the mean of those of the columns.
        """
        if self.are_all_numbers:
            errors, of_one_answer = self._errors(answer, reference)
            total = of_one_answer.sum()
            return float(errors.sum() / total) if total > 0 else np.nan
        has_share = self._errors(answer, reference)[1] > 0
        shares = self.unexplained_by_column(answer, reference)[has_share]
        return float(shares.mean()) if len(shares) else np.nan

    @property
    def _n_known(self) -> np.ndarray:
        return (~np.isnan(self.values[0])).sum(axis=0)

    def _errors(self, answer: int, reference: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of errors of each column, and that of one answer for all rows."""
        found, known = self.values[0], ~np.isnan(self.values[0])
        errors = np.square(self.differences(answer)).sum(axis=0, where=known)
        means = _means(self.values[reference])
        of_one_answer = _squared_distances(found, means)
        errors[np.isnan(means) & self.is_number] = 0.0
        for i in np.flatnonzero(~self.is_number):
            cells = self.values[reference][:, i]
            levels, counts = np.unique(cells[~np.isnan(cells)], return_counts=True)
            if len(levels):
                most_frequent = levels[counts.argmax()]
                of_one_answer[i] = np.sum(found[known[:, i], i] != most_frequent)
        return errors, of_one_answer


def read_cells(*tables: Any) -> Cells:
    """Return tables of any library, arrays or lists as cells; rows of more dimensions are flat."""
    tables = tuple(map(_flat, tables))
    widths = [table.shape[1] for table in tables]
    if len({*widths}) > 1:
        raise ValueError(
            f"Rows have {widths[0]} columns, and what came back for them {widths[1]}. The "
            f"estimator and the steps before it must lead back to the same columns."
        )
    matrices = [matrix for matrix in map(_as_matrix, tables) if matrix is not None]
    if len(matrices) == len(tables):
        # Column by column wide tables would take a long time.
        return Cells(matrices, ["number"] * matrices[0].shape[1], [*tables])
    columns = zip(*map(_columns, tables), strict=True)
    read = [_read_columns(one) for one in columns]
    values = [np.column_stack(arrays) for arrays in zip(*(found for found, _ in read), strict=True)]
    return Cells(values, [unit for _, unit in read], [*tables])


def _flat(table: Any) -> Any:
    if hasattr(type(table), "columns"):
        return table
    rows = as_array(table)
    return rows.reshape(len(rows), -1)


def _as_matrix(table: Any) -> np.ndarray | None:
    """Return an array, or a table of pandas, as float64; None unless all types are of numbers."""
    is_table = isinstance(table, pd.DataFrame)
    if not is_table and not isinstance(table, np.ndarray):
        return None
    dtypes = {*table.dtypes} if is_table else {table.dtype}
    # Truth values of an array are numbers, those of a table are categories.
    kinds = "fiu" if is_table else "fiub"
    if not all(isinstance(dtype, np.dtype) and dtype.kind in kinds for dtype in dtypes):
        return None
    return np.asarray(table, dtype=np.float64)


def _columns(table: Any) -> list[nw.Series]:
    if isinstance(table, pd.DataFrame):
        # Names may occur twice.
        table = table.set_axis(range(table.shape[1]), axis=1)
    return [*frame_of(table).iter_columns()]


def _read_columns(columns: Sequence[nw.Series]) -> tuple[list[np.ndarray], Unit]:
    """Return the values of one column in several tables, and their unit."""
    # A column without a value is of any type.
    some = [column for column in columns if not column.is_null().all()] or columns
    units = {_unit_of(column) for column in some}
    if units == {"truth", "number"}:
        # Numbers that stand for truth values, as PCA answers them.
        return [_as_numbers(column) for column in columns], "number"
    if len(units) > 1 or units <= {"category", "truth"}:
        return _levels(columns), "category"
    unit: Unit = "number" if "number" in units else "seconds"
    return [numbers_of(column, kind_of_column(some[0])) for column in columns], unit


def _as_numbers(column: nw.Series) -> np.ndarray:
    values = values_of(column)
    numbers = np.full(len(values), np.nan)
    known = has_value(values)
    numbers[known] = values[known].astype(np.float64)
    return numbers


def _unit_of(column: nw.Series) -> Unit | Literal["truth"]:
    if is_category(column):
        return "category"
    try:
        kind = kind_of_column(column)
    except (TypeError, ValueError):
        # Cells of several types are the same or not.
        return "category"
    if kind == "truth":
        return "truth"
    if kind == "text":
        return "category"
    return "number" if kind == "number" else "seconds"


def _levels(columns: Sequence[nw.Series]) -> list[np.ndarray]:
    """Return numbers that are equal for equal cells, in the order in which these are found."""
    together = np.concatenate([values_of(column) for column in columns])
    codes = np.full(len(together), np.nan)
    known = has_value(together)
    codes[known] = pd.factorize(together[known])[0]
    return np.split(codes, np.cumsum([len(column) for column in columns])[:-1])


def _means(values: np.ndarray) -> np.ndarray:
    """Return the means of columns without their gaps; NaN for columns of gaps alone."""
    known = ~np.isnan(values)
    n_known = known.sum(axis=0)
    sums = values.sum(axis=0, where=known)
    return np.divide(sums, n_known, out=np.full(len(sums), np.nan), where=n_known > 0)


def _squared_distances(values: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Return the sum of squared distances of each column to a mean; 0 if all are rounding."""
    known = ~np.isnan(values)
    sums = np.square(values - means).sum(axis=0, where=known)
    rounding = np.square(_ROUNDINGS * np.finfo(np.float64).eps * means) * known.sum(axis=0)
    return np.where(sums > rounding, sums, 0.0)
