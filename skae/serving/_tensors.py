"""Tensors of the Open Inference Protocol: as JSON or as bytes on one side, NumPy's on the other."""

from array import array
from dataclasses import dataclass
from itertools import chain

import numpy as np

from ._refusal import Refusal
from ._shown import shown

_FLOATS = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8")}
_INTEGERS = {
    f"{prefix}INT{8 * size}": np.dtype(f"<{kind}{size}")
    for prefix, kind in (("", "i"), ("U", "u"))
    for size in (1, 2, 4, 8)
}
_NUMBERS = _FLOATS | _INTEGERS
_NAMES = {dtype: name for name, dtype in _NUMBERS.items()} | {np.dtype(bool): "BOOL"}

# What JSON's values are called there.
_JSON_NAMES = {bool: "a boolean", str: "a string", type(None): "null", dict: "an object"}


@dataclass(frozen=True)
class TensorSpec:
    """Name, datatype and shape of a tensor, as the metadata of a model states them.

    Parameters
    ----------
    name : str
        Its name.
    datatype : str
        "FP32", "FP64", "INT64", "BOOL", "BYTES" and so on.
    shape : list of int
        -1 stands for any number of rows.
    """

    name: str
    datatype: str
    shape: list


def dtype_of(datatype):
    """Return the NumPy dtype of an input's datatype, or refuse it."""
    dtype = _NUMBERS.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise Refusal(
            f"The datatype of an input must be one of {', '.join(_NUMBERS)}, got {shown(datatype)}."
        )
    return dtype


def datatype_of(values):
    """Return the datatype of an output; strings and all other objects are sent as BYTES."""
    return _NAMES.get(values.dtype.newbyteorder("<"), "BYTES")


def rows_from_json(data, dtype, shape):
    """Read a table from JSON's lists, flat in row-major order or one list a row.

    Parameters
    ----------
    data : object
        What the JSON parser made of it.
    dtype : dtype
        Of the input.
    shape : tuple of (int, int)
        Of the input.

    Returns
    -------
    rows : ndarray of that shape
        float32 for FP32, else float64.

    Raises
    ------
    Refusal
        If the data are not numbers of this type, or not as many.
    """
    numbers, kinds = _flat(data, shape)
    integers = dtype.kind in "iu"
    if not kinds <= ({int} if integers else {int, float}):
        raise Refusal(_not_a_number(numbers, integers))
    try:
        # As an array of Python's own, as NumPy takes twice the time to read a list.
        values = np.array(numbers, dtype) if integers else np.frombuffer(array("d", numbers))
    except OverflowError as error:
        raise Refusal(f"The data of the input leave the range of {_NAMES[dtype]}.") from error
    return _finite(values.reshape(shape), dtype)


def rows_from_bytes(data, dtype, shape):
    """Read a table from bytes: little-endian numbers in row-major order; see `rows_from_json`."""
    expected = shape[0] * shape[1] * dtype.itemsize
    if len(data) != expected:
        raise Refusal(
            f"An input of shape {list(shape)} and datatype {_NAMES[dtype]} is {expected} bytes, "
            f"got {len(data)}."
        )
    return _finite(np.frombuffer(data, dtype).reshape(shape), dtype)


def to_json(values):
    """Return an output's values as something that orjson writes as one flat list."""
    if datatype_of(values) == "BYTES":
        return [str(value) for value in values.ravel()]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Refusal(
            "The answer holds infinite values or NaN, which JSON cannot: the row is too far from "
            'the training rows to compute with. With "binary_data": true it is sent as it is.'
        )
    return np.ascontiguousarray(values.ravel())


def to_bytes(values):
    """Return an output's values as bytes; each of BYTES has its length before it."""
    if datatype_of(values) == "BYTES":
        texts = (str(value).encode() for value in values.ravel())
        return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _flat(data, shape):
    """Return JSON's values as one list, and the types among them."""
    n_rows, n_columns = shape
    if type(data) is not list:
        raise Refusal(f"The data of an input must be a list, got {_json_name(data)}.")
    kinds = set(map(type, data))
    if list in kinds:
        lengths = {len(row) if type(row) is list else None for row in data}
        if len(data) != n_rows or lengths != {n_columns}:
            raise Refusal(
                f"Nested data must be {n_rows} lists of {n_columns} numbers each, as the shape "
                f"{list(shape)} says."
            )
        data = list(chain.from_iterable(data))
        kinds = set(map(type, data))
    if len(data) != n_rows * n_columns:
        raise Refusal(
            f"An input of shape {list(shape)} has {n_rows * n_columns} numbers, got {len(data)}."
        )
    return data, kinds


def _finite(values, dtype):
    """Return numbers as float32 or float64, or refuse them."""
    with np.errstate(over="ignore"):
        values = values.astype(dtype, copy=False)
        values = values.astype(np.float32 if dtype == np.float32 else np.float64, copy=False)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise Refusal(
            f"The input holds a number that {_NAMES[dtype]} cannot (infinite, NaN or too large), "
            f"in row {row}, column {column}."
        )
    return values


def _not_a_number(values, integers):
    expected = "integers" if integers else "numbers"
    allowed = (int,) if integers else (int, float)
    place, value = next(
        (place, value) for place, value in enumerate(values) if type(value) not in allowed
    )
    return f"The data of the input must be {expected}, got {_json_name(value)} at place {place}."


def _json_name(value):
    if isinstance(value, list):
        return "a list within a list"
    return _JSON_NAMES.get(type(value), shown(value))
