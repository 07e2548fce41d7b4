"""Tables with columns of several types as plain arrays, which graphs and servers exchange."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from skae._fitted import first_step

from ._caller_frame import fitted_frame, frame_of
from .columns import DAY, CategoryColumn, Column, has_value, numbers_of, values_of

# Dates and durations in arrays are in seconds; tables hold them to the microsecond.
_MICROSECONDS = 1e6

# Where the metadata of a graph say what its columns are (JSON of what `PlainColumn.about` gives),
# and which of its inputs may have cells without a value (a list of names in JSON).
COLUMNS_KEY, GAPS_KEY = "skae.columns", "skae.inputs_with_gaps"

_TEXT, _TRUTH = np.dtype(object), np.dtype(bool)
_WHOLE, _REAL = np.dtype(np.int64), np.dtype(np.float64)


@dataclass(frozen=True)
class PlainColumn:
    """A column of a fitted model, whose cells are numbers, truth values or text.

    `name` is that in graphs and requests: the column's own, or its place as in "x0".
    """

    name: str
    column: Column

    @property
    def decoded_dtype(self) -> np.dtype:
        """The type of decoded cells: int64, float64, bool, or object for text."""
        if self.column.kind == "text":
            return _TEXT
        if self.column.kind == "truth":
            return _TRUTH
        return _WHOLE if is_whole(self.column) else _REAL

    @property
    def dtype(self) -> np.dtype:
        """The type of cells that a model takes: float64 if numbers or truth values had gaps."""
        return _REAL if self.column.gaps and not self.is_text else self.decoded_dtype

    @property
    def is_text(self) -> bool:
        """Whether cells are text."""
        return self.column.kind == "text"

    @property
    def takes_gaps(self) -> bool:
        """Whether cells may be missing: text that is empty, or numbers that are NaN."""
        return self.dtype == _REAL or (self.is_text and not self.knows_empty_text)

    @property
    def knows_empty_text(self) -> bool:
        """Whether the empty text is a category, and no gap."""
        return isinstance(self.column, CategoryColumn) and "" in self.column.levels

    @property
    def unit(self) -> str | None:
        """Unit of the numbers that stand for dates, times or durations, None for other columns."""
        return {
            "date": "seconds since 1970-01-01 (UTC if the column had a time zone)",
            "moment": "seconds since 1970-01-01 (UTC if the column had a time zone)",
            "time": "seconds since midnight",
            "duration": "seconds",
        }.get(self.column.kind)

    def cells(self, values: np.ndarray) -> pd.Series:
        """Return plain values in a type that a table of the caller may have, with its gaps."""
        return _typed(self, values)

    def about(self) -> dict[str, Any]:
        """Return what others must know of the column, as plain values."""
        about = {
            "name": self.name,
            "kind": self.column.kind,
            "takes_gaps": self.takes_gaps,
            "unit": self.unit,
        }
        if isinstance(self.column, CategoryColumn):
            return about | {"categories": self.column.levels}
        return about | {"range": [self.column.lowest, self.column.highest]}


@dataclass(frozen=True)
class PlainTable:
    """The columns that a fitted model takes, as arrays and back as a table.

    In arrays, whole numbers are int64, other numbers float64, truth values bool and text objects.
    Dates are seconds since 1970, in UTC if they have a time zone; times and durations are in
    seconds. A gap is NaN, or the empty text unless that is a category. Whole numbers and truth
    values of a column with gaps in `fit` are float64; those of others have no gaps.
    """

    columns: list[PlainColumn]

    @classmethod
    def of(cls, model: Any) -> Self | None:
        """Return the columns of a fitted estimator, or of the first step of a pipeline.

        None if that takes a table of numbers without gaps, or is no estimator of skae.
        """
        first = first_step(model)
        # An encoder, a classifier and a regressor have the columns of their autoencoder.
        inner = getattr(first, "autoencoder_", None) or getattr(first, "autoencoder", None)
        frame = fitted_frame(first) or fitted_frame(inner)
        if frame is None or not hasattr(first, "transform"):
            return None
        columns = frame.schema.columns
        names = [f"x{i}" if frame.types is None else str(c.name) for i, c in enumerate(columns)]
        return cls(list(map(PlainColumn, names, columns)))

    @property
    def is_numeric(self) -> bool:
        """Whether all columns are numbers, so that rows can be one array, with NaN for gaps."""
        return not any(
            isinstance(one.column, CategoryColumn) or one.column.kind != "number"
            for one in self.columns
        )

    @property
    def names(self) -> list[str]:
        """Names of the columns in graphs and requests."""
        return [one.name for one in self.columns]

    def outputs(self, output: str) -> list[str]:
        """Return what tools call an output, such as the reconstruction, of each column."""
        return [f"{output}_{name}" for name in self.names]

    def table(self, arrays: Sequence[np.ndarray]) -> pd.DataFrame:
        """Return a table that the model takes, of an array of cells for each column."""
        cells = [one.cells(array) for one, array in zip(self.columns, arrays, strict=True)]
        table = pd.concat(cells, axis=1)
        table.columns = pd.Index([one.column.name for one in self.columns])
        return table

    def arrays(self, table: Any, decoded: bool = False) -> list[np.ndarray]:
        """Return the cells of a table that the model takes or, without gaps, has decoded."""
        series = frame_of(table).iter_columns()
        found = []
        for one, column in zip(self.columns, series, strict=True):
            dtype = one.decoded_dtype if decoded else one.dtype
            if one.is_text or one.column.kind == "truth":
                values = values_of(column)
                values[~has_value(values)] = "" if one.is_text else np.nan
            else:
                values = numbers_of(column, one.column.kind)
            if dtype in (_WHOLE, _TRUTH):
                _check_no_gaps(one, values)
            found.append(values.astype(dtype))
        return found

    def example(self, n_rows: int) -> list[np.ndarray]:
        """Return made-up cells of each column: numbers in its range, or its categories in turn."""
        made = []
        for i, one in enumerate(self.columns):
            column = one.column
            if isinstance(column, CategoryColumn):
                values = np.empty(n_rows, dtype=object)
                values[:] = [column.levels[(i + k) % len(column.levels)] for k in range(n_rows)]
            else:
                share = (np.arange(n_rows) * (i + 1) / n_rows) % 1
                values = column.decode(column.lowest + share * (column.highest - column.lowest))
            made.append(values.astype(one.dtype))
        return made


def is_whole(column: Column) -> bool:
    """Return whether all values of a column are whole numbers."""
    if isinstance(column, CategoryColumn):
        return column.kind == "number" and all(isinstance(one, int) for one in column.levels)
    return column.whole


def _typed(one: PlainColumn, values: np.ndarray) -> pd.Series:
    """Return cells in the type that a caller has them in."""
    kind = one.column.kind
    if kind == "number":
        return pd.Series(values)
    if kind == "text":
        words = pd.Series(values, dtype=object)
        return words if one.knows_empty_text else words.mask(words == "")
    missing = pd.isna(values)
    if kind == "truth":
        bad = np.flatnonzero(~missing & (values != 0) & (values != 1))
        if len(bad):
            raise ValueError(
                f"Column {one.name!r} held truth values in fit and holds {values[bad[0]]} in row "
                f"{bad[0]}, counted from 0. Give 0, 1, or NaN if the value is not known."
            )
        truth = pd.Series(values == 1, dtype=object)
        return truth.mask(missing) if missing.any() else truth.astype(bool)
    _check_seconds(one, values)
    micros = np.round(np.where(missing, 0, values) * _MICROSECONDS).astype(np.int64)
    if kind == "time":
        midnight = datetime.datetime(1970, 1, 1)
        times = [(midnight + datetime.timedelta(microseconds=int(m))).time() for m in micros]
        return pd.Series(times, dtype=object).mask(missing)
    if kind == "duration":
        return pd.Series(micros.astype("timedelta64[us]")).mask(missing)
    moments = pd.Series(micros.astype("datetime64[us]")).mask(missing)
    zone = getattr(one.column, "zone", None)
    return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)


# As far as dates of Python reach: the years 1 to 9999.
_FIRST, _LAST = -719_162 * DAY, 2_932_897 * DAY


def _check_seconds(one: PlainColumn, values: np.ndarray) -> None:
    """Refuse numbers that are no dates, times or durations."""
    low, high = (0.0, DAY) if one.column.kind == "time" else (_FIRST, _LAST)
    bad = np.flatnonzero(~(np.isnan(values) | ((values >= low) & (values < high))))
    if len(bad):
        raise ValueError(
            f"Column {one.name!r} holds {values[bad[0]]} in row {bad[0]}, counted from 0: expected "
            f"{one.unit}, in [{low:.0f}, {high:.0f})."
        )


def _check_no_gaps(one: PlainColumn, values: np.ndarray) -> None:
    """Refuse gaps in a column of a type that has none."""
    missing = np.flatnonzero(pd.isna(values))
    if len(missing):
        raise ValueError(
            f"Column {one.name!r} has no value in row {missing[0]}, counted from 0. It had no gaps "
            f"in fit, so its cells are of {one.decoded_dtype}, which holds none. Fill the gap, or "
            f"fit on a table with gaps in this column."
        )
