"""Small changes to graphs, all of which have one output in the end."""

import numpy as np

from skae._extras import require


def with_one_output(model, name):
    """Keep one output of a graph, and what it needs."""
    if len(model.graph.output) == 1:
        return model
    extractor = require("onnx.utils", "onnx").Extractor(model)
    return extractor.extract_model([given.name for given in model.graph.input], [name])


def prefixed(model, prefix):
    """Put a prefix before all names in a graph."""
    # Functions call one another by their names, which onnx would not change there.
    add_prefix = require("onnx.compose", "onnx").add_prefix
    return add_prefix(model, prefix, rename_functions=False)


def named(model, inputs, output):
    """Give the inputs and the output of a graph names that nothing inside it has.

    Parameters
    ----------
    model : onnx.ModelProto
        The graph.
    inputs : list of str
        Names of its inputs, such as those of columns.
    output : str
        Name of its output. Where an input has that name, "output_" is put before it.

    Returns
    -------
    model : onnx.ModelProto
    """
    make_node = require("onnx", "onnx").helper.make_node
    while output in inputs:
        output = f"output_{output}"
    prefix = "inside/"
    while any(name.startswith(prefix) for name in (*inputs, output)):
        prefix = f"{prefix}/"
    model = prefixed(model, prefix)
    graph = model.graph
    for given, name in zip(graph.input, inputs, strict=True):
        graph.node.insert(0, make_node("Identity", [name], [given.name]))
        given.name = name
    graph.node.append(make_node("Identity", [graph.output[0].name], [output]))
    graph.output[0].name = output
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
    """Return numbers as they are, which skl2onnx gives a column of their own now and then."""
    onnx = require("onnx", "onnx")
    model = renamed(model, "column")
    reshape = onnx.helper.make_node("Reshape", ["column", "one_axis"], ["numbers"])
    return extended(model, [reshape], {"one_axis": np.array([-1])}, shape=())
