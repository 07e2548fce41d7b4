"""The categories and the names of columns, as plain values of Python."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from skae._typing import AnyFloat

# Booleans are numbers, too.
Level = str | bool | AnyFloat

# As tables of pandas have them.
ColumnName = str | AnyFloat


def plain(level: Any) -> Any:
    """Return a scalar of NumPy as one of Python, anything else as it is."""
    return level.item() if isinstance(level, np.generic) else level


def is_plain(level: Any) -> bool:
    """Return whether a category is text, a number or a truth value."""
    return isinstance(level, str | bool | int | float)


def plain_levels(levels: Iterable[Any] | None) -> list[Level] | None:
    """Return all categories of a type, or None if there are none or others than plain ones."""
    if levels is None:
        return None
    known = [plain(level) for level in levels]
    return known if all(map(is_plain, known)) else None
