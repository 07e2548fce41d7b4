"""Packages that only some tools need."""

from importlib import import_module
from typing import Any


def require(module: str, extra: str) -> Any:
    """Import a module of one of skae's extras; the error names the extra to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed for this and cannot be imported ({error}). Install it with "
            f'pip install "skae[{extra}]".'
        ) from error
