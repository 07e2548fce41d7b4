"""Inputs of a request: arrays from JSON's lists or from bytes, or a refusal."""

from array import array
from dataclasses import dataclass
from itertools import chain
from math import nan, prod
from typing import Any

import numpy as np

from ._refusal import Refusal, shown
from ._tensors import FLOATS, INTEGERS, NAMES, TensorSpec, kind_of

_NoneType = type(None)

# Names of JSON's values in errors.
_JSON_NAMES = {bool: "a boolean", str: "a string", _NoneType: "null", dict: "an object"}

# How to send truth values and dates to an input of floats. Errors end with it.
_AS_NUMBERS = {
    bool: " Truth values are 1 and 0 here.",
    str: " Dates are seconds since 1970 here.",
}

# The types of values in JSON, and their name, by the kind of a dtype.
_JSON_KINDS: dict[str, tuple[set[type], str]] = {
    "f": ({int, float}, "numbers"),
    "i": ({int}, "integers"),
    "u": ({int}, "integers"),
    "b": ({bool}, "booleans"),
    "O": ({str}, "strings"),
}

# Bytes before each string, which state its length.
_PREFIX = 4


def dtype_for(datatype: Any, spec: TensorSpec, takes_gaps: bool) -> np.dtype:
    """Return the dtype of a datatype that an input may have, or refuse it.

    Numbers of any type become floats, and integers that may be missing may be floats; other inputs
    take their own kind only.
    """
    accepted = kind_of(spec.datatype)
    if accepted is FLOATS or (takes_gaps and accepted is INTEGERS):
        accepted = FLOATS | INTEGERS
    dtype = accepted.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise Refusal(
            f"The datatype of an input must be one of {', '.join(accepted)}, got {shown(datatype)} "
            f"for {spec.name!r}."
        )
    return dtype


def shape_for(shape: Any, spec: TensorSpec) -> tuple[int, ...]:
    """Return a shape that an input may have, or refuse it."""
    row = spec.shape[1:]
    well_formed = type(shape) is list and all(type(size) is int for size in shape)
    if not well_formed or shape[1:] != row or shape[0] < 1:
        expected = ", ".join(map(str, ["n", *row]))
        raise Refusal(
            f"The shape of the input {spec.name!r} must be [{expected}], of n >= 1 rows, got "
            f"{shown(shape)}."
        )
    return tuple(shape)


@dataclass(frozen=True)
class InputReader:
    """Reads arrays of a dtype and a shape that a request states, for an input of a model.

    `missing` tells which cells of a row may be null in JSON, or NaN, or empty strings. An input of
    floats becomes float32 for FP32, else float64; others have their own dtype, or float64 if they
    hold null. Values of another type, number or range are refused.
    """

    spec: TensorSpec
    dtype: np.dtype
    shape: tuple[int, ...]
    missing: np.ndarray | None = None

    def from_json(self, data: Any) -> np.ndarray:
        """Return an array from JSON's lists, flat in row-major order or nested like its shape."""
        name, dtype = self.spec.name, self.dtype
        values, kinds = self._flat(data)
        allowed, noun = _JSON_KINDS[dtype.kind]
        # Integers that a client chose for an input of floats have none.
        may_miss = dtype.kind == "f" or self.spec.datatype not in FLOATS
        has_gaps = self.missing is not None and may_miss and _NoneType in kinds
        if has_gaps:
            allowed = allowed | {_NoneType}
        if not kinds <= allowed:
            place, value = next(one for one in enumerate(values) if type(one[1]) not in allowed)
            hint = _AS_NUMBERS.get(type(value), "") if dtype.kind == "f" else ""
            raise Refusal(
                f"The data of input {name!r} must be {noun}, got {_json_name(value)} at place "
                f"{place}, {_cell(np.unravel_index(place, self.shape))}.{hint}"
            )
        if has_gaps:
            gap = "" if dtype.kind == "O" else nan
            values = [gap if value is None else value for value in values]
        try:
            # By way of an array of Python's own, as NumPy takes twice the time to read a list.
            floats = dtype.kind == "f" or (has_gaps and dtype.kind != "O")
            found = np.frombuffer(array("d", values)) if floats else np.array(values, dtype)
        except OverflowError as error:
            raise Refusal(
                f"The data of the input {name!r} leave the range of {NAMES[dtype]}."
            ) from error
        return self._checked(found.reshape(self.shape))

    def from_bytes(self, data: bytes) -> np.ndarray:
        """Return an array from bytes, little-endian in row-major order."""
        name, dtype, n_values = self.spec.name, self.dtype, prod(self.shape)
        if dtype.kind == "O":
            return np.array(_strings(data, n_values), object).reshape(self.shape)
        expected = n_values * dtype.itemsize
        if len(data) != expected:
            raise Refusal(
                f"Input {name!r} of shape {list(self.shape)} and datatype {NAMES[dtype]} is "
                f"{expected} bytes, got {len(data)}."
            )
        if dtype.kind == "b" and data.translate(None, b"\0\1"):
            raise Refusal(f"The bytes of input {name!r} must be 0 or 1, as its datatype is BOOL.")
        return self._checked(np.frombuffer(data, dtype).reshape(self.shape))

    def _flat(self, data: Any) -> tuple[list[Any], set[type]]:
        """Return JSON's values as one list, and the types among them."""
        name, shape = self.spec.name, self.shape
        noun = "numbers" if self.dtype.kind in "iu" else _JSON_KINDS[self.dtype.kind][1]
        if type(data) is not list:
            raise Refusal(f"The data of input {name!r} must be a list, got {_json_name(data)}.")
        kinds = set(map(type, data))
        if list in kinds and len(shape) > 1:
            for depth, length in enumerate(shape[1:], start=1):
                lengths = {len(part) if type(part) is list else None for part in data}
                if len(data) != prod(shape[:depth]) or lengths != {length}:
                    raise Refusal(
                        f"Nested data of input {name!r} must be "
                        f"{' lists of '.join(map(str, shape))} {noun} each, as the shape "
                        f"{list(shape)} says."
                    )
                data = list(chain.from_iterable(data))
            kinds = set(map(type, data))
        if len(data) != prod(shape):
            raise Refusal(
                f"Input {name!r} of shape {list(shape)} has {prod(shape)} {noun}, got {len(data)}."
            )
        return data, kinds

    def _checked(self, values: np.ndarray) -> np.ndarray:
        """Return values in a dtype that the model takes, or refuse them."""
        declared = self.spec.datatype
        if declared in FLOATS or values.dtype.kind == "f":
            return self._finite(values)
        converted = values.astype(kind_of(declared)[declared], copy=False)
        if (converted != values).any():
            raise Refusal(f"The data of the input {self.spec.name!r} leave its range, {declared}.")
        return converted

    def _finite(self, values: np.ndarray) -> np.ndarray:
        """Return numbers as float32 or float64; refuse infinity, and NaN where none may be."""
        with np.errstate(over="ignore"):
            if self.dtype.kind == "f":
                values = values.astype(self.dtype, copy=False)
            values = values.astype(
                np.float32 if self.dtype == np.float32 else np.float64, copy=False
            )
        finite = np.isfinite(values)
        if finite.all():
            return values
        nans = np.isnan(values)
        refused = ~finite if self.missing is None else ~finite & ~(nans & self.missing)
        if refused.any():
            place = tuple(np.argwhere(refused)[0])
            if nans[place]:
                why = "NaN, or null in JSON, where the model takes no missing value"
            else:
                why = f"a number that {NAMES[self.dtype]} cannot hold (infinite or too large)"
            raise Refusal(f"The input {self.spec.name!r} holds {why}, in {_cell(place)}.")
        return values


def _strings(data: bytes, n_strings: int) -> list[str]:
    """Return strings from bytes, in which each has its length before it."""
    strings: list[bytes] = []
    start = 0
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


def _cell(place: tuple) -> str:
    row, *column = map(int, place)
    return ", ".join([f"row {row}", *(f"column {i}" for i in column)])


def _json_name(value: Any) -> str:
    if isinstance(value, list):
        return "a list within a list"
    return _JSON_NAMES.get(type(value), shown(value))
