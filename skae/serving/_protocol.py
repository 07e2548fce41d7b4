"""Requests and responses of the Open Inference Protocol, version 2, with its binary extension.

Pure functions between bytes and arrays; see https://github.com/kserve/open-inference-protocol.
"""

from dataclasses import dataclass

from ._inputs import dtype_for, read_bytes, read_json
from ._refusal import Refusal
from ._shown import shown
from ._tensors import datatype_of, to_bytes, to_json

# Where the JSON ends and the bytes begin.
JSON_LENGTH_HEADER = "Inference-Header-Content-Length"

# So many names or sizes an error repeats.
_FEW = 5


@dataclass(frozen=True)
class InferRequest:
    """What a request asks for.

    Parameters
    ----------
    inputs : tuple of ndarray
        Each has one entry a row; they are in the order in which the model declares them.
    outputs : tuple of str
        Names of the outputs.
    binary : frozenset of str
        Which of them are to be sent as bytes.
    id : str or None
        What the response repeats.
    """

    inputs: tuple
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
    tensors = _tensors(request, model.inputs)
    outputs, binary = _wanted(request, model)
    id = request.get("id")
    if not (id is None or type(id) is str):
        raise Refusal(f'"id" must be a string, got {shown(id)}.')
    return InferRequest(_arrays(tensors, data, model), outputs, binary, id)


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
            f"The body is not JSON: {error}. NaN and infinities have no place in JSON (a missing "
            f"value is null), and binary data need the header {JSON_LENGTH_HEADER}."
        ) from error
    if type(request) is not dict:
        raise Refusal('The body must be a JSON object with "inputs".')
    return request


def _tensors(request, specs):
    """Return the tensors of a request, each with what the model declares of it."""
    tensors = request.get("inputs")
    expected = ", ".join(repr(spec.name) for spec in specs[:_FEW])
    expected += ", ..." if len(specs) > _FEW else ""
    if type(tensors) is not list or not all(type(one) is dict for one in tensors):
        raise Refusal(f'"inputs" must be a list with a tensor for each of {expected}.')
    one = len(specs) == 1
    if len(tensors) != len(specs):
        noun = "one input" if one else f"{len(specs)} inputs"
        raise Refusal(f"There must be {noun}, {expected}, got {len(tensors)}.")
    missing = {spec.name: spec for spec in specs}
    found = []
    for tensor in tensors:
        name = tensor.get("name")
        if not isinstance(name, str) or name not in missing:
            noun, once = ("input", "") if one else ("inputs", ", each once")
            raise Refusal(f"The {noun} must be called {expected}{once}, got {shown(name)}.")
        found.append((missing.pop(name), tensor))
    return found


def _arrays(tensors, data, model):
    """Return the arrays of a request's tensors, in the order in which the model declares them."""
    _check_sizes([tensor for _, tensor in tensors], data)
    arrays, start = {}, 0
    for spec, tensor in tensors:
        dtype = dtype_for(tensor.get("datatype"), spec)
        shape = _shape(tensor.get("shape"), spec)
        size = _binary_size(tensor)
        if size is None:
            values = read_json(tensor["data"], dtype, shape, spec, model.missing)
        else:
            part = data[start : start + size]
            values = read_bytes(part, dtype, shape, spec, model.missing)
            start += size
        arrays[spec.name] = values
    n_rows = {name: len(values) for name, values in arrays.items()}
    if len(set(n_rows.values())) > 1:
        raise Refusal(f"All inputs must have the same number of rows, got {shown(n_rows)}.")
    return tuple(arrays[spec.name] for spec in model.inputs)


def _shape(shape, spec):
    row = spec.shape[1:]
    well_formed = type(shape) is list and all(type(size) is int for size in shape)
    if not well_formed or shape[1:] != row or shape[0] < 1:
        expected = ", ".join(map(str, ["n", *row]))
        raise Refusal(
            f"The shape of the input {spec.name!r} must be [{expected}], of n >= 1 rows, got "
            f"{shown(shape)}."
        )
    return tuple(shape)


def _check_sizes(tensors, data):
    """Refuse tensors whose values are neither in the JSON nor in the bytes after it, or in both."""
    sizes = [_binary_size(tensor) for tensor in tensors]
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
    sizes = [size for size in sizes if size is not None]
    if not sizes and data:
        raise Refusal('There are bytes after the JSON, but no input with "binary_data_size".')
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != len(data):
        raise Refusal(
            f'"binary_data_size" is {", ".join(map(shown, sizes[:_FEW]))}, but {len(data)} bytes '
            f"follow the JSON, whose length the header {JSON_LENGTH_HEADER} states."
        )


def _binary_size(tensor):
    return _parameters(tensor).get("binary_data_size")


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
