"""A column of numbers, truth values, dates, times or durations."""

from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
import numpy as np

from ._kinds import (
    DAY,
    WORDS,
    Kind,
    check_kind,
    check_share,
    is_whole,
    numbers_of,
    zone_of,
)
from ._levels import ColumnName

_STEPS = {"number": 1.0, "truth": 1.0, "date": DAY}


@dataclass(eq=False)
class NumberColumn:
    """Reads a column as numbers, and brings numbers into the range that it had in `fit`.

    `whole` says that all its values are whole numbers, `zone` is the time zone of dates, and `gaps`
    the share of the cells of `fit` that had no value.
    """

    name: ColumnName
    kind: Kind
    whole: bool
    lowest: float
    highest: float
    zone: str | None
    gaps: float

    @classmethod
    def learn(cls, column: nw.Series, kind: Kind) -> Self:
        """Return the column that these cells are of, one of which has a value at least."""
        cells = _finite(column, numbers_of(column, kind))
        has_value = ~np.isnan(cells)
        known = cells[has_value]
        if kind == "moment" and not (known % DAY).any():
            kind = "date"
        whole = kind == "truth" or (kind == "number" and is_whole(column))
        lowest, highest = float(known.min()), float(known.max())
        if column.dtype.is_integer() and highest > int(column.max()):
            # float64 rounds the largest whole numbers up, out of the range of their type.
            highest = float(np.nextafter(highest, 0.0))
        gaps = float(1 - has_value.mean())
        return cls(column.name, kind, whole, lowest, highest, zone_of(column), gaps)

    def joined(self, other: Self, share: float) -> Self:
        """Return the column with the cells of another, where `share` of the rows are these."""
        are_days = {self.kind, other.kind} == {"date", "moment"}
        kind = "moment" if are_days else self.kind
        if self.kind != other.kind and not are_days:
            raise ValueError(
                f"Column {self.name!r} holds {WORDS[self.kind]} first and {WORDS[other.kind]} "
                f"later. Make them one type."
            )
        if self.zone != other.zone:
            raise ValueError(
                f"Column {self.name!r} has dates of time zone {self.zone} first and {other.zone} "
                f"later. Convert them, in pandas with dt.tz_convert or dt.tz_localize."
            )
        return type(self)(
            self.name,
            kind,
            self.whole and other.whole,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.zone,
            share * self.gaps + (1 - share) * other.gaps,
        )

    def encode(self, column: nw.Series) -> np.ndarray:
        """Return the cells as float64, NaN where there is no value."""
        check_kind(column, self.kind)
        zone = zone_of(column)
        has_zone = self.kind in ("date", "moment") and not column.is_null().all()
        if has_zone and zone != self.zone:
            raise ValueError(
                f"Column {self.name!r} had dates of time zone {self.zone} in fit and has {zone} "
                f"now, from row 0 on. Convert them, in pandas with dt.tz_convert or dt.tz_localize."
            )
        return _finite(column, numbers_of(column, self.kind))

    @property
    def is_free(self) -> bool:
        """Whether the column could hold any number, also outside the range of `fit`."""
        return self.kind == "number" and not self.whole

    @property
    def step(self) -> float | None:
        """The difference of neighbouring values: one of whole numbers, a day of dates."""
        return None if self.is_free else _STEPS.get(self.kind)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """Return numbers that the column could hold."""
        if self.is_free:
            return values
        step = self.step
        values = values if step is None else (values / step).round() * step
        return values.clip(self.lowest, self.highest)

    def _check_consistency(self) -> None:
        check_share(self.name, self.gaps)


def _finite(column: Any, cells: np.ndarray) -> np.ndarray:
    infinite = np.flatnonzero(np.isinf(cells))
    if len(infinite):
        raise ValueError(
            f"Column {column.name!r} holds infinity in row {infinite[0]}, counted from 0. Give a "
            f"number, or nothing (NaN) if the value is not known."
        )
    return cells
