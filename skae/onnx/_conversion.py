"""From a fitted estimator or pipeline to a graph with one output."""

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from skae import __version__
from skae._extras import require
from skae.estimators import AutoencoderOutlierDetector

from ._converters import CONVERTED
from ._decision import with_decision
from ._export import OPSET
from ._graphs import renamed, with_inputs, with_one_output, without_column
from ._quantization import quantized, run
from ._steps import back_through, steps_of
from ._thresholds import offset_for

# Some converters and runtimes know less of float64.
_ADVICE = "If X_sample is not of float32, try X_sample.astype('float32')."

# Rows that tell what a model makes of rows.
_FEW = 2


def converted(model, X_sample, output, quantize):
    """Convert a model; see `skae.to_onnx`."""
    model = getattr(model, "best_estimator_", model)
    steps = steps_of(model)
    last = steps[-1][1]
    _check_output(steps, output)
    rows = _rows_of(X_sample)
    # Raises the model's own errors, too: it is not fitted, or these are no rows for it.
    answer = _method_of(model, output)(rows[:_FEW])
    if not _goes_by_column(rows, steps):
        rows = np.asarray(rows)
        rows = rows if rows.dtype == np.float32 else rows.astype(np.float64)
    graph = with_one_output(_graph_of(steps, rows, output, quantize))
    if not isinstance(rows, np.ndarray):
        graph = with_inputs(graph, rows.columns)
    if quantize:
        graph = quantized(graph)
    if output == "reconstruction":
        graph = back_through(steps[:-1], graph)
    elif output == "prediction" and isinstance(last, CONVERTED):
        offset = offset_for(last, run(graph, _feeds(graph, rows))) if quantize else last.offset_
        graph = with_decision(graph, offset)
    elif answer.ndim == 1:
        graph = without_column(graph)
    graph = renamed(graph, output)
    graph.producer_name, graph.producer_version = "skae", __version__
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    _check(graph, rows[:_FEW])
    return graph


def _check(graph, rows):
    """Check that a graph is one, and that it runs: runtimes lack some operators in float64."""
    onnx = require("onnx", "onnx")
    try:
        onnx.checker.check_model(graph, full_check=True)
        run(graph, _feeds(graph, rows))
    except Exception as error:
        raise ValueError(
            f"The graph of this model does not run: {str(error).strip().splitlines()[0]} {_ADVICE}"
        ) from error


def _method_of(model, output):
    """Return what gives an output, or takes the same rows."""
    if output == "prediction":
        return model.predict
    return model.transform if hasattr(model, "transform") else model.inverse_transform


def _check_output(steps, output):
    """Refuse what the last step does not give."""
    last = steps[-1][1]
    of_skae = isinstance(last, CONVERTED)
    gives = {
        "codes": hasattr(last, "transform"),
        "reconstruction": of_skae and hasattr(last, "inverse_transform"),
        "score": of_skae and hasattr(last, "score_samples"),
        "prediction": hasattr(last, "predict"),
    }
    if output not in gives:
        raise ValueError(f"output must be one of {sorted(gives)}, got {output!r}.")
    if isinstance(last, type) or not any(gives.values()):
        raise TypeError(
            f"estimator must be a fitted estimator of skae, or a Pipeline of fitted steps, got "
            f"{last!r}."
        )
    if not gives[output]:
        possible = " or ".join(repr(name) for name in gives if gives[name])
        advice = " The steps before it are model[:-1]." if len(steps) > 1 else ""
        raise ValueError(
            f"output={output!r} is nothing that {type(last).__name__} gives. Use output="
            f"{possible}.{advice}"
        )


def _rows_of(X_sample):
    """Return the sample as an array or a DataFrame."""
    if sparse.issparse(X_sample):
        raise TypeError(
            "X_sample is a sparse matrix, and a graph takes dense rows. Give a few rows as "
            "X_sample[:10].toarray()."
        )
    return X_sample if hasattr(X_sample, "columns") else np.asarray(X_sample)


def _goes_by_column(rows, steps):
    """Whether the graph has an input for each column, which a ColumnTransformer may name."""
    return hasattr(rows, "columns") and any(
        isinstance(step, ColumnTransformer) for _, step in steps
    )


def _graph_of(steps, rows, output, quantize):
    """Let skl2onnx convert the model, its last step to what is asked for."""
    skl2onnx = require("skl2onnx", "onnx")
    _check_converters(steps)
    last = steps[-1][1]
    # Only float32 can be quantized.
    options = {kind: {"single": quantize} for kind in CONVERTED}
    # A detector that is not the last step is there for its codes.
    options[AutoencoderOutlierDetector]["output"] = "codes"
    # Of a classifier the labels are wanted alone; which of the two options it knows differs.
    of_last = [{"zipmap": False}, {"nocl": False}] if is_classifier(last) else [{}]
    if isinstance(last, CONVERTED):
        of_last = [{"output": "score" if output == "prediction" else output}]
    types = None
    if isinstance(rows, np.ndarray):
        known = require("skl2onnx.common.data_types", "onnx")
        single = rows.dtype == np.float32
        real = known.FloatTensorType if single else known.DoubleTensorType
        types = [("X", real([None, *rows.shape[1:]]))]
    for chosen in of_last:
        try:
            # Without steps that do nothing, which skl2onnx stumbles over.
            return skl2onnx.to_onnx(
                Pipeline(steps),
                rows,
                name="skae",
                initial_types=types,
                target_opset=OPSET,
                options={**options, id(last): chosen} if chosen else options,
            )
        except (ImportError, ValueError):
            raise
        except Exception as error:
            failure = error
    raise ValueError(f"skl2onnx cannot convert this model: {failure} {_ADVICE}") from failure


def _check_converters(steps):
    """Refuse steps that skl2onnx knows nothing of."""
    skl2onnx = require("skl2onnx", "onnx")
    for name, step in steps:
        try:
            skl2onnx.get_model_alias(type(step))
        except RuntimeError as error:
            if isinstance(step, CONVERTED):
                raise ValueError(
                    f"Step {name!r} has no converter to ONNX: {type(step).__name__} is a class of "
                    f"your own, and only those of skae itself have one."
                ) from error
            raise ValueError(
                f"Step {name!r} has no converter to ONNX: skl2onnx knows none for "
                f"{type(step).__name__}. Take another step, or do it before the graph: model[1:] "
                f"is the pipeline without its first step."
            ) from error


def _feeds(graph, rows):
    """Return rows as the inputs of a graph."""
    if isinstance(rows, np.ndarray):
        return {graph.graph.input[0].name: rows}
    return {name: rows[[name]].to_numpy() for name in rows.columns}
