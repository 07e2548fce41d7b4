"""Classes whose annotations become their signature, checks and documentation."""

import inspect
import re
import types
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from skae._compat import StrOptions, set_parameter_constraints

_HEADING = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def fitted(*, init: Literal[False] = False, optional: bool = False, default: Any = MISSING) -> Any:
    """Declare a fitted attribute: `fit` sets it, model files check it by its annotation.

    An optional one is absent from files of earlier versions, and has the default then.
    """
    return field(init=init, default=default, metadata={"optional": optional})


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field, fitted))
class DeclaredParameters:
    """Base of estimators whose annotations declare their parameters.

    A subclass annotates its own parameters and their defaults, ``beta: NonNegative = 1.0``, and
    defaults of its bases that it changes. It gets an ``__init__`` with all of them, by keyword but
    for those declared with ``field(kw_only=False)``, and the constraints that scikit-learn checks,
    read from the annotations. Its docstring also gets its bases' entries for parameters and
    attributes. A class with an ``__init__`` of its own is left as it is.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" not in vars(cls):
            _declare(cls)


def _declare(cls: Any) -> None:
    """Make signature, constraints and docstring of a class."""
    _refuse_plain_defaults(cls)
    dataclass(eq=False, repr=False, kw_only=True)(cls)
    hints = get_type_hints(cls, include_extras=True)
    parameters = [one.name for one in fields(cls) if one.init]
    set_parameter_constraints(cls, {name: constraints_of(hints[name]) for name in parameters})
    # Signatures show the types alone.
    types_alone = get_type_hints(cls)
    cls.__init__.__annotations__ |= {name: types_alone[name] for name in parameters}
    cls.__doc__ = _completed_docstring(cls, parameters)


def _refuse_plain_defaults(cls: type) -> None:
    """Refuse a default of a base that is changed without an annotation: it would not change."""
    inherited = {one.name for base in cls.__bases__ if is_dataclass(base) for one in fields(base)}
    for name in inherited & vars(cls).keys() - inspect.get_annotations(cls).keys():
        raise TypeError(
            f"{cls.__name__}.{name} = {vars(cls)[name]!r} has no annotation, so it does not change "
            f"the default. Annotate it, as in `max_iter: int = 20`."
        )


def constraints_of(annotation: Any) -> list:
    """Return scikit-learn's constraints for a parameter with this annotation."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return list(arguments[1:])
    if origin in (Union, types.UnionType):
        return [constraint for one in arguments for constraint in constraints_of(one)]
    if origin is Literal:
        return [StrOptions(set(arguments))]
    if annotation is bool:
        return ["boolean"]
    if annotation is types.NoneType:
        return [None]
    if origin is Callable:
        return [callable]
    return [origin or annotation]


def _completed_docstring(cls: type, parameters: list[str]) -> str:
    """Return a docstring whose sections also hold the entries of the bases."""
    docs = [_sections(vars(one).get("__doc__") or "") for one in reversed(cls.__mro__)]
    described: dict[str, str] = {}
    attributes: dict[str, str] = {}
    for doc in docs:
        described |= _entries(doc.get("Parameters", ""))
        attributes |= _entries(doc.get("Attributes", ""))
    own = docs[-1]
    sections = {
        "Parameters": "\n".join(described[name] for name in parameters if name in described),
        "Attributes": "\n".join(attributes.values()),
        **{
            name: text for name, text in own.items() if name not in ("", "Parameters", "Attributes")
        },
    }
    headed = [f"{name}\n{'-' * len(name)}\n{text}" for name, text in sections.items() if text]
    return "\n\n".join([own[""], *headed]) + "\n"


def _sections(doc: str) -> dict[str, str]:
    """Return the sections of a docstring by name; the text before them has an empty name."""
    summary, *parts = _HEADING.split(inspect.cleandoc(doc))
    texts = map(str.rstrip, parts[1::2])
    return {"": summary.rstrip(), **dict(zip(parts[::2], texts, strict=True))}


def _entries(section: str) -> dict[str, str]:
    """Return the entries of a section by name."""
    entries = [one.rstrip() for one in _ENTRY.split(section) if one.strip()]
    return {one.split(" : ")[0]: one for one in entries}
