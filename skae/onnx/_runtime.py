"""Graphs in ONNX Runtime."""

import os

from skae._extras import require


def onnxruntime():
    """Import ONNX Runtime with its telemetry off."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    require("onnxruntime.quantization", "onnx")
    return require("onnxruntime", "onnx")


def runner_of(model):
    """Return a function that runs a graph.

    Parameters
    ----------
    model : onnx.ModelProto
        The graph.

    Returns
    -------
    run : callable
        Takes a list of arrays, one for each input, and returns a list, one for each output.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Errors only: it warns about shapes that skl2onnx declares.
    options.log_severity_level = 4
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [given.name for given in session.get_inputs()]

    def run(arrays):
        return session.run(None, dict(zip(names, arrays, strict=True)))

    return run
