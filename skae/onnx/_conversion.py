"""From a fitted estimator or pipeline to a graph with one output."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skae import __version__
from skae._extras import require
from skae.tables import PlainTable

from ._column_nodes import describe, finished_columns
from ._comparison import ShapeDifferenceError, compare
from ._converters import ConversionError
from ._detector_modules import offset_for
from ._estimators import KINDS, classes_with_graphs, outputs_of_networks
from ._export import OPSET
from ._graphs import Graph, decision, finished, with_one_output
from ._outputs import ModelOutput, once
from ._runtime import quantized, runner_of
from ._sample import Columns, Sample, check_sample, rows_of
from ._steps import Steps, check_way_back, way_back
from ._table_sample import TableSample
from ._trees import check_trees

# Rows that tell which shape the answers of a model have, and whether a graph runs.
_FEW = 2

# Some errors of skl2onnx hold all numbers of a model.
_MOST_CHARACTERS = 300


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
    sample, row_shape = _sample_of(X_sample, output)
    check_trees(output, sample)

    def finish(graph: Graph, offset: Any) -> Graph:
        """Return a graph of all steps with what is left to do, such as the way back."""
        if output.columns is not None:
            return finished_columns(graph, output.columns, sample.inputs, output.name)
        onnx, operations = require("onnx", "onnx"), []
        element_type = graph.graph.output[0].type.tensor_type.elem_type
        if output.is_detection:
            operations, element_type = decision(offset), onnx.TensorProto.INT64
        elif output.name == "reconstruction":
            dtype = onnx.helper.tensor_dtype_to_np_dtype(element_type)
            operations = way_back(output.steps[:-1], dtype)
        elif not row_shape:
            # skl2onnx gives numbers a column of their own now and then.
            operations = [("Reshape", [-1])]
        result = onnx.helper.make_tensor_type_proto(element_type, [None, *row_shape])
        return finished(graph, operations, result, sample.inputs, output.name)

    offset = getattr(output.last, "offset_", None)
    whole, errors = _graph_of_steps(output, sample, quantize), []
    for value in whole.graph.output:
        if not value.type.HasField("tensor_type"):
            continue
        steps = with_one_output(whole, value.name)
        graph = finish(steps, offset)
        try:
            run = once(_checked(graph, sample), {})
            for i, part in enumerate(output.parts()):
                compare(_part(run, i), part, sample)
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
        describe(graph, getattr(sample, "columns_of_fit", None), _with_gaps(output, sample))
        return graph
    raise _most_telling(errors, whole, output)


def _sample_of(X_sample: Any, output: ModelOutput) -> tuple[Sample, tuple[int, ...]]:
    """Return the sample of a caller, and the shape of the output for one of its rows.

    Raises the model's own errors, too: it is not fitted, or these are no rows for it.
    """
    check_sample(X_sample)
    table, part = PlainTable.of(output.model), output.parts()[0]
    if table is not None and not table.is_numeric:
        row_shape = part.of(X_sample).shape[1:]
        return TableSample(X_sample, table), row_shape
    rows = rows_of(X_sample)
    if table is not None and isinstance(rows, pd.DataFrame):
        # Numbers with gaps may be of a type that NumPy does not have.
        rows = rows.astype(dict.fromkeys(rows.select_dtypes(exclude="float32"), "float64"))
    row_shape = part.of(rows[:_FEW]).shape[1:]
    return Sample(rows, output.steps), row_shape


def _with_gaps(output: ModelOutput, sample: Sample) -> list[str]:
    """Return the inputs in which cells may be missing, as far as the first step tells."""
    if isinstance(sample, TableSample):
        return [one.name for one in sample.columns_of_fit.columns if one.takes_gaps]
    first = output.steps[0][1]
    takes = isinstance(first, KINDS) and get_tags(first).input_tags.allow_nan
    return sample.inputs if takes else []


def _graph_of_steps(output: ModelOutput, sample: Sample, single: bool) -> Graph:
    """Return a graph of all steps of a model, one of whose outputs is the one that is asked for.

    For predictions of an outlier detector these are scores. With `single` all networks compute in
    float32, which quantization needs.
    """
    skl2onnx = require("skl2onnx", "onnx")
    _check_converters(output.steps)
    for of_last in _options_of_last(output):
        try:
            # Without steps that do nothing, which skl2onnx stumbles over.
            return skl2onnx.to_onnx(
                Pipeline(output.steps),
                sample.table(),
                name="skae",
                initial_types=sample.types(),
                target_opset=OPSET,
                options=_options_of_classes(single) | of_last,
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
        f"skl2onnx cannot convert this model: {reason}{sample.advice_for_double()}"
    ) from failure


def _options_of_classes(single: bool) -> dict[Any, dict[str, Any]]:
    """Return the options of skae's estimators, which give their codes to the steps behind them."""
    classes = classes_with_graphs()
    return {kind: {"output": outputs_of_networks(kind)[0], "single": single} for kind in classes}


def _options_of_last(output: ModelOutput) -> list[dict[Any, dict[str, Any]]]:
    """Return options of the last step: one after the other is tried."""
    if output.is_imputer and output.columns is not None:
        return [{id(output.last): {"output": "completed_columns"}}]
    if output.of_skae:
        return [{id(output.last): {"output": "score" if output.is_detection else output.name}}]
    if is_classifier(output.last):
        # Its labels are wanted alone; which of the two it knows differs.
        return [{id(output.last): {option: False}} for option in ("zipmap", "nocl")]
    return [{}]


def _check_converters(steps: Steps) -> None:
    """Refuse steps that skl2onnx knows nothing of."""
    skl2onnx = require("skl2onnx", "onnx")
    for i, (name, step) in enumerate(steps):
        try:
            skl2onnx.get_model_alias(type(step))
        except RuntimeError as error:
            kind = type(step).__name__
            if isinstance(step, KINDS):
                reason = f"{kind} is a class of your own, and only those of skae itself have one."
            elif isinstance(step, Pipeline):
                reason = (
                    f"{kind} may do something else than its steps. If it does not, convert "
                    f"Pipeline(model.steps)."
                )
            else:
                outside = "before the graph: model[1:] is the pipeline without its first step."
                if i == len(steps) - 1:
                    outside = "after the graph: model[:-1] is the pipeline without its last step."
                reason = f"skl2onnx knows none for {kind}. Take another step, or do it {outside}"
            raise ValueError(f"Step {name!r} has no converter to ONNX: {reason}") from error


def _checked(graph: Graph, sample: Sample) -> Callable[[Columns], list[np.ndarray]]:
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
    return lambda columns: run(sample.arrays(columns))


def _part(run: Callable[[Columns], list[np.ndarray]], i: int) -> Callable[[Columns], np.ndarray]:
    """Return a function that gives one of the outputs of a graph."""
    return lambda columns: run(columns)[i]


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
