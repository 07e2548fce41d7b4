"""Converters with which skl2onnx takes skae's estimators into its graphs."""

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from torch import nn

from skae._extras import require
from skae.detection import AutoencoderOutlierDetector
from skae.estimators.base import Decoder
from skae.imputation import AutoencoderImputer
from skae.tables import PlainTable

from ._autoencoder_modules import DecoderModule, autoencoder_module
from ._column_nodes import ML_DOMAIN, ML_OPSET, Nodes, encoded
from ._detector_modules import detector_module
from ._estimators import (
    SUPERVISED,
    autoencoders_of,
    classes_with_graphs,
    outputs_of_networks,
    shapes_of,
)
from ._export import OPSET, exported
from ._graphs import Graph, chain, decision
from ._imputer_module import ImputerModule, is_numeric
from ._supervised_module import (
    SupervisedModule,
    is_of_head,
    output_of_head,
    output_types,
    usual_outputs,
)
from ._table_sample import input_types

# Columns that an error names.
_NAMED = 5

# Names of all that is an estimator of skae in a graph begin with this, and a slash follows.
NETWORK = "skae"


class ConversionError(ValueError):
    """An estimator of skae that has no graph."""


def register() -> None:
    """Make skl2onnx know the estimators of skae."""
    skl2onnx = require("skl2onnx", "onnx")
    for kind in classes_with_graphs():
        # skl2onnx sets this for classifiers in pipelines; probabilities are a tensor anyway.
        zipmap = {"zipmap": (False, True)} if issubclass(kind, ClassifierMixin) else {}
        skl2onnx.update_registered_converter(
            kind,
            f"Skae{kind.__name__}",
            _set_output_types,
            _convert,
            parser=_parse,
            options={"output": outputs_of_networks(kind), "single": (False, True)} | zipmap,
        )


def _parse(scope: Any, model: BaseEstimator, inputs: list, custom_parsers: Any = None) -> list:
    """Declare what comes out of an estimator; the names say what it is."""
    alias = require("skl2onnx", "onnx").get_model_alias(type(model))
    operator = scope.declare_local_operator(alias, model)
    operator.inputs = inputs
    names = outputs_of_networks(type(model))[:1]
    # The names that skl2onnx gives the predictions and decisions of its own predictors.
    if isinstance(model, AutoencoderOutlierDetector):
        names = ["label", "scores"]
    elif isinstance(model, SUPERVISED):
        names = usual_outputs(model)
    chosen = scope.get_options(model, {"output": None})["output"]
    types = _output_types(operator)
    for name in names if chosen is None else [chosen]:
        operator.outputs.append(scope.declare_local_variable(name, types[name]))
    return operator.outputs


def _set_output_types(operator: Any) -> None:
    """Set type and shape of what was declared, once those of the input are known."""
    types = _output_types(operator)
    for output in operator.outputs:
        output.type = types[output.raw_name]


def _output_types(operator: Any) -> dict[str, Any]:
    """Return type and shape of everything that may come out of an estimator."""
    types = require("skl2onnx.common.data_types", "onnx")
    real = types.FloatTensorType if _is_single(operator) else types.DoubleTensorType
    estimator = operator.raw_operator
    shapes = shapes_of(estimator)
    rows = shapes.decoded if isinstance(estimator, Decoder) else _row_shape_of(operator)
    of_head = output_types(estimator, real) if isinstance(estimator, SUPERVISED) else {}
    return {
        "codes": real([None, *shapes.codes]),
        "completed": real([None, *shapes.taken]),
        "completed_columns": types.DoubleTensorType([None, *shapes.taken]),
        "reconstruction": real([None, *rows]),
        "score": types.DoubleTensorType([None]),
        "p_value": types.DoubleTensorType([None]),
        "scores": types.DoubleTensorType([None]),
        "label": types.Int64TensorType([None]),
    } | of_head


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Put the graph of an estimator into that of skl2onnx."""
    outputs = {output.raw_name: output.onnx_name for output in operator.outputs}
    if isinstance(operator.raw_operator, SUPERVISED) and all(map(is_of_head, outputs)):
        _convert_head(scope, operator, container, outputs)
        return
    method = "score" if "label" in outputs else next(iter(outputs))
    model = _exported(operator, method, container)
    found = {method: _embedded(scope, container, model, _rows_of(scope, operator, container))}
    if "label" in outputs:
        # No name of skl2onnx's own holds a slash.
        prefix = f"{outputs['label']}/"
        nodes, constants = chain(found["score"], decision(operator.raw_operator.offset_), prefix)
        container.nodes.extend(nodes)
        container.initializers.extend(constants)
        found = {"scores": nodes[0].output[0], "label": nodes[-1].output[0]}
    for name, onnx_name in outputs.items():
        container.add_node("Identity", [found[name]], [onnx_name])


def _convert_head(scope: Any, operator: Any, container: Any, outputs: dict[str, str]) -> None:
    """Put the graph of the answers of a head into that of skl2onnx."""
    model = _exported(operator, "answers", container)
    answers = _embedded(scope, container, model, _rows_of(scope, operator, container))
    # No name of skl2onnx's own holds a slash.
    nodes = Nodes(f"{scope.get_unique_operator_name('head')}/")
    dtype = np.dtype(np.float32 if _is_single(operator) else np.float64)
    for name, onnx_name in outputs.items():
        found = output_of_head(nodes, operator.raw_operator, name, answers, dtype)
        container.add_node("Identity", [found], [onnx_name])
    container.nodes.extend(nodes.nodes)
    container.initializers.extend(nodes.constants)


def _exported(operator: Any, method: str, container: Any) -> Graph:
    """Return a method of an estimator's module as a model of its own."""
    estimator, opset = operator.raw_operator, container.target_opset
    if opset < OPSET:
        raise ConversionError(
            f"target_opset={opset} is too old for {type(estimator).__name__}, which needs "
            f"target_opset={OPSET} at least."
        )
    if not isinstance(estimator, AutoencoderImputer):
        _check_classes(estimator)
    elif method == "completed" and not is_numeric(estimator):
        raise ConversionError(
            "AutoencoderImputer of columns of several types has a graph only as the last step: "
            "what it gives is no matrix. Convert it alone, and the steps behind it alone."
        )
    single = container.get_options(estimator, {"single": False})["single"]
    dtype = torch.float32 if _is_single(operator) else torch.float64
    try:
        module = _module_of(estimator, single)
        return exported(module, method, _row_shape_of(operator), dtype, opset)
    except ValueError as error:
        if isinstance(estimator, AutoencoderImputer):
            raise ConversionError(f"AutoencoderImputer has no graph in ONNX: {error}") from error
        network = autoencoders_of(estimator)[0].network_
        raise ConversionError(f"network={network!r} has no graph in ONNX: {error}") from error


def _module_of(estimator: BaseEstimator, single: bool) -> nn.Module:
    """Return a module whose methods are named after the outputs of an estimator of skae."""
    if isinstance(estimator, AutoencoderOutlierDetector):
        return detector_module(estimator, single)
    if isinstance(estimator, AutoencoderImputer):
        return ImputerModule(estimator)
    if isinstance(estimator, SUPERVISED):
        return SupervisedModule(estimator, single)
    (autoencoder,) = autoencoders_of(estimator)
    if isinstance(estimator, Decoder):
        return DecoderModule(autoencoder, single)
    return autoencoder_module(autoencoder, single)


def _check_classes(estimator: BaseEstimator) -> None:
    """Refuse an estimator with an autoencoder of a class that may answer in its own way."""
    kind = type(autoencoders_of(estimator)[0])
    if kind not in classes_with_graphs():
        raise ConversionError(
            f"{type(estimator).__name__} has no converter to ONNX: its autoencoder is a "
            f"{kind.__name__}, a class of your own, and what that does in its own way would be "
            f"missing in the graph."
        )


def _is_single(operator: Any) -> bool:
    """Return whether the rows are float32; any others become float64."""
    types = require("skl2onnx.common.data_types", "onnx")
    return isinstance(operator.inputs[0].type, types.FloatTensorType)


def _row_shape_of(operator: Any) -> tuple[int, ...]:
    """Return the shape of the rows, which may be images or windows."""
    shape = operator.inputs[0].type.shape
    return tuple(shape[1:]) if len(shape) > 2 else shapes_of(operator.raw_operator).taken


def _rows_of(scope: Any, operator: Any, container: Any) -> str:
    """Return the name of the rows: one table, as floating point numbers."""
    names = [variable.onnx_name for variable in operator.inputs]
    table = PlainTable.of(operator.raw_operator)
    if table is not None and not table.is_numeric:
        _check_columns(operator, table)
        # No name of skl2onnx's own holds a slash.
        nodes = Nodes(f"{scope.get_unique_operator_name('columns')}/")
        rows = encoded(nodes, table, names)
        container.nodes.extend(nodes.nodes)
        container.initializers.extend(nodes.constants)
        container.node_domain_version_pair_sets.add((ML_DOMAIN, ML_OPSET))
        return rows
    rows = names[0]
    if len(names) > 1:
        rows = scope.get_unique_variable_name("columns")
        container.add_node("Concat", names, [rows], axis=1)
    types = require("skl2onnx.common.data_types", "onnx")
    if isinstance(operator.inputs[0].type, types.FloatTensorType | types.DoubleTensorType):
        return rows
    numbers = scope.get_unique_variable_name("numbers")
    double = require("onnx", "onnx").TensorProto.DOUBLE
    container.add_node("Cast", [rows], [numbers], to=double)
    return numbers


def _check_columns(operator: Any, table: PlainTable) -> None:
    """Refuse rows that are not the columns of the table that an estimator was fitted on."""
    found = [(type(one.type), one.raw_name) for one in operator.inputs]
    if found != [(type(one), name) for name, one in input_types(table)]:
        raise ConversionError(
            f"{type(operator.raw_operator).__name__} was fitted on columns of several types, "
            f"{', '.join(table.names[:_NAMED])}{', ...' if len(table.names) > _NAMED else ''}, and "
            f"only as the first step has it a graph that takes these. Make it the first step, or "
            f"encode the table as numbers before it."
        )


def _embedded(scope: Any, container: Any, model: Graph, rows: str) -> str:
    """Add the nodes of a model to a graph, and return the name of what comes out of them."""
    compose = require("onnx.compose", "onnx")
    prefix = scope.get_unique_operator_name(NETWORK)
    graph = compose.add_prefix(model, f"{prefix}/").graph
    container.add_node("Identity", [rows], [graph.input[0].name])
    container.nodes.extend(graph.node)
    container.initializers.extend(graph.initializer)
    for domain in model.opset_import:
        container.node_domain_version_pair_sets.add((domain.domain, domain.version))
    return graph.output[0].name
