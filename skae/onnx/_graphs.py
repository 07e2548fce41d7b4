"""Small changes to graphs, all of which have one output in the end."""

import numpy as np

from skae._extras import require


def with_one_output(model):
    """Keep the first output of a graph, and what it needs."""
    if len(model.graph.output) == 1:
        return model
    extractor = require("onnx.utils", "onnx").Extractor(model)
    inputs = [given.name for given in model.graph.input]
    return extractor.extract_model(inputs, [model.graph.output[0].name])


def with_inputs(model, names):
    """Give the inputs of a graph the names of columns, which skl2onnx makes identifiers of."""
    new = dict(zip((given.name for given in model.graph.input), names, strict=True))
    for given in model.graph.input:
        given.name = new[given.name]
    for node in model.graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
    return model


def renamed(model, name):
    """Give the output of a graph another name."""
    graph = model.graph
    before = graph.output[0].name
    graph.output[0].name = name
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [name if one == before else one for one in names]
    return model


def extended(model, nodes, constants, element_type=None, shape=None):
    """Add nodes behind the output of a graph.

    Parameters
    ----------
    model : onnx.ModelProto
        The graph, which is changed.
    nodes : list of onnx.NodeProto
        The last of them gives the new output.
    constants : dict of str to ndarray
        What else they take, by name.
    element_type : int, default=None
        Type of the new output; None is that of the former one.
    shape : tuple of int, default=None
        Shape of a row of it; None is that of the former one.

    Returns
    -------
    model : onnx.ModelProto
        The same graph.
    """
    onnx = require("onnx", "onnx")
    graph = model.graph
    before = graph.output.pop().type.tensor_type
    if shape is None:
        shape = [dim.dim_value for dim in before.shape.dim[1:]]
    output = onnx.helper.make_tensor_value_info(
        nodes[-1].output[0], element_type or before.elem_type, ["batch", *shape]
    )
    graph.node.extend(nodes)
    graph.output.append(output)
    graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    )
    return model


def without_column(model):
    """Return numbers as they are where skl2onnx gives them a column of their own."""
    if len(model.graph.output[0].type.tensor_type.shape.dim) == 1:
        return model
    onnx = require("onnx", "onnx")
    model = renamed(model, "column")
    squeeze = onnx.helper.make_node("Squeeze", ["column", "column_axis"], ["numbers"])
    return extended(model, [squeeze], {"column_axis": np.array([1])}, shape=())
