"""From a fitted estimator or pipeline to a graph with one output."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skae import __version__
from skae._extras import require

from ._comparison import ShapeDifferenceError, compare
from ._detector_modules import offset_for
from ._graphs import Ending, Graph, decision, finished, with_one_output
from ._outputs import ModelOutput
from ._runtime import quantized, runner_of
from ._sample import Columns, Sample, rows_of
from ._skl2onnx import skl2onnx_graph
from ._steps import check_way_back, way_back
from ._trees import check_trees

# Rows that tell which shape the answers of a model have, and whether a graph runs.
_FEW = 2


def converted(model: BaseEstimator, X_sample: Any, output_name: str, quantize: bool) -> Graph:
    """Return the graph of a model; see `skae.to_onnx`."""
    output = ModelOutput(model, output_name)
    if quantize and output.name == "p_value":
        raise ValueError(
            "output='p_value' cannot be quantized: scores move a little, and p-values compare them "
            "with those of held-out rows. Take quantize=False, or output='prediction', whose "
            "threshold is found anew."
        )
    if output.name == "reconstruction":
        check_way_back(output.steps[:-1])
    rows = rows_of(X_sample)
    # Raises the model's own errors, too: it is not fitted, or these are no rows for it.
    row_shape = output.of(rows[:_FEW]).shape[1:]
    sample = Sample(rows, output.steps)
    check_trees(output, sample)

    def finish(graph: Graph, offset: Any) -> Graph:
        ending = _ending(output, graph, row_shape, offset)
        return finished(graph, ending, sample.inputs, output.name)

    offset = getattr(output.last, "offset_", None)
    whole, errors = skl2onnx_graph(output, sample, quantize), []
    for value in whole.graph.output:
        if not value.type.HasField("tensor_type"):
            continue
        steps = with_one_output(whole, value.name)
        graph = finish(steps, offset)
        try:
            compare(_checked(graph, sample), output, sample)
        except ValueError as error:
            errors.append(error)
            continue
        if quantize:
            steps = quantized(steps)
            if output.is_detection:
                (scores,) = runner_of(steps)(sample.arrays(sample.columns))
                offset = offset_for(output.last, scores)
            graph = finish(steps, offset)
            _checked(graph, sample)
        graph.producer_name, graph.producer_version = "skae", __version__
        return graph
    raise _most_telling(errors, whole, output)


def _ending(output: ModelOutput, graph: Graph, row_shape: tuple[int, ...], offset: Any) -> Ending:
    """Return what is left to do behind a graph of all steps, such as the way back through them."""
    onnx = require("onnx", "onnx")
    if output.is_detection:
        return Ending(decision(offset), element_type=onnx.TensorProto.INT64)
    if output.name == "reconstruction":
        element_type = graph.graph.output[0].type.tensor_type.elem_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(element_type)
        return Ending(way_back(output.steps[:-1], dtype), row_shape)
    # skl2onnx gives numbers a column of their own now and then.
    return Ending() if row_shape else Ending([("Reshape", [-1])])


def _checked(graph: Graph, sample: Sample) -> Callable[[Columns], np.ndarray]:
    """Return a function that runs a graph; it ran once, as runtimes lack operators in float64."""
    try:
        require("onnx", "onnx").checker.check_model(graph, full_check=True)
        run = runner_of(graph)
        run(sample.arrays([values[:_FEW] for values in sample.columns]))
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(
            f"The graph of this model does not run: {str(error).strip().splitlines()[0]}"
            f"{sample.advice_for_double()}"
        ) from error
    return lambda columns: run(sample.arrays(columns))[0]


def _most_telling(errors: list[ValueError], whole: Graph, output: ModelOutput) -> ValueError:
    """Return the error to raise where no output of a graph is the one that was asked for."""
    for error in errors:
        if not isinstance(error, ShapeDifferenceError):
            return error
    names = ", ".join(value.name for value in whole.graph.output)
    return ValueError(
        f"skl2onnx has no graph for {output.method} of {type(output.last).__name__}, only for "
        f"{names}. {' '.join(map(str, errors[:1]))}"
    )
