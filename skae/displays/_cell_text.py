"""Cells of tables as short text."""

from typing import Any

import numpy as np
import pandas as pd


def as_text(cell: Any) -> str:
    """Return a cell in at most a dozen characters."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return "missing"
    if isinstance(cell, pd.Timestamp):
        return f"{cell:%Y-%m-%d}"
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | np.number):
        text = str(cell)
        return text if len(text) <= 12 else text[:11] + "…"
    size = abs(float(cell))
    is_whole = isinstance(cell, int | np.integer) or size >= 1000
    return f"{cell:,.0f}" if is_whole and size < 1e7 else f"{cell:.3g}"
