"""Small changes to graphs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from skae._extras import require

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto

Graph: TypeAlias = "ModelProto"

# The name of an operator, and its operands after the first, which are constants.
Operation = tuple[Any, ...]


def decision(offset: float) -> list[Operation]:
    """Return operations from scores to decisions (the first one), and on to predictions."""
    return [("Sub", float(offset)), ("Less", 0.0), ("Where", -1, 1)]


def chain(
    value: str, operations: Iterable[Operation], prefix: str
) -> tuple[list["NodeProto"], list["TensorProto"]]:
    """Return nodes for operations on a value, one after the other, and their constants.

    The nodes have one output each. All new names begin with the prefix.
    """
    onnx = require("onnx", "onnx")
    nodes: list[NodeProto] = []
    constants: list[TensorProto] = []
    for i, (operator, *operands) in enumerate(operations):
        names = [f"{prefix}{i}_{j}" for j in range(len(operands))]
        constants += map(onnx.numpy_helper.from_array, map(np.asarray, operands), names)
        nodes.append(onnx.helper.make_node(operator, [value, *names], [f"{prefix}{i}"]))
        value = f"{prefix}{i}"
    return nodes, constants


def with_one_output(model: Graph, name: str) -> Graph:
    """Return a graph of one of the outputs of a graph, without nodes for the others."""
    if len(model.graph.output) == 1:
        return model
    extractor = require("onnx.utils", "onnx").Extractor(model)
    return extractor.extract_model([given.name for given in model.graph.input], [name])


def finished(
    model: Graph,
    operations: Sequence[Operation],
    result: "TypeProto",
    inputs: Sequence[str],
    output: str,
) -> Graph:
    """Return a copy of a graph of one output, with operations at its end and with other names.

    `result` is the type of what the operations give, `inputs` and `output` are names that callers
    know. Where an input, such as a column, has the name of the output, "output_" is put before
    the latter.
    """
    make_node = require("onnx", "onnx").helper.make_node
    model, inside, (output,) = with_names(model, inputs, [output])
    graph = model.graph
    (value,) = graph.output
    nodes, constants = chain(value.name, operations, f"{inside}end/")
    last = nodes[-1].output[0] if nodes else value.name
    graph.node.extend([*nodes, make_node("Identity", [last], [output])])
    graph.initializer.extend(constants)
    value.name = output
    if operations:
        value.type.CopyFrom(result)
    name_batches(graph)
    return model


def with_names(
    model: Graph, inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[Graph, str, list[str]]:
    """Return a copy of a graph with other names of its inputs, a prefix, and names for outputs.

    All names inside the graph begin with the prefix. Where an input has the name of an output,
    "output_" is put before the latter.
    """
    make_node = require("onnx", "onnx").helper.make_node
    free = []
    for output in outputs:
        while output in inputs:
            output = f"output_{output}"
        free.append(output)
    inside = "inside/"
    while any(name.startswith(inside) for name in (*inputs, *free)):
        inside = f"{inside}/"
    # Functions call one another by their names, which onnx would not change there.
    add_prefix = require("onnx.compose", "onnx").add_prefix
    model = add_prefix(model, f"{inside}steps/", rename_functions=False)
    for given, name in zip(model.graph.input, inputs, strict=True):
        model.graph.node.insert(0, make_node("Identity", [name], [given.name]))
        given.name = name
    return model, inside, free


def name_batches(graph: "GraphProto") -> None:
    """Call the first axis of inputs and outputs, the number of rows, by one name."""
    for one in (*graph.input, *graph.output):
        one.type.tensor_type.shape.dim[0].dim_param = "batch"
