"""The check of a file's content against the annotations of classes, before objects are made."""

import inspect
import math
import types
from contextlib import suppress
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skae._compat import OUTPUT_CONFIG
from skae._typing import AnyFloat, ArrayOf
from skae.engine import AutoencoderNet
from skae.networks import Network

from ._errors import ModelFileError, refuse
from ._registry import attributes_of, estimators, optional_attributes_of, parameters_of
from ._trained_net import NetState, check_generators
from ._tree import Stored

_KINDS = {"float": "f", "int": "iu", "bool": "b", "str": "OU"}

# Attributes that `fit` and `set_output` set only at times.
_OPTIONAL = {
    "feature_names_in_": Annotated[np.ndarray, ArrayOf("str", "n_features_in_")],
    "_rows_differ": bool,
    OUTPUT_CONFIG: dict[str, Literal["default", "pandas", "polars"] | None],
}


def check_fitted(stored: Any) -> None:
    """Refuse anything but a fitted estimator whose attributes are as its class annotates them."""
    if not _is_estimator(stored):
        refuse("model", stored, "an estimator")
    _check_object(stored, stored.cls.__name__)


def _check_object(
    stored: Stored, where: str, half: str | None = None, *, may_be_unfitted: bool = False
) -> None:
    """Check the attributes of an object; `half` says which half of a net it holds, None the whole.

    A parameter that is absent did not exist when the file was written: it has its default.
    """
    cls, state = stored.cls, stored.state
    annotations, parameters = attributes_of(cls), parameters_of(cls)
    if may_be_unfitted and state.keys().isdisjoint(annotations):
        annotations = {}
    optional = _OPTIONAL if issubclass(cls, BaseEstimator) else {}
    needed = {*annotations, *(k for k, v in parameters.items() if v is inspect.Parameter.empty)}
    allowed = needed | parameters.keys() | optional.keys()
    needed -= optional_attributes_of(cls)
    if wrong := (needed - state.keys()) | (state.keys() - allowed):
        expected = "all attributes that its class declares with fitted(), and no others"
        refuse(where, sorted(wrong), expected)
    check = _AttributeCheck(state, half)
    for name, value in state.items():
        if name in parameters:
            _check_parameter(value, f"{where}.{name}", getattr(cls, "_half", None))
        elif name == "_fitted_params":
            for key, parameter in value.items():
                _check_parameter(parameter, f"{where}.{name}[{key!r}]")
        else:
            check((annotations | optional)[name], value, f"{where}.{name}")


def _check_parameter(value: Any, where: str, half: str | None = None) -> None:
    """Accept what parameters may hold; constraints judge it when the estimator is made."""
    if isinstance(value, Stored) and issubclass(value.cls, BaseEstimator | Network):
        if value.cls is FrozenEstimator and not _is_estimator(value.state.get("estimator")):
            refuse(f"{where}.estimator", value.state.get("estimator"), "an estimator of skae")
        _check_object(value, where, half, may_be_unfitted=True)
    else:
        _check_plain(value, where)


def _is_estimator(value: Any) -> bool:
    return isinstance(value, Stored) and value.cls in estimators().values()


def _check_plain(value: Any, where: str) -> None:
    """Accept a number, a string, None, an array, or a list, tuple or dict of such."""
    if isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            _check_plain(item, where)
    elif not isinstance(value, bool | int | float | str | np.ndarray | None):
        refuse(where, value, "a plain value")


class _AttributeCheck:
    """The check of one object's attributes, in which sizes of the same name must agree."""

    def __init__(self, state: dict[str, Any], half: str | None) -> None:
        self._sizes = {name: value for name, value in state.items() if type(value) is int}
        self._half = half

    def __call__(self, annotation: Any, value: Any, where: str) -> None:
        """Refuse a value that is not as annotated."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if annotation in _SIMPLE:
            fits, expected = _SIMPLE[annotation]
            if not fits(value):
                refuse(where, value, expected)
        elif annotation in (Any, tuple):
            # Networks take lists for tuples, and check the items when they build modules.
            _check_plain(value, where)
        elif origin is Annotated and isinstance(arguments[1], ArrayOf):
            self._check_array(arguments[0], arguments[1], value, where)
        elif origin is Annotated:
            self(arguments[0], value, where)
            if not any(constraint.is_satisfied_by(value) for constraint in arguments[1:]):
                refuse(where, value, " or ".join(map(str, arguments[1:])))
        elif origin in (Union, types.UnionType):
            *others, last = [one for one in arguments if one is not types.NoneType or value is None]
            for one in others:
                if isinstance(value, Stored) and value.cls is one:
                    return self(one, value, where)
                with suppress(ModelFileError):
                    return self(one, value, where)
            self(last, value, where)
        elif origin is Literal:
            if not isinstance(value, str) or value not in arguments:
                refuse(where, value, f"one of {arguments}")
        elif origin in (list, tuple, dict):
            self._check_items(origin, arguments, value, where)
        elif not isinstance(annotation, type):
            raise TypeError(f"{where} is annotated as {annotation}, which model files cannot check")
        elif issubclass(annotation, AutoencoderNet) and isinstance(value, dict):
            _check_object(Stored(NetState, value), where)
            check_generators(value["generators"], value["device"], f"{where}.generators")
            if value["half"] != self._half:
                refuse(f"{where}.half", value["half"], repr(self._half))
        elif isinstance(value, Stored) and issubclass(value.cls, annotation):
            _check_object(value, where)
        else:
            refuse(where, value, f"a {annotation.__name__}")

    def _check_array(self, kind: Any, form: ArrayOf, value: Any, where: str) -> None:
        is_sparse = sparse.issparse(value) and sparse.csr_array in get_args(kind)
        array = value.data if is_sparse else value
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _KINDS[form.kind]:
            refuse(where, value, f"an array of {form.kind}")
        if form.kind == "float":
            wrong = np.isnan(array) if form.may_be_infinite else ~np.isfinite(array)
            if wrong.any():
                refuse(where, array[wrong][0], "an array of finite numbers")
        if value.ndim != len(form.shape):
            refuse(where, value, f"an array of {len(form.shape)} dimensions")
        for found, size in zip(value.shape, form.shape, strict=True):
            wanted = self._sizes.setdefault(size, found) if isinstance(size, str) else size
            if wanted not in (None, found):
                refuse(where, value, f"a size of {size}={wanted}")

    def _check_items(self, kind: Any, arguments: tuple, value: Any, where: str) -> None:
        if not isinstance(value, kind):
            refuse(where, value, f"a {kind.__name__}")
        if kind is dict:
            for key, item in value.items():
                self(arguments[0], key, where)
                self(arguments[1], item, f"{where}[{key!r}]")
            return
        any_length = kind is list or arguments[1:] == (...,)
        annotations = arguments[:1] * len(value) if any_length else arguments
        if len(value) != len(annotations):
            refuse(where, value, f"a tuple of {len(annotations)} items")
        for i, (annotation, item) in enumerate(zip(annotations, value, strict=True)):
            self(annotation, item, f"{where}[{i}]")


def _is_number(value: Any) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**53)


# Annotations of single values: the test of a value, and its description for errors.
_SIMPLE: dict[Any, tuple[Any, str]] = {
    bool: (lambda value: isinstance(value, bool), "True or False"),
    # Seeds must be below 2**31.
    int: (lambda value: type(value) is int and 0 <= value < 2**31, "a whole number from zero"),
    float: (lambda value: _is_number(value) and math.isfinite(value), "a finite number"),
    AnyFloat: (_is_number, "a number"),
    str: (lambda value: isinstance(value, str), "a string"),
    types.NoneType: (lambda value: value is None, "None"),
    np.ndarray: (lambda value: isinstance(value, np.ndarray), "an array"),
}
