"""A warning for text that is taken for categories and holds something else."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

from skae._warnings import warn_caller

from ._category_counts import CategoryCounts
from ._levels import ColumnName

# From so many different texts on, and this share of the cells, text tells rows apart.
_MANY, _SHARE = 20, 0.5

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")

# Whole numbers may be codes of categories.
_FRACTION = re.compile(r"[+-]?[\d,]*\.\d+")

_CURES = {
    "dates": "Make them dates with pandas.to_datetime",
    "numbers": "Make them numbers with pandas.to_numeric, without separators of thousands",
}


@dataclass(frozen=True)
class FreeText:
    """A column of text that should not be one of categories."""

    name: ColumnName
    holds: Literal["dates", "numbers", "text"]

    @classmethod
    def of(cls, found: CategoryCounts) -> Self | None:
        """Return what the counts of text say, or None if they may be those of categories."""
        texts = [str(level) for level in found.counts]
        if len(texts) < _MANY:
            return None
        if all(map(_DATE.fullmatch, texts)):
            return cls(found.name, "dates")
        if all(map(_FRACTION.fullmatch, texts)):
            return cls(found.name, "numbers")
        if len(texts) > _SHARE * sum(found.counts.values()):
            return cls(found.name, "text")
        return None


def warn_of_free_text(columns: Iterable[FreeText]) -> None:
    """Warn of columns of text that training can learn little of."""
    columns = [*columns]
    for what, cure in _CURES.items():
        named = _named([one for one in columns if one.holds == what])
        if named:
            warn_caller(
                f"{what.capitalize()} are stored as text in {named}. Each text is a category of "
                f"its own, so nothing is known of their order. {cure}, or state by "
                f"astype('category') that they are categories."
            )
    named = _named([one for one in columns if one.holds == "text"])
    if named:
        warn_caller(
            f"Text differs in most rows of {named}. Each text is a category of its own, and says "
            f"nothing of other rows. Leave out names and identifiers, and make numbers and dates "
            f"of others, with pandas.to_numeric and pandas.to_datetime."
        )


def _named(columns: list[FreeText]) -> str:
    """Return the names of columns, nothing if there are none.

    The folds of a search have the same names, so that Python shows a warning about them once.
    """
    names = ", ".join(repr(one.name) for one in columns)
    return names and f"column{'s' * (len(columns) > 1)} {names}"
