"""Learns the type and the range of a column from its cells, part by part."""

from dataclasses import replace
from typing import Any

import narwhals as nw

from ._category_column import CategoryColumn
from ._category_counts import CategoryCounts
from ._free_text import FreeText
from ._kinds import Kind, is_category, kind_of_column
from ._levels import ColumnName
from ._number_column import NumberColumn

Column = NumberColumn | CategoryColumn


class ColumnLearner:
    """Learns a column from one part of the rows after the other.

    `chosen` says that it holds categories, whatever its type. Where `categorical_features` is
    "from_dtype" text and truth values do, too; otherwise text is refused.
    """

    def __init__(self, name: ColumnName, chosen: bool, categorical_features: Any) -> None:
        self._name, self._chosen, self._wanted = name, chosen, categorical_features
        self._found: NumberColumn | CategoryCounts | None = None
        # Whether only the cells say that it holds categories, and not its type or the caller.
        self._is_text = False
        # Rows of `_found`, and rows of parts without any value.
        self._n_rows = self._n_empty = 0

    def add(self, column: nw.Series) -> None:
        """Learn from the cells of the next rows."""
        if _has_no_value(column):
            self._n_empty += len(column)
            return
        kind = kind_of_column(column)
        found = self._learn(column, kind)
        n_before, self._n_rows = self._n_rows, self._n_rows + len(column)
        if self._found is None:
            self._found = found
        elif isinstance(self._found, NumberColumn) and isinstance(found, NumberColumn):
            self._found = self._found.joined(found, n_before / self._n_rows)
        elif isinstance(self._found, CategoryCounts) and isinstance(found, CategoryCounts):
            self._found = self._found.joined(found)
        else:
            raise ValueError(
                f"Column {self._name!r} holds numbers in some rows and categories in others. Make "
                f"them one type."
            )

    def _learn(self, column: nw.Series, kind: Kind) -> NumberColumn | CategoryCounts:
        is_word = kind == "text" or is_category(column)
        from_dtype = isinstance(self._wanted, str)
        if self._chosen or (from_dtype and (is_word or kind == "truth")):
            self._is_text = not self._chosen and kind == "text" and not is_category(column)
            return CategoryCounts.of(column, kind)
        if is_word:
            raise ValueError(
                f"Column {self._name!r} holds {'text' if kind == 'text' else 'categories'}, but is "
                f"not among categorical_features={self._wanted!r}. Add it, or leave it out of X."
            )
        return NumberColumn.learn(column, kind)

    def column(self, min_frequency: float | None, max_categories: int | None) -> Column:
        """Return the column; see `OrdinalEncoder` for the limits of categories."""
        found, n_rows = self._found, self._n_rows + self._n_empty
        if found is None:
            raise ValueError(
                f"Column {self._name!r} has no value in any row. Leave it out, or fill it."
            )
        if isinstance(found, CategoryCounts):
            return CategoryColumn.of(found, n_rows, min_frequency, max_categories)
        if not self._n_empty:
            return found
        gaps = (found.gaps * self._n_rows + self._n_empty) / n_rows
        return replace(found, gaps=gaps)

    def free_text(self) -> FreeText | None:
        """Return what is told of text that should not be categories, or None."""
        if self._is_text and isinstance(self._found, CategoryCounts):
            return FreeText.of(self._found)
        return None


def _has_no_value(column: nw.Series) -> bool:
    if column.is_null().all():
        return True
    return column.dtype.is_float() and bool((column.is_null() | column.is_nan()).all())
