"""The columns of a table: what each holds, as numbers, and back to the caller's table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np

from ._column_learner import Column, ColumnLearner
from ._free_text import warn_of_free_text

# Which columns hold categories: those whose type says so, or these, by name, place or mask.
Categorical = Literal["from_dtype"] | Sequence[Any] | None


@dataclass(eq=False)
class TableSchema:
    """Reads tables with these columns as one array of float64, and makes tables of such arrays.

    A cell of a category is its code, -1 if `fit` has not seen it. A cell without a value is NaN.
    """

    columns: list[Column]

    def encode(self, frame: nw.DataFrame) -> np.ndarray:
        """Return a table, whose columns are checked to be these, as float64."""
        cells = [
            known.encode(column)
            for known, column in zip(self.columns, frame.iter_columns(), strict=True)
        ]
        return np.column_stack(cells)

    @property
    def n_levels(self) -> list[int]:
        """The number of categories of each column, zero for numbers."""
        return [getattr(column, "n_codes", 0) for column in self.columns]


class SchemaLearner:
    """Learns the columns of a table from one part of its rows after the other."""

    def __init__(
        self,
        categorical_features: Categorical,
        min_frequency: float | None,
        max_categories: int | None,
    ) -> None:
        self._chosen, self._limits = categorical_features, (min_frequency, max_categories)
        self._learners: list[ColumnLearner] = []

    def add(self, part: nw.DataFrame) -> None:
        """Learn from the next rows."""
        if not self._learners:
            chosen = chosen_columns(part.columns, self._chosen)
            self._learners = [
                ColumnLearner(name, is_chosen, self._chosen)
                for name, is_chosen in zip(part.columns, chosen, strict=True)
            ]
        for learner, column in zip(self._learners, part.iter_columns(), strict=True):
            learner.add(column)

    def schema(self) -> TableSchema:
        """Return what all rows together say; warn of text that should not be categories."""
        schema = TableSchema([one.column(*self._limits) for one in self._learners])
        warn_of_free_text(filter(None, (one.free_text() for one in self._learners)))
        return schema


def chosen_columns(names: Sequence[Any], categorical_features: Categorical) -> np.ndarray:
    """Return for each column whether a list of names, of places or a mask chooses it."""
    chosen = np.zeros(len(names), dtype=bool)
    if categorical_features is None or isinstance(categorical_features, str):
        return chosen
    wanted = list(categorical_features)
    if wanted and all(isinstance(one, bool | np.bool_) for one in wanted):
        if len(wanted) != len(names):
            raise ValueError(
                f"categorical_features is a mask of {len(wanted)} columns, but X has {len(names)}. "
                f"Give one truth value for each column, or names or places."
            )
        return np.asarray(wanted, dtype=bool)
    place = {name: i for i, name in enumerate(names)}
    for one in wanted:
        i = place.get(one, one)
        if not isinstance(i, int | np.integer) or not 0 <= i < len(names):
            raise ValueError(
                f"categorical_features holds {one!r}, but X has no such column: its columns are "
                f"{', '.join(map(repr, names[:10]))}{', ...' if len(names) > 10 else ''}."
            )
        chosen[int(i)] = True
    return chosen
