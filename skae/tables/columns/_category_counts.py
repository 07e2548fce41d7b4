"""How often each category of a column occurs."""

from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
import numpy as np

from ._kinds import WORDS, Kind, factorized, is_category
from ._levels import ColumnName, Level, is_plain, plain


@dataclass(eq=False)
class CategoryCounts:
    """Counts the categories of some rows of a column; those of other rows can be added."""

    name: ColumnName
    kind: Kind
    counts: dict[Level, int]
    # The categories of the type, in its order; None if it has none.
    of_type: list[Level] | None

    @classmethod
    def of(cls, column: nw.Series, kind: Kind) -> Self:
        """Return the counts of these cells."""
        place, found = factorized(column)
        counts = np.bincount(place[place >= 0], minlength=len(found))
        levels = [plain(one) for one in found]
        for i in np.flatnonzero(counts):
            if not is_plain(levels[i]):
                raise ValueError(
                    f"Column {column.name!r} holds the category {levels[i]!r:.60} in row "
                    f"{np.argmax(place == i)}, counted from 0: expected text, numbers or truth "
                    f"values, got {type(levels[i]).__name__}. Convert the column, for example with "
                    f"astype(str)."
                )
        present = {levels[i]: int(counts[i]) for i in np.flatnonzero(counts)}
        return cls(column.name, kind, present, _of_type(column))

    def joined(self, other: Self) -> Self:
        """Return the counts of these and of other rows."""
        if other.kind != self.kind:
            raise ValueError(
                f"Column {self.name!r} holds {WORDS[self.kind]} first and {WORDS[other.kind]} "
                f"later. Make them one type."
            )
        counts = dict(self.counts)
        for level, count in other.counts.items():
            counts[level] = counts.get(level, 0) + count
        of_type = None
        if self.of_type is not None and other.of_type is not None:
            of_type = [*dict.fromkeys([*self.of_type, *other.of_type])]
        return type(self)(self.name, self.kind, counts, of_type)

    def in_order(self) -> tuple[list[Level], np.ndarray]:
        """Return the categories in the order of the type, or by value, and their counts."""
        levels = [*self.counts]
        if self.of_type is not None:
            rank = {level: i for i, level in enumerate(self.of_type)}
            levels.sort(key=rank.__getitem__)
        else:
            try:
                levels.sort()
            except TypeError:
                levels.sort(key=repr)
        return levels, np.array([self.counts[level] for level in levels])


def _of_type(column: nw.Series) -> list[Any] | None:
    if is_category(column) and hasattr(column.dtype, "categories"):
        return [plain(level) for level in column.dtype.categories]
    return None
