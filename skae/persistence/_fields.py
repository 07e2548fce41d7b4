"""What a value in a model file may be.

Every field is a function of a value, of what is known of sizes so far (a dict from names such as
"n_features" to numbers, into which the first to name a size writes it), and of where the value
stands. It raises a ModelFileError for a value that cannot be.
"""

import math
from contextlib import suppress
from numbers import Integral, Real

import numpy as np
from scipy import sparse

from ._errors import ModelFileError


def refuse(where, value, expected):
    """Raise the error for a value that cannot be."""
    shown = (
        f"of shape {value.shape}, {value.dtype}" if hasattr(value, "shape") else f"{value!r:.80}"
    )
    raise ModelFileError(f"{where} is {shown}, expected {expected}")


def flag(value, sizes, where):
    """True or False."""
    if not isinstance(value, bool):
        refuse(where, value, "True or False")


def number(value, sizes, where):
    """Any number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        refuse(where, value, "a number")


def finite(value, sizes, where):
    """A finite number."""
    number(value, sizes, where)
    if not math.isfinite(value):
        refuse(where, value, "a finite number")


def positive(value, sizes, where):
    """A finite number above zero."""
    number(value, sizes, where)
    if not 0 < value < math.inf:
        refuse(where, value, "a finite number above zero")


def text(value, sizes, where):
    """A string."""
    if not isinstance(value, str):
        refuse(where, value, "a string")


def one_of(*choices):
    """Return a field for one of some values."""

    def field(value, sizes, where):
        if value not in choices:
            refuse(where, value, f"one of {choices}")

    return field


def count(low, size=None):
    """Return a field for a whole number of at least `low`, which may be that of a size.

    It is below 2**31, as seeds must be, and everything else is.
    """

    def field(value, sizes, where):
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not low <= value < 2**31:
            refuse(where, value, f"a whole number of at least {low}")
        if size is not None:
            _agree(size, value, sizes, where)

    return field


def array(kind, *shape, may_be_infinite=False):
    """Return a field for an array of floats or of ints, and a shape of numbers and named sizes."""
    kinds = {"float": "f", "int": "iu"}[kind]

    def field(value, sizes, where):
        if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
            refuse(where, value, f"an array of {kind}")
        if value.ndim != len(shape):
            refuse(where, value, f"an array of {len(shape)} dimensions")
        if np.isnan(value).any() or not (may_be_infinite or np.isfinite(value).all()):
            refuse(where, value, f"an array of {'' if may_be_infinite else 'finite '}numbers")
        for found, wanted in zip(value.shape, shape, strict=True):
            _agree(wanted, found, sizes, where)

    return field


def table(value, sizes, where):
    """Rows of "n_features" columns, which may be sparse."""
    if not sparse.issparse(value):
        array("float", "n_rows", "n_features")(value, sizes, where)
        return
    array("float", None)(value.data, sizes, where)
    _agree("n_rows", value.shape[0], sizes, where)
    _agree("n_features", value.shape[1], sizes, where)


def names(value, sizes, where):
    """An array of "n_features" strings."""
    if not isinstance(value, np.ndarray) or value.dtype != object:
        refuse(where, value, "names")
    _agree("n_features", len(value), sizes, where)


def optional(field):
    """Return a field that also takes None."""

    def check(value, sizes, where):
        if value is not None:
            field(value, sizes, where)

    return check


def either(*fields):
    """Return a field for what one of some fields takes."""

    def field(value, sizes, where):
        for one in fields[:-1]:
            with suppress(ModelFileError):
                return one(value, sizes, where)
        return fields[-1](value, sizes, where)

    return field


def list_of(field, at_least=0):
    """Return a field for a list of some length."""

    def check(value, sizes, where):
        if not isinstance(value, list) or len(value) < at_least:
            refuse(where, value, f"a list of at least {at_least}")
        for i, item in enumerate(value):
            field(item, sizes, f"{where}[{i}]")

    return check


def tuple_of(*fields):
    """Return a field for a tuple whose items are as given."""

    def check(value, sizes, where):
        if not isinstance(value, tuple) or len(value) != len(fields):
            refuse(where, value, f"a tuple of {len(fields)} items")
        for i, (item, field) in enumerate(zip(value, fields, strict=True)):
            field(item, sizes, f"{where}[{i}]")

    return check


def dict_of(key, field):
    """Return a field for a dict, given those of its keys and of its values."""

    def check(value, sizes, where):
        if not isinstance(value, dict):
            refuse(where, value, "a dict")
        for name, item in value.items():
            key(name, sizes, where)
            field(item, sizes, f"{where}[{name!r}]")

    return check


def record(**fields):
    """Return a field for a dict with these keys."""

    def check(value, sizes, where):
        if not isinstance(value, dict) or value.keys() != fields.keys():
            refuse(where, value, f"something with {', '.join(fields) or 'no attributes'}")
        for name, field in fields.items():
            field(value[name], sizes, f"{where}.{name}")

    return check


def _agree(size, found, sizes, where):
    """Compare a size with a number, or with what has its name; None is any size."""
    if size is None:
        return
    wanted = sizes.setdefault(size, found) if isinstance(size, str) else size
    if found != wanted:
        raise ModelFileError(f"{where} has a size of {found}, expected {size}={wanted}")
