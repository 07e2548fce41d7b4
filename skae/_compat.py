"""Private helpers of scikit-learn that have no public counterpart, in one place.

When a new scikit-learn moves one of them, this is the only file to change.
"""

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

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "RealNotInt",
    "StrOptions",
    "check_same_namespace",
    "check_sample_weight",
    "container_adapter",
    "fit_context",
    "get_namespace_and_device",
    "move_to",
    "safe_indexing",
    "supported_float_dtypes",
    "threadpool_controller",
    "validate_parameter_constraints",
]
