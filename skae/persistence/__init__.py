"""Model files that are safe to load."""

from typing import Any

from . import _trusted_types
from ._any_file import load_estimator
from ._errors import ModelFileError
from ._model_file import load, save

__all__ = ["TRUSTED_TYPES", "ModelFileError", "load", "load_estimator", "save"]

TRUSTED_TYPES: list[str]


def __getattr__(name: str) -> Any:
    # Made when it is asked for: `skae` has no names yet while it imports this wing.
    if name == "TRUSTED_TYPES":
        return _trusted_types.trusted_types()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
