"""Models to serve, from files of which none runs code that it brings, or from estimators."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from skae._extras import require
from skae.persistence import load_estimator

from ._estimator_model import EstimatorModel
from ._onnx_model import OnnxModel
from ._served_model import ServedModel

_SUFFIXES = (".skae", ".skops", ".onnx")


def load_model(model: Any, trusted: Collection[str] = ()) -> ServedModel:
    """Return the served form of a fitted estimator, or of the model in a file.

    `trusted` are types that a file of skops may need beside `TRUSTED_TYPES`.
    """
    if not isinstance(model, str | os.PathLike):
        return EstimatorModel(model)
    path = Path(model)
    if path.suffix not in _SUFFIXES:
        raise ValueError(
            f"{path.name!r} is no model file that can be served: expected the suffix "
            f"{', '.join(_SUFFIXES)}. Pickle and joblib files run what they hold when they are "
            f"loaded; save the estimator with skae.save, a Pipeline with skops.io.dump."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {str(path)!r}.")
    if path.suffix == ".onnx" and not trusted:
        return OnnxModel(_session(path))
    return EstimatorModel(load_estimator(path, trusted))


def _session(path: Path) -> Any:
    """Return an ONNX Runtime session of a graph, on one thread."""
    # Otherwise it writes a file to the home folder and reports its use.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Its errors are told to whoever asked, and need not be in the log, too.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Its exceptions have no other common class.
        raise ValueError(
            f"{str(path)!r} is no ONNX graph that ONNX Runtime can run: {error}"
        ) from error
