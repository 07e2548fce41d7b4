"""Graphs whose networks compute with eight bits."""

import logging
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from skae._extras import require

from ._converters import NETWORK
from ._runtime import onnxruntime

# Products of matrices and convolutions; anything else is a small part of weights and of work.
_QUANTIZED = ["MatMul", "Conv"]


def quantized(model):
    """Quantize the weights of a graph, and its activations batch by batch.

    Parameters
    ----------
    model : onnx.ModelProto
        With float32 networks; what it computes in float64 stays as it is.

    Returns
    -------
    model : onnx.ModelProto
    """
    onnx = require("onnx", "onnx")
    tools = onnxruntime().quantization
    with TemporaryDirectory() as folder, _quiet():
        given, prepared, done = (Path(folder, name) for name in ("given", "prepared", "done"))
        onnx.save(model, given)
        tools.quant_pre_process(given, prepared, skip_symbolic_shape=True)
        tools.quantize_dynamic(
            prepared,
            done,
            op_types_to_quantize=_QUANTIZED,
            nodes_to_exclude=_not_of_networks(onnx.load(prepared)),
            # ONNX Runtime's integer convolutions have no kernel for signed weights.
            weight_type=tools.QuantType.QUInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        result = onnx.load(done)
    used = {node.domain for node in result.graph.node}
    domains = [one for one in result.opset_import if one.domain in used]
    del result.opset_import[:]
    result.opset_import.extend(domains)
    return result


def _not_of_networks(model):
    """Return the names of the products of other steps, whose columns may differ in unit."""
    return [
        name
        for node in model.graph.node
        if not any(map(_is_of_network, (*node.input, *node.output)))
        # Quantization makes two nodes of a Gemm.
        for name in (node.name, f"{node.name}_MatMul")
    ]


def _is_of_network(name):
    return any(part.startswith(NETWORK) for part in name.split("/")[:-1])


@contextmanager
def _quiet():
    """Keep back advice for calls that are made as advised."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)
