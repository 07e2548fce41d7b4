"""ONNX Runtime: graphs that run, and graphs whose networks compute with eight bits."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from skae._extras import require

from ._converters import NETWORK
from ._export import only_logging
from ._graphs import Graph

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Products of matrices and convolutions; anything else is a small part of weights and of work.
_QUANTIZED = ["MatMul", "Conv"]


def inference_session(model: str | os.PathLike[str] | bytes) -> "InferenceSession":
    """Return a session of ONNX Runtime on one thread of the CPU, with neither telemetry nor log.

    Parameters
    ----------
    model : str, PathLike or bytes
        The file of a graph, or a serialized graph.

    Returns
    -------
    session : onnxruntime.InferenceSession
        What goes wrong in it is raised.

    Raises
    ------
    ImportError
        If ONNX Runtime is not installed: ``pip install "skae[onnx]"``.

    See Also
    --------
    skae.to_onnx : Makes a graph of an estimator or a pipeline.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import skae
    >>> X, _ = load_iris(return_X_y=True)
    >>> ae = skae.AutoencoderTransformer(2, max_iter=10, random_state=0).fit(X)
    >>> graph = skae.to_onnx(ae, X, output="codes")
    >>> session = skae.onnx.inference_session(graph.SerializeToString())
    >>> (codes,) = session.run(None, {"X": X})
    >>> codes.shape
    (150, 2)
    """
    runtime = _module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def runner_of(model: Graph) -> Callable[[list[np.ndarray]], list[np.ndarray]]:
    """Return a function from arrays, one for each input of a graph, to its outputs."""
    session = inference_session(model.SerializeToString())
    names = [given.name for given in session.get_inputs()]
    return lambda arrays: session.run(None, dict(zip(names, arrays, strict=True)))


def quantized(model: Graph) -> Graph:
    """Return a graph with quantized float32 networks: the weights, and activations by batch.

    Everything that it computes in float64 stays as it is.
    """
    onnx = require("onnx", "onnx")
    tools = _module("onnxruntime.quantization")
    # The root logger gets advice for calls that are made as advised.
    with TemporaryDirectory() as folder, only_logging(logging.ERROR):
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


def _not_of_networks(model: Graph) -> list[str]:
    """Return the names of the products of other steps, whose columns may differ in unit."""
    return [
        name
        for node in model.graph.node
        if not any(map(_is_of_network, (*node.input, *node.output)))
        # Quantization makes two nodes of a Gemm.
        for name in (node.name, f"{node.name}_MatMul")
    ]


def _is_of_network(name: str) -> bool:
    return any(part.startswith(NETWORK) for part in name.split("/")[:-1])


def _module(name: str) -> ModuleType:
    """Return a module of ONNX Runtime, imported with its telemetry off."""
    # It would write a file to the home folder and send it on.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    return require(name, "onnx")
