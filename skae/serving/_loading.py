"""Models from files: none of these formats runs code that a file brings."""

import os
from pathlib import Path

from skae._extras import require
from skae.persistence import load_estimator

from ._estimators import EstimatorModel
from ._graphs import OnnxModel


def load_model(model):
    """Return what a path or an estimator stands for, ready to be served.

    Parameters
    ----------
    model : str, PathLike or estimator
        A file, whose suffix says what it is, or a fitted estimator.

    Returns
    -------
    model : Model

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the suffix is none that is served, or the file is damaged.
    """
    if not isinstance(model, str | os.PathLike):
        return EstimatorModel(model)
    path = Path(model)
    load = _LOADERS.get(path.suffix)
    if load is None:
        raise ValueError(
            f"{path.name!r} is no model file that can be served: expected the suffix "
            f"{', '.join(_LOADERS)}. Pickle and joblib files run what they hold when they are "
            f"loaded; save the estimator with skae.save, a Pipeline with skops.io.dump."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no model file {str(path)!r}.")
    return load(path)


def _load_estimator(path):
    return EstimatorModel(load_estimator(path))


def _load_onnx(path):
    # It would write a file to the home folder and send it on.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    onnxruntime = require("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # What it raises is told to whoever asked; it need not be in the log, too.
    options.log_severity_level = 4
    providers = ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=providers)
    except Exception as error:
        # Its exceptions have no common class but this one.
        raise ValueError(
            f"{str(path)!r} is no ONNX graph that ONNX Runtime can run: {error}"
        ) from error
    return OnnxModel(session)


_LOADERS = {".skae": _load_estimator, ".skops": _load_estimator, ".onnx": _load_onnx}
