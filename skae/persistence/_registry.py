"""The classes that model files may hold, by their names in files.

An estimator or a network needs no more than its name in ``skae.__all__`` or in
``skae.networks.__all__``. Parts, such as the calibration of a detector, are the dataclasses of this
package that the annotations of fitted attributes name, and their subclasses. Names belong to the
file format: a class may move, but its name must stay.
"""

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from types import ModuleType
from typing import Any, get_args, get_type_hints

from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

import skae
from skae import networks
from skae.networks import Network

# Classes whose files of an earlier version cannot be read, by an attribute that only these have.
REPLACED = {"AutoencoderOutlierDetector": "_kept"}


def estimators() -> dict[str, type]:
    """Return the public estimators by name."""
    return _public(skae, BaseEstimator)


def classes() -> dict[str, type]:
    """Return all classes that model files may hold, by name.

    scikit-learn's FrozenEstimator may be a parameter: it wraps an estimator of this package.
    """
    public = estimators() | _public(networks, Network)
    return {**_with_parts(tuple(public.items())), FrozenEstimator.__name__: FrozenEstimator}


@cache
def _with_parts(public: tuple[tuple[str, type], ...]) -> dict[str, type]:
    """Return public classes and their parts by name.

    Once is enough: looking for parts takes a twentieth of the time of the load of a small model.
    """
    found = dict(public)
    annotations = [one for cls in found.values() for one in attributes_of(cls).values()]
    while annotations:
        annotation = annotations.pop()
        annotations += get_args(annotation)
        for part in _parts_of(annotation):
            if part.__name__ not in found:
                found[part.__name__] = part
                annotations += attributes_of(part).values()
    return found


def _public(module: ModuleType, base: type) -> dict[str, type]:
    """Return the subclasses of a base class that a module exports, by name."""
    # Read at each call: `skae` is not complete while it imports this wing.
    found = {name: getattr(module, name) for name in module.__all__ if name != base.__name__}
    return {k: v for k, v in found.items() if isinstance(v, type) and issubclass(v, base)}


def _parts_of(annotation: Any) -> Iterator[type]:
    """Yield a class and its subclasses, if they are dataclasses of this package."""
    if not isinstance(annotation, type) or not annotation.__module__.startswith("skae."):
        return
    if issubclass(annotation, BaseEstimator | Network):
        return
    # An abstract base class of parts is not decorated itself.
    if "__dataclass_fields__" in vars(annotation):
        yield annotation
    for one in annotation.__subclasses__():
        yield from _parts_of(one)


@cache
def attributes_of(cls: type) -> dict[str, Any]:
    """Return the annotations of an estimator's fitted attributes, or of a dataclass's fields."""
    parameters = parameters_of(cls)
    if not is_dataclass(cls):
        return {}
    hints = get_type_hints(cls, include_extras=True)
    return {one.name: hints[one.name] for one in fields(cls) if one.name not in parameters}


@cache
def optional_attributes_of(cls: type) -> set[str]:
    """Return the names of fitted attributes that files of earlier versions do not have."""
    return (
        {one.name for one in fields(cls) if one.metadata.get("optional")}
        if is_dataclass(cls)
        else set()
    )


@cache
def parameters_of(cls: type) -> dict[str, Any]:
    """Return the parameters of an estimator with their defaults; other classes have none."""
    if not issubclass(cls, BaseEstimator):
        return {}
    return {name: one.default for name, one in inspect.signature(cls).parameters.items()}


def check_consistency(value: Any) -> None:
    """Call an object's ``_check_consistency``, unless it is an unfitted estimator.

    There its class checks what annotations cannot say, and raises ValueError.
    """
    cls: type = type(value)
    is_made = attributes_of(cls).keys() & vars(value).keys()
    if is_made and hasattr(value, "_check_consistency"):
        value._check_consistency()
