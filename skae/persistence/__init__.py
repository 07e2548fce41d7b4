"""Model files that are safe to load."""

from ._any_file import load_estimator
from ._errors import ModelFileError
from ._model_file import load, save
from ._trusted_types import TRUSTED_TYPES

__all__ = ["TRUSTED_TYPES", "ModelFileError", "load", "load_estimator", "save"]
