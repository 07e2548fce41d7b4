"""Numbers and cells of the caller's tables as text."""

import datetime
from typing import Any

import numpy as np
import pandas as pd

# Text of an empty cell.
NOTHING = "-"
# Most characters of a cell.
_LONGEST = 80


def number(value: Any) -> str:
    """Return a number with four digits; large ones with all before the point."""
    value = float(value)
    if np.isnan(value):
        return NOTHING
    if abs(value) >= 1000 and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def percent(share: float) -> str:
    """Return a share in percent."""
    if np.isnan(share):
        return NOTHING
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.1%}" if 0 < abs(share) < 0.1 else f"{share:.0%}"


def p_value(value: float) -> str:
    """Return a p-value."""
    return f"{value:.2g}"


def is_gap(cell: Any) -> bool:
    """Return whether a cell has no value."""
    return bool(np.ndim(cell) == 0 and pd.isna(cell))


def cell_text(cell: Any) -> str:
    """Return a cell in the caller's type as text."""
    if is_gap(cell):
        return "missing"
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    if isinstance(cell, int | np.integer):
        return str(cell)
    if isinstance(cell, float | np.floating):
        return number(cell)
    if isinstance(cell, pd.Timestamp | datetime.datetime):
        # The seconds of an expected date say nothing.
        text = pd.Timestamp(cell).round("s").isoformat(" ")
        return text.removesuffix(" 00:00:00")
    if isinstance(cell, pd.Timedelta | datetime.timedelta):
        return str(pd.Timedelta(cell).round("s"))
    return shortened(str(cell), _LONGEST)


def shortened(text: str, longest: int) -> str:
    """Return the beginning of a text that is too long."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def seconds(value: float) -> str:
    """Return a difference of dates or times in a unit that fits."""
    if np.isnan(value):
        return NOTHING
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} seconds"


def listed(names: list[str], n_most: int = 10) -> str:
    """Return names with commas between them."""
    rest = len(names) - n_most
    return ", ".join(names[:n_most]) + (f" and {rest} more" if rest > 0 else "")
