"""Graphs in which no node leaves out an input before its last one."""

from skae._extras import require

_RECURRENT = ("GRU", "LSTM", "RNN")


def without_gaps(model):
    """Write nodes that leave out an optional input in another way.

    skl2onnx sorts nodes by the names of their inputs, and takes none at all for a name that it
    cannot find.

    Parameters
    ----------
    model : onnx.ModelProto
        Its nodes are changed.

    Returns
    -------
    model : onnx.ModelProto
        The same.
    """
    nodes = [same for node in model.graph.node for same in _filled(node)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _filled(node):
    """Yield nodes that do what one does."""
    make_node = require("onnx", "onnx").helper.make_node
    if node.op_type == "Clip" and len(node.input) == 3 and not node.input[1]:
        value, _, most = node.input
        yield make_node("Min", [value, most], node.output, name=node.name)
        return
    if node.op_type in _RECURRENT and len(node.input) > 4 and not node.input[4]:
        # All sequences of a batch are as long as the longest.
        steps, batch, lengths = (f"{node.name}_{what}" for what in ("steps", "batch", "lengths"))
        yield make_node("Shape", [node.input[0]], [steps], start=0, end=1)
        yield make_node("Shape", [node.input[0]], [batch], start=1, end=2)
        yield make_node("Expand", [steps, batch], [f"{lengths}_64"])
        yield make_node("Cast", [f"{lengths}_64"], [lengths], to=6)
        node.input[4] = lengths
    yield node
