"""Plain values as JSON and arrays, and back.

Numbers, strings, lists, None and booleans are JSON's own; whatever else there is becomes an object
with a single key that says what it is. Arrays go into a table beside it, by a path.
"""

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator

from ._errors import ModelFileError
from ._registry import CLASSES, NAMES

DTYPES = ("float64", "float32", "int64", "int32", "uint8", "bool")


@dataclass
class Stored:
    """An object of one of the `CLASSES` before it is made.

    Parameters
    ----------
    name : str
        Of the class.
    state : dict
        Its attributes.
    """

    name: str
    state: dict


def class_name(value, where):
    """Return the name in files of an object's class.

    Raises
    ------
    TypeError
        If a model file cannot hold objects of its class.
    """
    if type(value) not in NAMES:
        shown = " ".join(repr(value).split())
        raise TypeError(
            f"{where} is {shown:.100}, and a model file holds nothing of type "
            f"{type(value).__name__}: only numbers, strings, and what comes with skae."
        )
    return NAMES[type(value)]


class TreeWriter:
    """Values as JSON.

    Attributes
    ----------
    arrays : dict of str to ndarray
        The arrays in them, by path.
    left_out : set of str
        What was left out, as it cannot be held.
    """

    def __init__(self):
        self.arrays, self.left_out = {}, set()

    def write(self, value, path):
        """Return a value as JSON.

        Parameters
        ----------
        value : object
            The value.
        path : str
            Where it stands: the name of an array, and the beginning of those within.

        Raises
        ------
        TypeError
            If it holds anything that a model file cannot.
        """
        if isinstance(value, torch.device):
            return str(value)
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.bool):
            return bool(value)
        if isinstance(value, Integral):
            return int(value)
        if isinstance(value, Real):
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        if isinstance(value, list):
            return [self.write(item, f"{path}/{i}") for i, item in enumerate(value)]
        if isinstance(value, tuple):
            return {"tuple": self.write(list(value), path)}
        if isinstance(value, dict):
            return {"dict": [[key, self.write(v, f"{path}/{key}")] for key, v in value.items()]}
        if isinstance(value, np.ndarray):
            return self._write_array(value, path)
        if sparse.issparse(value):
            parts = [value.data, value.indices, value.indptr]
            return {"csr": [self.write(parts, path), list(value.shape)]}
        return self._write_object(value, path)

    def _write_array(self, value, path):
        if value.dtype == object and value.ndim == 1 and all(isinstance(v, str) for v in value):
            return {"strings": [str(v) for v in value]}
        if value.dtype.name not in DTYPES:
            raise TypeError(f"{path} is an array of {value.dtype}, expected one of {DTYPES}.")
        self.arrays[path] = np.asarray(value, order="C")
        return {"array": path}

    def _write_object(self, value, path):
        name = class_name(value, path)
        if isinstance(value, BaseEstimator):
            if hasattr(value, "_parameter_constraints"):
                value._validate_params()
            state = self._without_what_is_left_out(value.__getstate__())
            if "net_" in state:
                state |= _to_sample_from(value, state["net_"]["optimizers"])
                state["net_"] = {**state["net_"], "optimizers": _moments(state["net_"])}
        else:
            state = vars(value)
        return {"object": [name, {k: self.write(v, f"{path}/{k}") for k, v in state.items()}]}

    def _without_what_is_left_out(self, state):
        state = {**state}
        if state.get("callbacks"):
            self._leave_out("callbacks")
        if "callbacks" in state:
            state["callbacks"] = None
        if state.pop("_metadata_request", None) is not None:
            self._leave_out("metadata requests")
        if "_fitted_params" in state:
            state["_fitted_params"] = {**state["_fitted_params"]}
        for params in (state, state.get("_fitted_params", {})):
            if not isinstance(params.get("random_state"), Integral | None):
                params["random_state"] = self._leave_out("the RandomState instance random_state")
        return state

    def _leave_out(self, what):
        self.left_out.add(what)


def _moments(net):
    """Return what optimizers remember of each parameter, without their own parameters."""
    return [{"state": optimizer["state"]} for optimizer in net["optimizers"]]


def _to_sample_from(autoencoder, optimizers):
    """Return what a file keeps for `sample`: a mixture is far smaller than the codes behind it."""
    state, codes = {}, autoencoder._some_codes is not None
    if codes and autoencoder._draws_from == "mixture":
        state["_mixture"] = autoencoder._fitted_mixture()
    # A stream of chunks goes on with the codes that it has.
    in_a_stream = any(optimizer["state"] for optimizer in optimizers)
    if autoencoder._draws_from != "codes" and not in_a_stream:
        state["_some_codes"] = None
    return state


def decode(node, arrays):
    """Return what `TreeWriter.write` was given, with objects as `Stored`.

    Parameters
    ----------
    node : object
        Parsed JSON.
    arrays : dict of str to ndarray
        The arrays by path; those that are found are taken out.

    Raises
    ------
    ModelFileError
        If this is nothing that `TreeWriter` returns.
    """
    if isinstance(node, list):
        return [decode(item, arrays) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) != 1:
        raise ModelFileError(f"it holds an object of {len(node)} keys, expected a single one")
    ((kind, content),) = node.items()
    if kind not in _DECODERS:
        raise ModelFileError(f"it holds a value of the unknown kind {kind!r}")
    return _DECODERS[kind](content, arrays)


def _decode_float(content, arrays):
    if content not in ("nan", "inf", "-inf"):
        raise ModelFileError(f"it holds {content!r} as a number")
    return float(content)


def _decode_tuple(content, arrays):
    return tuple(decode(_checked(content, list), arrays))


def _decode_dict(content, arrays):
    pairs = [_checked(pair, list) for pair in _checked(content, list)]
    decoded = {_checked(key, str | int): decode(value, arrays) for key, value in pairs}
    if len(decoded) != len(pairs):
        raise ModelFileError("it holds a dict with a key twice")
    return decoded


def _decode_array(content, arrays):
    # Each array belongs to one place: two that share memory would change together.
    if _checked(content, str) not in arrays:
        raise ModelFileError(f"it holds no array {content!r}, or holds it in two places")
    return arrays.pop(content)


def _decode_strings(content, arrays):
    return np.array([_checked(v, str) for v in _checked(content, list)], dtype=object)


def _decode_csr(content, arrays):
    parts, shape = content
    matrix = sparse.csr_array(tuple(decode(parts, arrays)), shape=tuple(shape))
    matrix.check_format(full_check=True)
    return matrix


def _decode_object(content, arrays):
    name, state = content
    if _checked(name, str) not in CLASSES:
        raise ModelFileError(
            f"it holds a {name!r}, which this version of skae does not know; expected one of "
            f"{', '.join(CLASSES)}"
        )
    state = {key: decode(value, arrays) for key, value in _checked(state, dict).items()}
    return Stored(name, state)


_DECODERS = {
    "float": _decode_float,
    "tuple": _decode_tuple,
    "dict": _decode_dict,
    "array": _decode_array,
    "strings": _decode_strings,
    "csr": _decode_csr,
    "object": _decode_object,
}


def _checked(value, kind):
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelFileError(f"it holds {value!r:.100} where another kind of value is expected")
    return value
