"""Requests and responses of the Open Inference Protocol, version 2, with its binary extension.

Pure functions between bytes and arrays; see https://github.com/kserve/open-inference-protocol.
"""

from dataclasses import dataclass

import numpy as np

from ._refusal import Refusal
from ._shown import shown
from ._tensors import datatype_of, dtype_of, rows_from_bytes, rows_from_json, to_bytes, to_json

# Where the JSON ends and the bytes begin.
JSON_LENGTH_HEADER = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class InferRequest:
    """What a request asks for.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        The input, float32 or float64.
    outputs : tuple of str
        Names of the outputs.
    binary : frozenset of str
        Which of them are to be sent as bytes.
    id : str or None
        What the response repeats.
    """

    rows: np.ndarray
    outputs: tuple
    binary: frozenset
    id: str | None


def parse_request(body, json_length, model):
    """Read the body of a request.

    Parameters
    ----------
    body : bytes
        The body.
    json_length : str or None
        The header that says where JSON ends, if there is one.
    model : Model
        Says which tensors there are.

    Returns
    -------
    request : InferRequest

    Raises
    ------
    Refusal
        If it is not a request that the model can answer.
    """
    text, data = _split(body, json_length)
    request = _parse_json(text)
    inputs = request.get("inputs")
    if type(inputs) is not list or not all(type(one) is dict for one in inputs):
        raise Refusal(f'"inputs" must be a list with the input {model.input.name!r}.')
    if len(inputs) != 1:
        raise Refusal(f"There must be one input, {model.input.name!r}, got {len(inputs)}.")
    name = inputs[0].get("name")
    if name != model.input.name:
        raise Refusal(f"The input must be called {model.input.name!r}, got {shown(name)}.")
    outputs, binary = _wanted(request, model)
    id = request.get("id")
    if not (id is None or type(id) is str):
        raise Refusal(f'"id" must be a string, got {shown(id)}.')
    return InferRequest(_rows(inputs[0], data, model.n_features), outputs, binary, id)


def format_response(request, results, name, version):
    """Write the body of a response.

    Parameters
    ----------
    request : InferRequest
        What was asked.
    results : dict of str to ndarray
        Each output that was asked for.
    name, version : str
        Of the model.

    Returns
    -------
    body : bytes
        JSON, and after it the binary outputs.
    json_length : int or None
        Where JSON ends, if there are binary outputs.
    """
    import orjson

    tensors, parts = [], []
    for output in request.outputs:
        values = results[output]
        tensor = {"name": output, "datatype": datatype_of(values), "shape": values.shape}
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


def _split(body, json_length):
    if json_length is None:
        return body, b""
    # Longer than any length is what `int` may refuse to read.
    well_formed = json_length.isdecimal() and len(json_length) < 20
    if not well_formed or int(json_length) > len(body):
        raise Refusal(
            f"{JSON_LENGTH_HEADER} must be the length of the JSON part, at most that of the body, "
            f"which is {len(body)}, got {shown(json_length)}."
        )
    return body[: int(json_length)], body[int(json_length) :]


def _parse_json(text):
    import orjson

    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refusal(
            f"The body is not JSON: {error}. NaN and infinities have no place in JSON, and binary "
            f"data need the header {JSON_LENGTH_HEADER}."
        ) from error
    if type(request) is not dict:
        raise Refusal('The body must be a JSON object with "inputs".')
    return request


def _rows(tensor, data, n_features):
    dtype = dtype_of(tensor.get("datatype"))
    shape = tensor.get("shape")
    well_formed = type(shape) is list and [type(size) for size in shape] == [int, int]
    if not well_formed or shape[0] < 1 or shape[1] != n_features:
        raise Refusal(
            f"The shape of the input must be [n, {n_features}], of n >= 1 rows, got {shown(shape)}."
        )
    size = _parameters(tensor).get("binary_data_size")
    if size is None:
        if data:
            raise Refusal('There are bytes after the JSON, but no input with "binary_data_size".')
        if "data" not in tensor:
            raise Refusal(
                'The input has neither "data" nor the parameter "binary_data_size". (Shared memory '
                "is not supported.)"
            )
        return rows_from_json(tensor["data"], dtype, tuple(shape))
    if "data" in tensor:
        raise Refusal('The input has both "data" and "binary_data_size"; only one may be there.')
    if type(size) is not int or size != len(data):
        raise Refusal(
            f'"binary_data_size" is {shown(size)}, but {len(data)} bytes follow the JSON, whose '
            f"length the header {JSON_LENGTH_HEADER} states."
        )
    return rows_from_bytes(data, dtype, tuple(shape))


def _wanted(request, model):
    """Return the names of the outputs that are asked for, and which of them as bytes."""
    default = _flag(_parameters(request), "binary_data_output", False)
    outputs = request.get("outputs")
    if outputs is None or outputs == []:
        names = tuple(model.outputs)
        return names, frozenset(names if default else ())
    if type(outputs) is not list or not all(type(one) is dict for one in outputs):
        raise Refusal('"outputs" must be a list of objects with a "name".')
    names = tuple(one.get("name") for one in outputs)
    for name in names:
        if not isinstance(name, str) or name not in model.outputs:
            raise Refusal(
                f"There is no output {shown(name)}; the model has {', '.join(model.outputs)}."
            )
    if len(set(names)) < len(names):
        raise Refusal(f"Outputs are named more than once: {shown(list(names))}.")
    binary = set()
    for name, one in zip(names, outputs, strict=True):
        parameters = _parameters(one)
        if "classification" in parameters:
            raise Refusal('The parameter "classification" is not supported.')
        if _flag(parameters, "binary_data", default):
            binary.add(name)
    return names, frozenset(binary)


def _parameters(part):
    parameters = part.get("parameters")
    if parameters is None:
        return {}
    if type(parameters) is not dict:
        raise Refusal('"parameters" must be an object.')
    return parameters


def _flag(parameters, name, default):
    value = parameters.get(name)
    if value is None:
        return default
    if type(value) is not bool:
        raise Refusal(f'"{name}" must be true or false, got {shown(value)}.')
    return value
