"""A column of categories."""

from dataclasses import dataclass
from typing import Self

import narwhals as nw
import numpy as np
import pandas as pd

from ._category_counts import CategoryCounts
from ._kinds import WORDS, Kind, check_share, factorized, kind_of_value
from ._levels import ColumnName, Level

# The code of a category that `fit` has not seen.
UNKNOWN = -1.0

# Most categories of a column: each is an output of the network.
_MOST = 10_000


@dataclass(eq=False)
class CategoryColumn:
    """Reads a column as codes of categories, and turns codes into categories.

    `levels` are the categories that `fit` has seen, and `codes` their codes. Categories that are
    too rare to be learned share the last code, which stands for the most frequent of them.
    """

    name: ColumnName
    kind: Kind
    levels: list[Level]
    codes: list[int]
    # For each code the category that it becomes, by its place in `levels`.
    shown: list[int]
    # The share of the cells of `fit` that had no value.
    gaps: float

    @classmethod
    def of(
        cls,
        found: CategoryCounts,
        n_rows: int,
        min_frequency: float | None,
        max_categories: int | None,
    ) -> Self:
        """Return the column of `n_rows` cells with these counts; see `OrdinalEncoder`."""
        levels, counts = found.in_order()
        rare = _rare(counts, min_frequency, max_categories, n_rows)
        codes = np.empty(len(levels), dtype=int)
        codes[~rare], codes[rare] = np.arange((~rare).sum()), (~rare).sum()
        shown = [int(i) for i in np.flatnonzero(~rare)]
        if rare.any():
            shown.append(int(np.flatnonzero(rare)[counts[rare].argmax()]))
        if len(shown) > _MOST:
            raise ValueError(
                f"Column {found.name!r} has {len(shown)} categories, more than {_MOST}. Leave it "
                f"out if they tell rows apart, as names do; or set max_categories or min_frequency."
            )
        gaps = float((n_rows - counts.sum()) / n_rows)
        return cls(found.name, found.kind, levels, codes.tolist(), shown, gaps)

    @property
    def n_codes(self) -> int:
        """How many categories the network tells apart."""
        return len(self.shown)

    def encode(self, column: nw.Series) -> np.ndarray:
        """Return codes as float64: NaN where there is no value, -1 for an unknown category."""
        place, found = factorized(column)
        known = pd.Index(self.levels, dtype=object).get_indexer(found)
        self._check_kind(found, place, np.flatnonzero(known < 0))
        codes = np.where(known >= 0, np.asarray(self.codes, dtype=np.float64)[known], UNKNOWN)
        # The last one is that of cells without a value, whose place is -1.
        return np.append(codes, np.nan)[place]

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the categories of codes, which are whole numbers, as objects."""
        levels = np.empty(len(self.levels), dtype=object)
        levels[:] = self.levels
        return levels[np.asarray(self.shown)[codes]]

    def _check_kind(self, found: np.ndarray, place: np.ndarray, unknown: np.ndarray) -> None:
        """Refuse unknown categories of another type: they would all be unknown."""
        for i in unknown:
            kind = kind_of_value(found[i])
            if kind != self.kind and (place == i).any():
                is_now = WORDS[kind] if kind else f"{type(found[i]).__name__} objects"
                raise ValueError(
                    f"Column {self.name!r} held {WORDS[self.kind]} in fit and holds {is_now} now: "
                    f"{found[i]!r:.60} in row {np.argmax(place == i)}, counted from 0. Convert it "
                    f"as in fit."
                )

    def _check_consistency(self) -> None:
        n = len(self.levels)
        in_order = len(self.codes) == n > 0 and min(self.codes) >= 0
        if not in_order or set(self.codes) != set(range(len(self.shown))):
            raise ValueError(f"categories of column {self.name!r} and their codes do not fit")
        if not all(0 <= place < n for place in self.shown):
            raise ValueError(f"codes of column {self.name!r} are those of no category")
        check_share(self.name, self.gaps)


def _rare(
    counts: np.ndarray, min_frequency: float | None, max_categories: int | None, n_rows: int
) -> np.ndarray:
    """Return which categories are to share a code, as in scikit-learn's encoders."""
    rare = np.zeros(len(counts), dtype=bool)
    if min_frequency is not None:
        least = min_frequency if min_frequency >= 1 else min_frequency * n_rows
        rare = counts < least
    if max_categories is not None and (~rare).sum() + rare.any() > max_categories:
        order = np.argsort(-counts, kind="stable")
        rare[order[max_categories - 1 :]] = True
    # A single one has its own code all the same.
    return rare if rare.sum() > 1 else np.zeros_like(rare)
