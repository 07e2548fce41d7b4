"""Estimators as JSON and arrays, and back.

Numbers, strings, lists, None and booleans are JSON's own. Every other value is an object with a
single key, which names its kind. Arrays go into a table beside the JSON, by their paths.
"""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator

from skae._compat import METADATA_REQUEST, validate_params

from ._errors import ModelFileError
from ._registry import REPLACED, check_consistency, classes, parameters_of

DTYPES = (
    *("float64", "float32", "float16", "bool", "int64", "int32", "int16", "int8"),
    *("uint64", "uint32", "uint16", "uint8"),
)

# Characters of an array of text, each of whose cells takes as much memory as the longest.
_MOST_CHARACTERS = 2**30


@dataclass(eq=False, repr=False)
class Stored:
    """The class of an object and its attributes, before it is made."""

    cls: type
    state: dict[str, Any]

    def __repr__(self) -> str:
        return f"a {self.cls.__name__}"


class TreeWriter:
    """Writes values as JSON; keeps their arrays by path, and the names of what it leaves out."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.left_out: set[str] = set()
        self._names = {cls: name for name, cls in classes().items()}

    def write(self, value: Any, path: str) -> Any:
        """Return a value as JSON, or raise TypeError if it is nothing that a model file can hold.

        The path is where the value stands; paths of arrays begin with it.
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
            return {
                "dict": [
                    [self.write(key, path), self.write(v, f"{path}/{key}")]
                    for key, v in value.items()
                ]
            }
        if isinstance(value, np.ndarray):
            return self._write_array(value, path)
        if sparse.issparse(value):
            parts = [value.data, value.indices, value.indptr]
            return {"csr": [self.write(parts, path), list(value.shape)]}
        return self._write_object(value, path)

    def _write_array(self, value: np.ndarray, path: str) -> dict[str, Any]:
        if value.dtype == object and value.ndim == 1 and all(isinstance(v, str) for v in value):
            return {"strings": [str(v) for v in value]}
        if value.dtype.kind == "U" and value.ndim == 1:
            # Labels of many rows are few words.
            words, codes = np.unique(value, return_inverse=True)
            return {"text": [words.tolist(), self._write_array(codes, path)]}
        if value.dtype.name not in DTYPES:
            raise TypeError(f"{path} is an array of {value.dtype}, expected one of {DTYPES}.")
        # Keys of a dict may contain slashes, and so lead to the same path twice.
        while path in self.arrays:
            path += "+"
        self.arrays[path] = np.asarray(value, order="C")
        return {"array": path}

    def _write_object(self, value: Any, path: str) -> dict[str, Any]:
        if type(value) not in self._names:
            shown = " ".join(repr(value).split())
            raise TypeError(
                f"{path} is {shown:.100}, and a model file holds nothing of type "
                f"{type(value).__name__}: only numbers, strings, and what comes with skae."
            )
        check_consistency(value)
        state = vars(value)
        if isinstance(value, BaseEstimator) and not isinstance(value, FrozenEstimator):
            state = self._state_of(value)
        content = {name: self.write(item, f"{path}/{name}") for name, item in state.items()}
        return {"object": [self._names[type(value)], content]}

    def _state_of(self, estimator: Any) -> dict[str, Any]:
        """Return the attributes of an estimator, without what files do not hold."""
        validate_params(estimator)
        cls: Any = type(estimator)
        defaults = parameters_of(cls)
        state = {**estimator.__getstate__()}
        if state.get("callbacks"):
            self.left_out.add("callbacks")
            state["callbacks"] = None
        if state.pop(METADATA_REQUEST, None) is not None:
            self.left_out.add("metadata requests")
        if "_fitted_params" in state:
            state["_fitted_params"] = {**state["_fitted_params"]}
        for params in (state, state.get("_fitted_params", {})):
            if not isinstance(params.get("random_state"), Integral | None):
                self.left_out.add("the RandomState instance random_state")
                params["random_state"] = None
            if not isinstance(params.get("validation_fraction"), Real | None):
                self.left_out.add("the held-out rows that validation_fraction chooses")
                params["validation_fraction"] = defaults["validation_fraction"]
        if "net_" in state:
            moments = [{"state": optimizer["state"]} for optimizer in state["net_"]["optimizers"]]
            state["net_"] = {**state["net_"], "optimizers": moments}
            is_in_stream = any(one["state"] for one in moments)
            state |= _kept_for_samples(estimator, is_in_stream)
        return state


def _kept_for_samples(autoencoder: Any, is_in_stream: bool) -> dict[str, Any]:
    """Return what `sample` draws from: a mixture is far smaller than the codes behind it.

    A stream of chunks goes on with the codes that it has.
    """
    kept: dict[str, Any] = {}
    if autoencoder._some_codes is not None and autoencoder._draws_from == "mixture":
        kept["_mixture"] = autoencoder._fitted_mixture()
    if autoencoder._draws_from != "codes" and not is_in_stream:
        kept["_some_codes"] = None
    return kept


class TreeReader:
    """Reads what `TreeWriter` has written, with `Stored` in the place of objects."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = {**arrays}
        self._classes = classes()

    def read(self, node: Any) -> Any:
        """Return the value of parsed JSON; its arrays are taken out of `arrays`."""
        if isinstance(node, list):
            return [self.read(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) != 1:
            raise ModelFileError(f"it holds an object of {len(node)} keys, expected a single one")
        ((kind, content),) = node.items()
        match kind:
            case "float" if content in ("nan", "inf", "-inf"):
                return float(content)
            case "tuple":
                return tuple(self.read(_checked(content, list)))
            case "dict":
                read = {_key(key): self.read(value) for key, value in content}
                if len(read) != len(content):
                    raise ModelFileError("it holds a dict with a key twice")
                return read
            case "array":
                # Each array belongs to one place: two that share memory would change together.
                if _checked(content, str) not in self.arrays:
                    raise ModelFileError(f"it lacks the array {content!r}, or names it twice")
                return self.arrays.pop(content)
            case "strings":
                return np.array([_checked(v, str) for v in _checked(content, list)], dtype=object)
            case "text":
                words, codes = content
                return _text([_checked(word, str) for word in words], self.read(codes))
            case "csr":
                parts, shape = content
                matrix = sparse.csr_array(tuple(self.read(parts)), shape=tuple(shape))
                matrix.check_format(full_check=True)
                return matrix
            case "object":
                name, state = content
                if name not in self._classes:
                    raise ModelFileError(
                        f"it holds a {name!r}, which this version of skae does not know; expected "
                        f"one of {', '.join(self._classes)}"
                    )
                if REPLACED.get(name) in _checked(state, dict):
                    raise ModelFileError(
                        f"it holds an {name} of an earlier skae, which computed other scores. Fit "
                        f"it again and save it"
                    )
                state = {key: self.read(value) for key, value in state.items()}
                return Stored(self._classes[name], state)
        raise ModelFileError(f"it holds a {kind!r} of {content!r:.100}, which is no value")


def _key(value: Any) -> bool | int | float | str:
    # Truth values are classes, and so have weights.
    return value if isinstance(value, bool) else _checked(value, str | int | float)


def _text(words: list[str], codes: Any) -> np.ndarray:
    """Return an array of words, given their places in a list."""
    if not isinstance(codes, np.ndarray) or codes.dtype.kind != "i" or codes.ndim != 1:
        raise ModelFileError("it holds text without the places of its words")
    if len(codes) and not 0 <= codes.min() <= codes.max() < len(words):
        raise ModelFileError(f"it holds text with places of words that are not among {len(words)}")
    if max(map(len, words), default=0) * len(codes) > _MOST_CHARACTERS:
        raise ModelFileError(f"it holds text of more than {_MOST_CHARACTERS} characters")
    return np.array(words, dtype=str)[codes]


def _checked(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ModelFileError(f"it holds {value!r:.100} where another kind of value is expected")
    return value
