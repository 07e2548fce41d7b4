"""From the scores of an outlier detector to its predictions."""

from skae._extras import require

from ._graphs import extended, renamed


def decided(score, decision, label, offset):
    """Make nodes that do with scores what `decision_function` and `predict` do.

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
    constants : dict of str to number
    """
    make_node = require("onnx", "onnx").helper.make_node
    constants = {"offset": float(offset), "zero": 0.0, "outlier": -1, "ordinary": 1}
    offset, zero, outlier, ordinary, below = (f"{label}_{name}" for name in (*constants, "below"))
    nodes = [
        make_node("Sub", [score, offset], [decision]),
        make_node("Less", [decision, zero], [below]),
        make_node("Where", [below, outlier, ordinary], [label]),
    ]
    return nodes, {f"{label}_{name}": value for name, value in constants.items()}


def with_decision(model, offset):
    """Make a graph of predictions from a graph of scores."""
    element_type = require("onnx", "onnx").TensorProto.INT64
    nodes, constants = decided("score", "decision", "prediction", offset)
    return extended(renamed(model, "score"), nodes, constants, element_type)
