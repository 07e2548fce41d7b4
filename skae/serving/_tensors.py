"""Tensors of the Open Inference Protocol: their types, and outputs as JSON or as bytes."""

from dataclasses import dataclass

import numpy as np

from ._refusal import Refusal

FLOATS = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4"), "FP64": np.dtype("<f8")}
INTEGERS = {
    f"{prefix}INT{8 * size}": np.dtype(f"<{kind}{size}")
    for prefix, kind in (("", "i"), ("U", "u"))
    for size in (1, 2, 4, 8)
}
BOOL = {"BOOL": np.dtype(bool)}
# Strings, which are objects here.
BYTES = {"BYTES": np.dtype(object)}

_KINDS = (FLOATS, INTEGERS, BOOL, BYTES)

# The datatype of each dtype.
NAMES = {dtype: name for kind in _KINDS for name, dtype in kind.items()}


@dataclass(frozen=True)
class TensorSpec:
    """Name, datatype and shape of a tensor, as the metadata of a model state them.

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


def kind_of(datatype):
    """Return the datatypes of the same kind, with their dtypes."""
    return next(kind for kind in _KINDS if datatype in kind)


def datatype_of(values):
    """Return the datatype of an output; strings and all other objects are sent as BYTES."""
    return NAMES.get(values.dtype.newbyteorder("<"), "BYTES")


def to_json(values):
    """Return an output's values as something that orjson writes as one flat list."""
    if datatype_of(values) == "BYTES":
        return [str(value) for value in values.ravel()]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Refusal(
            "The answer holds infinite values or NaN, which JSON cannot: a cell is missing, or the "
            "row is too far from the training rows to compute with. With "
            '"binary_data": true it is sent as it is.'
        )
    return np.ascontiguousarray(values.ravel())


def to_bytes(values):
    """Return an output's values as bytes; each of BYTES has its length before it."""
    if datatype_of(values) == "BYTES":
        texts = (str(value).encode() for value in values.ravel())
        return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
