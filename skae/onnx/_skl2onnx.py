"""Whole models as graphs of skl2onnx."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from skae._extras import require

from ._converters import ConversionError
from ._estimators import KINDS, classes_with_graphs, outputs_of_networks
from ._export import OPSET
from ._graphs import Graph
from ._outputs import ModelOutput
from ._sample import Sample
from ._steps import Steps

# Some errors of skl2onnx hold all numbers of a model.
_MOST_CHARACTERS = 300


def skl2onnx_graph(output: ModelOutput, sample: Sample, single: bool) -> Graph:
    """Return the graph of all steps of a model, which may have other outputs beside.

    Of a detection it has the scores. With `single` networks compute in float32 in any case, as only
    that can be quantized.
    """
    skl2onnx = require("skl2onnx", "onnx")
    _check_converters(output.steps)
    rows, types = sample.table(), None
    if isinstance(rows, np.ndarray):
        known = require("skl2onnx.common.data_types", "onnx")
        real = known.FloatTensorType if rows.dtype == np.float32 else known.DoubleTensorType
        types = [("X", real([None, *rows.shape[1:]]))]
    for of_last in _options_of_last(output):
        try:
            # Without steps that do nothing, which skl2onnx stumbles over.
            return skl2onnx.to_onnx(
                Pipeline(output.steps),
                rows,
                name="skae",
                initial_types=types,
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
