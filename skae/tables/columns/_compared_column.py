"""A column without numbers, as numbers that two samples can be compared by."""

from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
import numpy as np
import pandas as pd

from ._kinds import Kind, check_kind, has_value, is_category, kind_of_column, numbers_of, values_of
from ._levels import Level, is_plain, plain


@dataclass(eq=False)
class ComparedColumn:
    """Reads dates and times as seconds, and categories as codes; a gap is minus infinity.

    `levels` are the categories of the first sample, None for dates and times. Another category has
    a code of its own, which holds for one sample only.
    """

    kind: Kind
    levels: list[Level] | None

    @classmethod
    def learn(cls, column: nw.Series, is_chosen: bool) -> Self | None:
        """Return the column that these cells are of, None if they are nothing that is compared.

        Text, truth values and what a type calls categories are categories, and others if chosen.
        """
        try:
            kind = kind_of_column(column)
        except (TypeError, ValueError):
            return None
        if not (is_chosen or kind in ("text", "truth") or is_category(column)):
            return cls(kind, None)
        values = values_of(column)
        levels = [plain(level) for level in pd.unique(values[has_value(values)])]
        return cls(kind, levels) if all(map(is_plain, levels)) else None

    def read(self, column: nw.Series) -> np.ndarray:
        """Return the cells as float64."""
        check_kind(column, self.kind)
        if self.levels is None:
            return np.nan_to_num(numbers_of(column, self.kind), nan=-np.inf)
        values = values_of(column)
        known = has_value(values)
        found = pd.unique(values[known])
        new: Any = [level for level in found if level not in set(self.levels)]
        codes = np.full(len(values), -np.inf)
        codes[known] = pd.Index([*self.levels, *new], dtype=object).get_indexer(values[known])
        return codes
