"""A warning for text that is taken for categories and holds something else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from skae._warnings import warn_caller

from ._category_counts import CategoryCounts
from ._levels import ColumnName

# From so many different texts on, and this share of the cells, text tells rows apart.
_MANY, _SHARE = 20, 0.5

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


@dataclass(frozen=True)
class FreeText:
    """A column of text that should not be one of categories."""

    name: ColumnName
    example: str
    # Whether it holds dates, or else a text of its own in most rows.
    holds_dates: bool

    @classmethod
    def of(cls, found: CategoryCounts) -> Self | None:
        """Return what the counts of text say, or None if they may be those of categories."""
        texts = [str(level) for level in found.counts]
        if len(texts) < _MANY:
            return None
        if all(map(_DATE.fullmatch, texts)):
            return cls(found.name, texts[0], True)
        if len(texts) > _SHARE * sum(found.counts.values()):
            return cls(found.name, texts[0], False)
        return None


def warn_of_free_text(columns: Iterable[FreeText]) -> None:
    """Warn of columns of text that training can learn little of."""
    columns = [*columns]
    dates = [one for one in columns if one.holds_dates]
    others = [one for one in columns if not one.holds_dates]
    if dates:
        warn_caller(
            f"Dates are stored as text in {_named(dates)}. Each text is a category of its own, so "
            f"nothing is known of their order. Make them dates with pandas.to_datetime."
        )
    if others:
        warn_caller(
            f"Text differs in most rows of {_named(others)}. Each text is a category of its own, "
            f"and says nothing of other rows. Make numbers and dates of it (pandas.to_numeric, "
            f"pandas.to_datetime), and leave out names and identifiers."
        )


def _named(columns: list[FreeText]) -> str:
    """Return the names of columns, and a text of the first."""
    names = ", ".join(repr(one.name) for one in columns)
    return (
        f"{'columns' if len(columns) > 1 else 'column'} {names}, such as {columns[0].example!r:.60}"
    )
