"""Requests and responses of the Open Inference Protocol, version 2, with its binary extension.

Pure functions between bytes and arrays; see https://github.com/kserve/open-inference-protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np

from ._inputs import InputReader, dtype_for, shape_for
from ._refusal import Refusal, shown
from ._served_model import Inputs, Names, Outputs, ServedModel
from ._tensors import TensorSpec, datatype_of, to_bytes, to_json

# The header that states where the JSON ends and the bytes begin.
JSON_LENGTH_HEADER = "Inference-Header-Content-Length"

# Number of names or sizes that an error repeats.
_FEW = 5


@dataclass(frozen=True)
class InferRequest:
    """A request: arrays in the model's order of inputs, and the outputs it asks for.

    `binary` are the outputs to be sent as bytes; the response repeats `id`.
    """

    inputs: Inputs
    outputs: Names
    binary: frozenset[str]
    id: str | None


def parse_request(body: bytes, json_length: str | None, model: ServedModel) -> InferRequest:
    """Return the request in a body, or refuse it.

    `json_length` is the header that states where the JSON ends, if there is one.
    """
    text, data = _split(body, json_length)
    request = _parse_json(text)
    tensors = _tensors(request, model.inputs)
    outputs, binary = _wanted(request, model)
    id = request.get("id")
    if not (id is None or type(id) is str):
        raise Refusal(f'"id" must be a string, got {shown(id)}.')
    return InferRequest(_arrays(tensors, data, model), outputs, binary, id)


def format_response(
    request: InferRequest, results: Outputs, name: str, version: str
) -> tuple[bytes, int | None]:
    """Return the body of a response, and where its JSON ends if there are binary outputs."""
    import orjson

    tensors, parts = [], []
    for output in request.outputs:
        values = results[output]
        tensor: dict[str, Any] = {"name": output, "datatype": datatype_of(values)}
        tensor["shape"] = values.shape
        if output in request.binary:
            parts.append(to_bytes(values))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = to_json(values)
        tensors.append(tensor)
    response = {"model_name": name, "model_version": version, "outputs": tensors}
    if request.id is not None:
        response["id"] = request.id
    text = orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
    return (b"".join([text, *parts]), len(text)) if parts else (text, None)


def _split(body: bytes, json_length: str | None) -> tuple[bytes, bytes]:
    """Return the JSON part of a body, and the bytes after it."""
    if json_length is None:
        return body, b""
    # `int` refuses to read very long numbers.
    well_formed = json_length.isdecimal() and len(json_length) < 20
    if not well_formed or int(json_length) > len(body):
        raise Refusal(
            f"{JSON_LENGTH_HEADER} must be the length of the JSON part, at most that of the body, "
            f"which is {len(body)}, got {shown(json_length)}."
        )
    return body[: int(json_length)], body[int(json_length) :]


def _parse_json(text: bytes) -> dict[str, Any]:
    import orjson

    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(
            f"The body is not JSON: {error}. NaN and infinities have no place in JSON (a missing "
            f"value is null), and binary data need the header {JSON_LENGTH_HEADER}."
        ) from error
    if type(request) is not dict:
        raise Refusal('The body must be a JSON object with "inputs".')
    return request


def _few(names: list[str]) -> str:
    """Return the first few names, and the number of the others."""
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _tensors(
    request: dict[str, Any], specs: Sequence[TensorSpec]
) -> list[tuple[TensorSpec, dict[str, Any]]]:
    """Return the tensors of a request, each with its spec."""
    tensors = request.get("inputs")
    expected = ", ".join(repr(spec.name) for spec in specs[:_FEW])
    expected += ", ..." if len(specs) > _FEW else ""
    if not _is_list_of_objects(tensors):
        raise Refusal(f'"inputs" must be a list with a tensor for each of {expected}.')
    one = len(specs) == 1
    if len(tensors) != len(specs):
        noun = "one input" if one else f"{len(specs)} inputs"
        given = {str(tensor.get("name")) for tensor in tensors}
        known = {spec.name for spec in specs}
        lost, new = sorted(known - given), sorted(given - known)
        raise Refusal(
            f"There must be {noun}, {expected}, got {len(tensors)}."
            + (f" Missing: {_few([*map(repr, lost)])}." if lost and not one else "")
            + (f" Not known: {_few([*map(shown, new)])}." if new and not one else "")
        )
    unseen = {spec.name: spec for spec in specs}
    found = []
    for tensor in tensors:
        name = tensor.get("name")
        if not isinstance(name, str) or name not in unseen:
            noun, once = ("input", "") if one else ("inputs", ", each once")
            raise Refusal(f"The {noun} must be called {expected}{once}, got {shown(name)}.")
        found.append((unseen.pop(name), tensor))
    return found


def _arrays(
    tensors: list[tuple[TensorSpec, dict[str, Any]]], data: bytes, model: ServedModel
) -> Inputs:
    """Return the arrays of a request's tensors, in the order in which the model declares them."""
    sizes = _binary_sizes([tensor for _, tensor in tensors], data)
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for (spec, tensor), size in zip(tensors, sizes, strict=True):
        missing = model.missing.get(spec.name)
        dtype = dtype_for(tensor.get("datatype"), spec, missing is not None)
        reader = InputReader(spec, dtype, shape_for(tensor.get("shape"), spec), missing)
        if size is None:
            arrays[spec.name] = reader.from_json(tensor["data"])
        else:
            arrays[spec.name] = reader.from_bytes(data[start : start + size])
            start += size
    n_rows = {name: len(values) for name, values in arrays.items()}
    if len(set(n_rows.values())) > 1:
        raise Refusal(f"All inputs must have the same number of rows, got {shown(n_rows)}.")
    return tuple(arrays[spec.name] for spec in model.inputs)


def _binary_sizes(tensors: list[dict[str, Any]], data: bytes) -> list[int | None]:
    """Return how many of the bytes belong to each tensor; None if its values are in the JSON."""
    sizes = [_parameters(tensor).get("binary_data_size") for tensor in tensors]
    for tensor, size in zip(tensors, sizes, strict=True):
        if size is None and "data" not in tensor:
            raise Refusal(
                'The input has neither "data" nor the parameter "binary_data_size". (Shared memory '
                "is not supported.)"
            )
        if size is not None and "data" in tensor:
            raise Refusal(
                'The input has both "data" and "binary_data_size"; only one may be there.'
            )
    given = [size for size in sizes if size is not None]
    if not given and data:
        raise Refusal('There are bytes after the JSON, but no input with "binary_data_size".')
    if not all(type(size) is int and size >= 0 for size in given) or sum(given) != len(data):
        raise Refusal(
            f'"binary_data_size" is {", ".join(map(shown, given[:_FEW]))}, but {len(data)} bytes '
            f"follow the JSON, whose length the header {JSON_LENGTH_HEADER} states."
        )
    return sizes


def _wanted(request: dict[str, Any], model: ServedModel) -> tuple[Names, frozenset[str]]:
    """Return the names of the outputs that are asked for, and which of them as bytes."""
    default = _flag(_parameters(request), "binary_data_output", False)
    outputs = request.get("outputs")
    if outputs is None or outputs == []:
        everything = tuple(model.outputs)
        return everything, frozenset(everything if default else ())
    if not _is_list_of_objects(outputs):
        raise Refusal('"outputs" must be a list of objects with a "name".')
    names: list[Any] = [one.get("name") for one in outputs]
    for name in names:
        if not isinstance(name, str) or name not in model.outputs:
            raise Refusal(
                f"There is no output {shown(name)}; the model has {', '.join(model.outputs)}."
            )
    if len(set(names)) < len(names):
        raise Refusal(f"Outputs are named more than once: {shown(names)}.")
    binary = set()
    for name, one in zip(names, outputs, strict=True):
        parameters = _parameters(one)
        if "classification" in parameters:
            raise Refusal('The parameter "classification" is not supported.')
        if _flag(parameters, "binary_data", default):
            binary.add(name)
    return tuple(names), frozenset(binary)


def _is_list_of_objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return type(value) is list and all(type(one) is dict for one in value)


def _parameters(part: dict[str, Any]) -> dict[str, Any]:
    parameters = part.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise Refusal('"parameters" must be an object.')
    return parameters


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name)
    if value is None:
        return default
    if type(value) is not bool:
        raise Refusal(f'"{name}" must be true or false, got {shown(value)}.')
    return value
