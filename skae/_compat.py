"""Private names of scikit-learn and skorch that have no public counterpart, and missing types.

When a new version of one of them moves a name, this is the only file to change.
"""

# Most names are imported for others.
# ruff: noqa: F401

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

import numpy as np
from sklearn.model_selection._search import BaseSearchCV
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
    MissingValues,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._set_output import _get_container_adapter as container_adapter
from sklearn.utils.parallel import _get_threadpool_controller as threadpool_controller
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _num_samples as num_samples
from skorch import NeuralNet

if TYPE_CHECKING:
    # scikit-learn ships no types. To a type checker its classes are Any, and a subclass of Any
    # has every attribute: a misspelt method would not be found. This is what we inherit.
    F = TypeVar("F", bound=Callable[..., Any])

    class BaseEstimator:
        _parameter_constraints: ClassVar[dict[str, Any]]

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def get_metadata_routing(self) -> Any: ...
        def set_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_partial_fit_request(self, **requests: bool | str | None) -> Self: ...
        def set_score_request(self, **requests: bool | str | None) -> Self: ...
        def _validate_params(self) -> None: ...
        def __sklearn_tags__(self) -> Any: ...
        def __getstate__(self) -> dict[str, Any]: ...
        def __setstate__(self, state: dict[str, Any]) -> None: ...

    class TransformerMixin:
        def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any: ...
        def set_output(self, *, transform: str | None = None) -> Self: ...

    class ClassNamePrefixFeaturesOutMixin:
        def get_feature_names_out(self, input_features: Any = None) -> np.ndarray: ...

    class OutlierMixin:
        def fit_predict(self, X: Any, y: Any = None, **fit_params: Any) -> np.ndarray: ...

    def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[F], F]: ...
else:
    from sklearn.base import (
        BaseEstimator,
        ClassNamePrefixFeaturesOutMixin,
        OutlierMixin,
        TransformerMixin,
    )
    from sklearn.base import _fit_context as fit_context


# Attributes of estimators that `set_output` and metadata routing leave.
OUTPUT_CONFIG, METADATA_REQUEST = "_sklearn_output_config", "_metadata_request"

# The address of the documentation, which pictures of estimators in notebooks link to.
DOCUMENTATION = "https://skae.readthedocs.io/en/stable"


def validate_params(estimator: BaseEstimator) -> None:
    """Check the parameters of an estimator by their constraints."""
    estimator._validate_params()


def parameter_constraints(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the constraints of an estimator's parameters by name."""
    return estimator._parameter_constraints


def set_parameter_constraints(cls: Any, constraints: dict[str, Any]) -> None:
    """Set what is checked of the parameters of a class."""
    cls._parameter_constraints = constraints


class DocumentedEstimator(BaseEstimator):
    """An estimator whose HTML representation links to its page in the reference."""

    _doc_link_module = "skae"
    _doc_link_template = DOCUMENTATION + "/api/{public_name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        cls = type(self)
        package, wing = cls.__module__.split(".")[:2]
        is_at_top = cls.__name__ in sys.modules[package].__all__
        public = package if is_at_top else f"{package}.{wing}"
        return {"public_name": f"{public}.{cls.__name__}"}


class HintedErrors(DocumentedEstimator):
    """An estimator that adds a hint to scikit-learn's error about a parameter."""

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            # It begins with "The 'name' parameter".
            hint = self._parameter_hint(str(error).split("'")[1])
            raise InvalidParameterError(f"{error}{hint}") from None

    def _parameter_hint(self, name: str) -> str:
        """Return a sentence about a refused parameter, with a space before it, or nothing."""
        return ""


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
