"""Warnings that point at the caller's own line."""

import sys
import warnings

# Packages whose lines are not the caller's own. Our decorators are functions of contextlib.
_NOT_THE_CALLER = ("skae", "sklearn", "joblib", "contextlib")


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the caller's own code that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").split(".")[0] in _NOT_THE_CALLER:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
