"""From the scores of an outlier detector to its predictions."""

import numpy as np

from skae._extras import require


def decided(score, decision, label, offset):
    """Make nodes that do what `decision_function` and `predict` do with scores.

    Parameters
    ----------
    score : str
        Name of the scores in the graph.
    decision, label : str
        Names that the decisions and the predictions get.
    offset : float
        The threshold.

    Returns
    -------
    nodes : list of onnx.NodeProto
    constants : list of onnx.TensorProto
    """
    onnx = require("onnx", "onnx")
    values = {"offset": float(offset), "zero": 0.0, "outlier": -1, "ordinary": 1}
    names = {name: f"{label}_{name}" for name in (*values, "below")}
    nodes = [
        onnx.helper.make_node("Sub", [score, names["offset"]], [decision]),
        onnx.helper.make_node("Less", [decision, names["zero"]], [names["below"]]),
        onnx.helper.make_node(
            "Where", [names["below"], names["outlier"], names["ordinary"]], [label]
        ),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array(value), names[name])
        for name, value in values.items()
    ]
    return nodes, constants
