"""From a fitted estimator or pipeline to a graph with one output."""

from copy import deepcopy
from functools import partial

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from skae import __version__
from skae._extras import require
from skae.detection import AutoencoderOutlierDetector

from ._comparison import ShapeDifferenceError, compare
from ._converters import CONVERTED, ConversionError
from ._decision import with_decision
from ._export import OPSET
from ._graphs import named, prefixed, with_one_output, without_column
from ._outputs import answer_of, check_output, is_tied, method_name
from ._quantization import quantized
from ._runtime import runner_of
from ._sample import arrays_of, as_floats, goes_by_column, rows_of
from ._steps import back_through, check_way_back, steps_of
from ._thresholds import offset_for
from ._trees import check_trees

# Some errors of skl2onnx hold all numbers of a model.
_MOST_CHARACTERS = 300

# Rows that tell what a model makes of rows.
_FEW = 2


def converted(model, X_sample, output, quantize):
    """Convert a model; see `skae.to_onnx`."""
    best = getattr(model, "best_estimator_", model)
    steps = steps_of(best)
    check_output(steps, output)
    if quantize and output == "p_value":
        raise ValueError(
            "output='p_value' cannot be quantized: scores move a little, and p-values compare them "
            "with those of held-out rows. Take quantize=False, or output='prediction', whose "
            "threshold is found anew."
        )
    if output == "reconstruction":
        check_way_back(steps[:-1])
    rows = rows_of(X_sample)
    answer = partial(answer_of, model, steps, output)
    # Raises the model's own errors, too: it is not fitted, or these are no rows for it.
    ndim = answer(rows[:_FEW]).ndim
    by_column = goes_by_column(rows, steps)
    if not isinstance(rows, pd.DataFrame):
        rows = as_floats(rows)
    check_trees(steps, rows, answer)
    # Names in graphs are text.
    given = rows.set_axis(map(str, rows.columns), axis=1) if by_column else as_floats(rows)
    inputs = list(given.columns) if by_column else ["X"]

    def finished(graph, offset):
        return _finished(graph, steps, output, ndim, inputs, offset)

    last = steps[-1][1]
    offset = getattr(last, "offset_", None)
    errors = []
    whole = _graph_of(steps, given, output, quantize)
    for graph in _with_each_output(whole):
        plain = finished(graph, offset)
        try:
            run = _checked(plain, given[:_FEW], by_column)
            names = method_name(output), output
            tied, jumps = partial(is_tied, model), not isinstance(last, CONVERTED)
            compare(run, answer, tied, rows, *names, _advice(given), jumps)
        except ValueError as error:
            errors.append(error)
            continue
        if not quantize:
            return plain
        graph = quantized(graph)
        if output == "prediction" and isinstance(last, CONVERTED):
            (scores,) = runner_of(graph)(arrays_of(given, by_column))
            offset = offset_for(last, scores)
        graph = finished(graph, offset)
        _checked(graph, given[:_FEW], by_column)
        return graph
    raise _most_telling(errors, whole, last, output)


def _with_each_output(model):
    """Yield a graph for each output of a graph that may be one."""
    for output in model.graph.output:
        if output.type.HasField("tensor_type"):
            yield prefixed(with_one_output(model, output.name), "steps/")


def _finished(graph, steps, output, ndim, inputs, offset):
    """Return a copy of a converted graph with its last nodes and names."""
    graph = deepcopy(graph)
    if output == "reconstruction":
        graph = back_through(steps[:-1], graph)
    elif output == "prediction" and isinstance(steps[-1][1], CONVERTED):
        graph = with_decision(graph, offset)
    elif ndim == 1:
        graph = without_column(graph)
    graph = named(graph, inputs, output)
    graph.producer_name, graph.producer_version = "skae", __version__
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    return graph


def _checked(graph, rows, by_column):
    """Run a graph once, as runtimes lack operators in float64; return a function that runs it."""
    try:
        require("onnx", "onnx").checker.check_model(graph, full_check=True)
        run = runner_of(graph)
        run(arrays_of(rows, by_column))
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(
            f"The graph of this model does not run: {str(error).strip().splitlines()[0]}"
            f"{_single_precision_advice(rows)}"
        ) from error
    return lambda rows: run(arrays_of(rows, by_column))[0]


def _most_telling(errors, whole, last, output):
    """Return the error to raise where no output of a graph is what was asked for."""
    for error in errors:
        if not isinstance(error, ShapeDifferenceError):
            return error
    names = ", ".join(output.name for output in whole.graph.output)
    return ValueError(
        f"skl2onnx has no graph for {method_name(output)} of {type(last).__name__}, only for "
        f"{names}. {' '.join(map(str, errors[:1]))}"
    )


def _advice(given):
    """Return what may help where a graph differs."""
    advice = (
        "The converter of a step computes something else: convert the steps before it, such as "
        "model[:-1], and do that step outside the graph."
    )
    if isinstance(given, np.ndarray):
        other = "float64" if given.dtype == np.float32 else "float32"
        advice += f" Or try X_sample.astype({other!r})."
    return advice


def _single_precision_advice(rows):
    """Return what may help rows of float64, of which some converters and runtimes know less."""
    types = [rows.dtype] if isinstance(rows, np.ndarray) else [*rows.dtypes]
    return " Try X_sample.astype('float32')." if np.dtype("float64") in types else ""


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
        # Labels are made of the scores later.
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
        except (ImportError, ConversionError):
            raise
        except Exception as error:
            failure = error
    reason = str(failure).strip().split("\n")[0][:_MOST_CHARACTERS]
    if isinstance(failure, KeyError):
        # Of an estimator inside another one.
        reason = f"it has no converter for {reason}."
    raise ValueError(
        f"skl2onnx cannot convert this model: {reason}{_single_precision_advice(rows)}"
    ) from failure


def _check_converters(steps):
    """Refuse steps that skl2onnx knows nothing of."""
    skl2onnx = require("skl2onnx", "onnx")
    last = steps[-1][1]
    for name, step in steps:
        try:
            skl2onnx.get_model_alias(type(step))
        except RuntimeError as error:
            if isinstance(step, CONVERTED):
                raise ValueError(
                    f"Step {name!r} has no converter to ONNX: {type(step).__name__} is a class of "
                    f"your own, and only those of skae itself have one."
                ) from error
            if isinstance(step, Pipeline):
                raise ValueError(
                    f"Step {name!r} has no converter to ONNX: {type(step).__name__} may do "
                    f"something else than its steps. If it does not, convert Pipeline(model.steps)."
                ) from error
            outside = (
                "after the graph: model[:-1] is the pipeline without its last step."
                if step is last
                else "before the graph: model[1:] is the pipeline without its first step."
            )
            raise ValueError(
                f"Step {name!r} has no converter to ONNX: skl2onnx knows none for "
                f"{type(step).__name__}. Take another step, or do it {outside}"
            ) from error
