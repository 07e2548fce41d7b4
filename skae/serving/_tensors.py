"""Tensors of the Open Inference Protocol: their types, and outputs as JSON or as bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._refusal import Refusal

FLOATS: dict[str, np.dtype] = {
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
INTEGERS: dict[str, np.dtype] = {
    f"{prefix}INT{8 * size}": np.dtype(f"<{kind}{size}")
    for prefix, kind in (("", "i"), ("U", "u"))
    for size in (1, 2, 4, 8)
}
BOOL: dict[str, np.dtype] = {"BOOL": np.dtype(bool)}
# Strings, held as Python objects.
BYTES: dict[str, np.dtype] = {"BYTES": np.dtype(object)}

_KINDS = (FLOATS, INTEGERS, BOOL, BYTES)

# The datatype of each dtype.
NAMES = {dtype: name for kind in _KINDS for name, dtype in kind.items()}


@dataclass(frozen=True)
class TensorSpec:
    """Name, datatype and shape of a tensor in the metadata of a model; -1 is any number of rows."""

    name: str
    datatype: str
    shape: list[int]


def kind_of(datatype: str) -> dict[str, np.dtype]:
    """Return the datatypes of the same kind, with their dtypes."""
    return next(kind for kind in _KINDS if datatype in kind)


def datatype_of(values: np.ndarray) -> str:
    """Return the datatype of an output; strings and all other objects are sent as BYTES."""
    return NAMES.get(values.dtype.newbyteorder("<"), "BYTES")


def to_json(values: np.ndarray) -> Any:
    """Return an output's values in a form that orjson writes as one flat list."""
    if datatype_of(values) == "BYTES":
        return [str(value) for value in values.ravel()]
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise Refusal(
            "The answer holds infinite values or NaN, which JSON cannot: a cell is missing, or the "
            'row is too far from the training rows to compute with. Ask for "binary_data": true to '
            "get these values as they are."
        )
    return np.ascontiguousarray(values.ravel())


def to_bytes(values: np.ndarray) -> bytes:
    """Return an output's values as bytes; each string has its length before it."""
    if datatype_of(values) == "BYTES":
        texts = (str(value).encode() for value in values.ravel())
        return b"".join(len(text).to_bytes(4, "little") + text for text in texts)
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
