"""Serving: any body is read as an independent reader reads it, or refused."""

import json
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skae.serving._protocol import parse_request
from skae.serving._refusal import Refusal
from skae.serving._tensors import TensorSpec

DTYPES = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "BOOL": "?", "BYTES": "O"}
DTYPES |= {f"{u}INT{8 * n}": f"<{u or 'i'}{n}".lower() for u in ("", "U") for n in (1, 2, 4, 8)}
# What a model takes for a number is any number.
NUMBERS = [name for name in DTYPES if name not in ("BOOL", "BYTES")]
INTEGERS = [name for name in NUMBERS if "INT" in name]
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def model_of(*inputs, **missing):
    """What the protocol asks of a model with these inputs, given as name, datatype and columns."""
    specs = tuple(TensorSpec(name, kind, [-1, columns]) for name, kind, columns in inputs)
    return SimpleNamespace(inputs=specs, outputs={"codes": None, "score": None}, missing=missing)


MODELS = [
    model_of(("input", "FP64", 3)),
    model_of(("input", "FP64", 3), input=np.array([True, False, True])),
    model_of(("x", "FP32", 2), ("n", "INT16", 1), ("word", "BYTES", 1), ("flag", "BOOL", 1)),
]


def strings_in(data):
    """Read strings, each after its length as four bytes."""
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        yield data[4:end].decode()
        data = data[end:]


def read(tensor, data, declared):
    """Read the values of an input with json and NumPy alone."""
    dtype = np.dtype(DTYPES[tensor["datatype"]])
    if "data" not in tensor:
        values = [*strings_in(data)] if dtype.kind == "O" else np.frombuffer(data, dtype)
    else:
        values = np.array(tensor["data"], "f8" if dtype.kind == "f" else dtype).ravel()
    with np.errstate(over="ignore"):
        values = np.asarray(values).astype(dtype)
    if declared.startswith("FP"):
        values = values.astype("f4" if dtype == "f4" else "f8")
    return values.reshape(tensor["shape"])


def assert_read_or_refused(text, data, header, model):
    """Check the arrays of a body; return whether it is not refused."""
    try:
        request = parse_request(text + data, header, model)
    except Refusal:
        return False
    tensors = {tensor["name"]: tensor for tensor in json.loads(text)["inputs"]}
    assert len({len(values) for values in request.inputs}) == 1
    parts = {}
    for name, tensor in tensors.items():
        size = tensor.get("parameters", {}).get("binary_data_size", 0)
        parts[name], data = data[:size], data[size:]
    for spec, values in zip(model.inputs, request.inputs, strict=True):
        expected = read(tensors[spec.name], parts[spec.name], spec.datatype)
        assert values.shape == expected.shape == (len(values), *spec.shape[1:])
        assert values.dtype == (expected.dtype if "FP" in spec.datatype else DTYPES[spec.datatype])
        np.testing.assert_array_equal(values, expected)
        if spec.datatype.startswith("FP"):
            allowed = np.isnan(values) & model.missing.get(spec.name, False)
            assert (np.isfinite(values) | allowed).all()
    return True


def values_of(datatype):
    """Values in JSON, for the most part of a datatype."""
    if datatype == "BYTES":
        return st.text(max_size=4)
    if datatype == "BOOL":
        return st.booleans()
    if "INT" in datatype:
        limits = np.iinfo(DTYPES[datatype])
        return st.integers(int(limits.min), int(limits.max))
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=int(datatype[2:]))
    return numbers | st.integers(-(2**63), 2**64 - 1) | st.none()


OTHERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
JSON = st.recursive(
    OTHERS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["inputs", "name", "data", "shape", "parameters"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@st.composite
def requests(draw, model):
    """A request that the model takes, in JSON, in bytes or in both; and the bytes."""
    n_rows, tensors, parts = draw(st.integers(1, 3)), [], []
    for spec in draw(st.permutations(model.inputs)):
        accepted = {"FP": NUMBERS, "IN": INTEGERS}.get(spec.datatype[:2], [spec.datatype])
        datatype = draw(st.sampled_from(accepted))
        shape = [n_rows, *spec.shape[1:]]
        size = int(np.prod(shape))
        values = draw(st.lists(values_of(datatype), min_size=size, max_size=size))
        tensor = {"name": spec.name, "datatype": datatype, "shape": shape}
        form = draw(st.sampled_from(["flat", "nested", "bytes"]))
        if form == "bytes":
            parts.append(in_bytes(values, datatype))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        elif form == "flat":
            tensor["data"] = values
        else:
            tensor["data"] = [values[i : i + shape[1]] for i in range(0, size, shape[1])]
        tensors.append(tensor)
    return {"inputs": tensors}, b"".join(parts)


def in_bytes(values, datatype):
    if datatype == "BYTES":
        words = [word.encode() for word in values]
        return b"".join(len(word).to_bytes(4, "little") + word for word in words)
    dtype = DTYPES[datatype]
    with np.errstate(over="ignore"):
        return np.array(values, "f8" if "FP" in datatype else dtype).astype(dtype).tobytes()


def places_in(value, path=()):
    """Yield the paths to all that a value in JSON holds."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places_in(inner, (*path, key))


def encoded(request):
    text = json.dumps(request).encode()
    return text, str(len(text))


@pytest.mark.parametrize("model", MODELS)
def test_a_request_is_read_or_its_numbers_are_too_large(model):
    found = []

    @FEW
    @given(requests(model))
    def check(case):
        request, data = case
        text, header = encoded(request)
        found.append(assert_read_or_refused(text, data, header if data else None, model))

    check()
    assert 0.2 < np.mean(found) <= 1


@pytest.mark.parametrize("model", MODELS)
def test_a_request_with_something_else_in_one_place(model):
    @FEW
    @given(requests(model), st.integers(0, 3) | st.sampled_from([*DTYPES]) | JSON, st.data())
    def check(case, other, choice):
        request, data = case
        *path, last = choice.draw(st.sampled_from([*places_in(request)]))
        parent = request
        for key in path:
            parent = parent[key]
        parent[last] = other
        text, header = encoded(request)
        assert_read_or_refused(text, data, header if data else None, model)

    check()


@FEW
@given(JSON)
def test_any_json(value):
    assert_read_or_refused(json.dumps(value).encode(), b"", None, MODELS[0])


@FEW
@given(requests(MODELS[2]), st.binary(max_size=20), st.none() | st.integers() | st.text(max_size=9))
def test_any_bytes_after_the_json_and_any_length_of_it(case, data, header):
    text, _ = encoded(case[0])
    if header is None:
        assert_read_or_refused(text, data, str(len(text)), MODELS[2])
    else:
        # Where the JSON ends elsewhere, nothing is left of it.
        with suppress(Refusal):
            parse_request(text + data, str(header), MODELS[2])


@FEW
@given(st.binary(max_size=40))
def test_any_bytes(body):
    with pytest.raises(Refusal):
        parse_request(body, None, MODELS[0])
