"""Inputs of a request: arrays from JSON's lists or from bytes, or a refusal."""

from array import array
from itertools import chain
from math import nan, prod

import numpy as np

from ._refusal import Refusal
from ._shown import shown
from ._tensors import FLOATS, INTEGERS, NAMES, kind_of

_NoneType = type(None)

# What JSON's values are called there.
_JSON_NAMES = {bool: "a boolean", str: "a string", _NoneType: "null", dict: "an object"}

# The types of values in JSON, and their name, by the kind of a dtype.
_JSON_KINDS = {
    "f": ({int, float}, "numbers"),
    "i": ({int}, "integers"),
    "u": ({int}, "integers"),
    "b": ({bool}, "booleans"),
    "O": ({str}, "strings"),
}

# Bytes before each string, which state its length.
_PREFIX = 4


def dtype_for(datatype, spec):
    """Return the NumPy dtype of a datatype that an input may have, or refuse it.

    Numbers of any type become floats; what is no float only takes its own kind.
    """
    accepted = FLOATS | INTEGERS if spec.datatype in FLOATS else kind_of(spec.datatype)
    dtype = accepted.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise Refusal(
            f"The datatype of an input must be one of {', '.join(accepted)}, got {shown(datatype)} "
            f"for {spec.name!r}."
        )
    return dtype


def read_json(data, dtype, shape, spec, missing=None):
    """Read an array from JSON's lists, flat in row-major order or nested like its shape.

    Parameters
    ----------
    data : object
        What the JSON parser made of it.
    dtype : dtype
        Of the input in the request.
    shape : tuple of int
        Of the input in the request.
    spec : TensorSpec
        The input as the model declares it.
    missing : ndarray of bool or None, default=None
        Which cells of a row may be missing: null in JSON, NaN in bytes. None is as all false.

    Returns
    -------
    values : ndarray of that shape
        For an input of floats float32 for FP32, else float64; otherwise of the input's own dtype.

    Raises
    ------
    Refusal
        If the data are not of this type, not as many, or not finite.
    """
    values, kinds = _flat(data, dtype, shape, spec.name)
    allowed, _ = _JSON_KINDS[dtype.kind]
    if missing is not None and dtype.kind == "f" and _NoneType in kinds:
        values = [nan if value is None else value for value in values]
        kinds.discard(_NoneType)
    if not kinds <= allowed:
        raise Refusal(_wrong_kind(values, dtype, shape, spec.name))
    try:
        # As an array of Python's own, as NumPy takes twice the time to read a list.
        values = np.frombuffer(array("d", values)) if dtype.kind == "f" else np.array(values, dtype)
    except OverflowError as error:
        raise Refusal(
            f"The data of the input {spec.name!r} leave the range of {NAMES[dtype]}."
        ) from error
    return _checked(values.reshape(shape), dtype, spec, missing)


def read_bytes(data, dtype, shape, spec, missing=None):
    """Read an array from bytes: little-endian in row-major order; see `read_json`."""
    if dtype.kind == "O":
        return np.array(_strings(data, prod(shape)), object).reshape(shape)
    expected = prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise Refusal(
            f"Input {spec.name!r} of shape {list(shape)} and datatype {NAMES[dtype]} is {expected} "
            f"bytes, got {len(data)}."
        )
    if dtype.kind == "b" and data.translate(None, b"\0\1"):
        raise Refusal(f"The bytes of input {spec.name!r} must be 0 or 1, as its datatype is BOOL.")
    return _checked(np.frombuffer(data, dtype).reshape(shape), dtype, spec, missing)


def _flat(data, dtype, shape, name):
    """Return JSON's values as one list, and the types among them."""
    noun = _JSON_KINDS["f" if dtype.kind in "iu" else dtype.kind][1]
    if type(data) is not list:
        raise Refusal(f"The data of input {name!r} must be a list, got {_json_name(data)}.")
    kinds = set(map(type, data))
    if list in kinds and len(shape) > 1:
        for depth, length in enumerate(shape[1:], start=1):
            lengths = {len(part) if type(part) is list else None for part in data}
            if len(data) != prod(shape[:depth]) or lengths != {length}:
                raise Refusal(
                    f"Nested data of input {name!r} must be {' lists of '.join(map(str, shape))} "
                    f"{noun} each, as the shape {list(shape)} says."
                )
            data = list(chain.from_iterable(data))
        kinds = set(map(type, data))
    if len(data) != prod(shape):
        raise Refusal(
            f"Input {name!r} of shape {list(shape)} has {prod(shape)} {noun}, got {len(data)}."
        )
    return data, kinds


def _strings(data, n_strings):
    """Return strings from bytes, in which each has its length before it."""
    strings, start = [], 0
    while len(strings) < n_strings and start < len(data):
        begin = start + _PREFIX
        start = begin + int.from_bytes(data[start:begin], "little")
        strings.append(data[begin:start])
    if len(strings) != n_strings or start != len(data):
        raise Refusal(
            f"The bytes of BYTES must be {n_strings} strings, each after its length as four bytes, "
            f"little-endian; these {len(data)} bytes are not."
        )
    try:
        return [text.decode() for text in strings]
    except UnicodeDecodeError as error:
        raise Refusal(f"Strings must be UTF-8: {error}") from error


def _checked(values, dtype, spec, missing):
    """Return values in a dtype that the model takes, or refuse them."""
    if spec.datatype in FLOATS:
        return _finite(values, dtype, spec, missing)
    converted = values.astype(kind_of(spec.datatype)[spec.datatype], copy=False)
    if (converted != values).any():
        raise Refusal(f"The data of the input {spec.name!r} leave its range, {spec.datatype}.")
    return converted


def _finite(values, dtype, spec, missing):
    """Return numbers as float32 or float64, or refuse them."""
    with np.errstate(over="ignore"):
        values = values.astype(dtype, copy=False)
        values = values.astype(np.float32 if dtype == np.float32 else np.float64, copy=False)
    finite = np.isfinite(values)
    if finite.all():
        return values
    nans = np.isnan(values)
    refused = ~finite if missing is None else ~finite & ~(nans & missing)
    if refused.any():
        place = tuple(np.argwhere(refused)[0])
        if nans[place]:
            why = "NaN, or null in JSON, where the model takes no missing value"
        else:
            why = f"a number that {NAMES[dtype]} cannot hold (infinite or too large)"
        raise Refusal(f"The input {spec.name!r} holds {why}, in {_cell(place)}.")
    return values


def _wrong_kind(values, dtype, shape, name):
    allowed, noun = _JSON_KINDS[dtype.kind]
    place, value = next(
        (place, value) for place, value in enumerate(values) if type(value) not in allowed
    )
    cell = _cell(np.unravel_index(place, shape))
    return (
        f"The data of input {name!r} must be {noun}, got {_json_name(value)} at place {place}, "
        f"{cell}."
    )


def _cell(place):
    """Return the words for a cell."""
    row, *column = map(int, place)
    return ", ".join([f"row {row}", *(f"column {i}" for i in column)])


def _json_name(value):
    if isinstance(value, list):
        return "a list within a list"
    return _JSON_NAMES.get(type(value), shown(value))
