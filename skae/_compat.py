"""Private names of scikit-learn and skorch that have no public counterpart, in one place.

When a new version of one of them moves a name, this is the only file to change.
"""

# Most names are imported for others.
# ruff: noqa: F401

from collections.abc import Iterator
from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._array_api import (
    check_same_namespace,
    get_namespace_and_device,
    move_to,
    supported_float_dtypes,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _get_container_adapter as container_adapter
from sklearn.utils.parallel import _get_threadpool_controller as threadpool_controller
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from skorch import NeuralNet


class OpenNet(NeuralNet):
    """skorch's net, with public names for the private ones that subclasses need."""

    @property
    def _default_callbacks(self) -> list:
        return self.default_callbacks()

    def all_callbacks(self) -> Iterator[tuple[str, Any, bool]]:
        """Yield name, callback and whether the name was given, the default callbacks first."""
        return self._yield_callbacks()

    def set_training(self, training: bool) -> None:
        """Switch modules and criteria between training and evaluation."""
        self._set_training(training)
