"""Small changes to graphs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from skae._extras import require

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Graph: TypeAlias = "ModelProto"

# The name of an operator, and its operands after the first, which are constants.
Operation = tuple[Any, ...]


class Ending(NamedTuple):
    """Operations at the end of a graph, and their result."""

    operations: Sequence[Operation] = ()
    # Shape of a row of the result.
    shape: Sequence[int] = ()
    # Type of its elements, a number of onnx.TensorProto; None is that of the graph before.
    element_type: int | None = None


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


def finished(model: Graph, ending: Ending, inputs: Sequence[str], output: str) -> Graph:
    """Return a copy of a graph of one output, with an ending and with the names that callers know.

    Where an input, such as a column, has the name of the output, "output_" is put before the
    latter.
    """
    onnx = require("onnx", "onnx")
    make_node = onnx.helper.make_node
    while output in inputs:
        output = f"output_{output}"
    inside = "inside/"
    while any(name.startswith(inside) for name in (*inputs, output)):
        inside = f"{inside}/"
    # Functions call one another by their names, which onnx would not change there.
    model = onnx.compose.add_prefix(model, f"{inside}steps/", rename_functions=False)
    graph = model.graph
    for given, name in zip(graph.input, inputs, strict=True):
        graph.node.insert(0, make_node("Identity", [name], [given.name]))
        given.name = name
    (result,) = graph.output
    nodes, constants = chain(result.name, ending.operations, f"{inside}end/")
    last = nodes[-1].output[0] if nodes else result.name
    graph.node.extend([*nodes, make_node("Identity", [last], [output])])
    graph.initializer.extend(constants)
    result.name = output
    if nodes:
        element_type = ending.element_type or result.type.tensor_type.elem_type
        shape = [None, *ending.shape]
        result.type.CopyFrom(onnx.helper.make_tensor_type_proto(element_type, shape))
    for value in (*graph.input, result):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    return model
