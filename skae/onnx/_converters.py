"""Converters with which skl2onnx takes skae's estimators into its graphs."""

import numpy as np
import torch

from skae import estimators
from skae._extras import require
from skae.detection import AutoencoderOutlierDetector
from skae.estimators import Decoder, Encoder
from skae.estimators.base import BaseAutoencoder

from ._autoencoder_modules import module_of
from ._decision import decided
from ._detector_modules import DetectorModule
from ._export import OPSET, exported

_OUTPUTS = ("codes", "reconstruction", "score")
_OUTPUTS_OF_DETECTORS = (*_OUTPUTS, "p_value")

# Names of all that is an estimator of skae in a graph begin with this, and a slash follows.
NETWORK = "skae"


class ConversionError(ValueError):
    """An estimator of skae that has no graph."""


CONVERTED = (
    AutoencoderOutlierDetector,
    Decoder,
    Encoder,
    *(
        estimator
        for estimator in map(vars(estimators).get, estimators.__all__)
        if issubclass(estimator, BaseAutoencoder)
    ),
)


def register():
    """Make skl2onnx know the estimators of skae."""
    skl2onnx = require("skl2onnx", "onnx")
    for estimator in CONVERTED:
        detector = issubclass(estimator, AutoencoderOutlierDetector)
        outputs = _OUTPUTS_OF_DETECTORS if detector else _OUTPUTS
        skl2onnx.update_registered_converter(
            estimator,
            _alias(estimator),
            _set_output_types,
            _convert,
            parser=_parse,
            options={"output": outputs, "single": (False, True)},
        )


def _alias(estimator):
    return f"Skae{estimator.__name__}"


def _parse(scope, model, inputs, custom_parsers=None):
    """Declare what comes out of an estimator; the names say what it is."""
    operator = scope.declare_local_operator(_alias(type(model)), model)
    operator.inputs = inputs
    chosen = scope.get_options(model, {"output": None})["output"]
    if chosen is not None:
        names = [chosen]
    elif isinstance(model, AutoencoderOutlierDetector):
        # What skl2onnx calls the predictions and decisions of its own outlier detectors.
        names = ["label", "scores"]
    else:
        names = ["reconstruction" if isinstance(model, Decoder) else "codes"]
    types = _output_types(operator)
    for name in names:
        operator.outputs.append(scope.declare_local_variable(name, types[name]))
    return operator.outputs


def _set_output_types(operator):
    """Set type and shape of what was declared, once those of the input are known."""
    types = _output_types(operator)
    for output in operator.outputs:
        output.type = types[output.raw_name]


def _output_types(operator):
    """Return type and shape of everything that may come out of an estimator."""
    types = require("skl2onnx.common.data_types", "onnx")
    single = _dtype_of(operator) == torch.float32
    real = types.FloatTensorType if single else types.DoubleTensorType
    estimator, row_shape = operator.raw_operator, _row_shape_of(operator)
    autoencoder = _autoencoder_of(estimator)
    n_codes = getattr(estimator, "_n_features_out", autoencoder.n_components_)
    if isinstance(estimator, Decoder):
        row_shape = autoencoder._row_shape or (autoencoder.n_features_in_,)
    return {
        "codes": real([None, n_codes]),
        "reconstruction": real([None, *row_shape]),
        "score": types.DoubleTensorType([None]),
        "p_value": types.DoubleTensorType([None]),
        "scores": types.DoubleTensorType([None]),
        "label": types.Int64TensorType([None]),
    }


def _convert(scope, operator, container):
    """Put the graph of an estimator into that of skl2onnx."""
    outputs = {output.raw_name: output.onnx_name for output in operator.outputs}
    method = "score" if "label" in outputs else next(iter(outputs))
    model = _exported(operator, method, container)
    result = _embedded(scope, container, model, _rows_of(scope, operator, container))
    if method in outputs:
        container.add_node("Identity", [result], [outputs[method]])
        return
    offset = operator.raw_operator.offset_
    nodes, constants = decided(result, outputs["scores"], outputs["label"], offset)
    container.nodes.extend(nodes)
    from_array = require("onnx.numpy_helper", "onnx").from_array
    container.initializers.extend(
        from_array(np.array(value), name) for name, value in constants.items()
    )


def _exported(operator, method, container):
    """Return what a method of an estimator's module does as a model of its own."""
    estimator, opset = operator.raw_operator, container.target_opset
    if opset < OPSET:
        raise ConversionError(
            f"target_opset={opset} is too old for {type(estimator).__name__}, which needs "
            f"target_opset={OPSET} at least."
        )
    _check_classes(estimator)
    autoencoder = _autoencoder_of(estimator)
    single = container.get_options(estimator, {"single": False})["single"]
    if isinstance(estimator, AutoencoderOutlierDetector):
        module = DetectorModule(estimator, single)
    else:
        module = module_of(autoencoder, single)
    if isinstance(estimator, Decoder):
        method = "shaped_rows"
    try:
        return exported(module, method, _row_shape_of(operator), _dtype_of(operator), opset)
    except ValueError as error:
        raise ConversionError(
            f"network={autoencoder.network_!r} has no graph in ONNX: {error}"
        ) from error


def _autoencoder_of(estimator):
    """Return the autoencoder that an estimator is, or is half of, or one of its members."""
    return _autoencoders_of(estimator)[0]


def _autoencoders_of(estimator):
    if isinstance(estimator, AutoencoderOutlierDetector):
        return estimator.estimators_
    return [estimator.autoencoder if isinstance(estimator, Encoder | Decoder) else estimator]


def _check_classes(estimator):
    """Refuse an estimator with an autoencoder of a class that may answer in its own way."""
    for autoencoder in _autoencoders_of(estimator):
        if type(autoencoder) not in CONVERTED:
            raise ConversionError(
                f"{type(estimator).__name__} has no converter to ONNX: its autoencoder is a "
                f"{type(autoencoder).__name__}, a class of your own, and what that does in its own "
                f"way would be missing in the graph."
            )


def _dtype_of(operator):
    """Return the type in which the estimator takes its rows, as its `transform` has it."""
    types = require("skl2onnx.common.data_types", "onnx")
    single = isinstance(operator.inputs[0].type, types.FloatTensorType)
    return torch.float32 if single else torch.float64


def _row_shape_of(operator):
    """Return the shape of the rows, which may be images or windows."""
    estimator, shape = operator.raw_operator, operator.inputs[0].type.shape
    if len(shape) > 2:
        return tuple(shape[1:])
    if isinstance(estimator, Decoder):
        return (estimator.autoencoder.n_components_,)
    return (estimator.n_features_in_,)


def _rows_of(scope, operator, container):
    """Return the name of the rows: one table, as floating point numbers."""
    names = [variable.onnx_name for variable in operator.inputs]
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


def _embedded(scope, container, model, rows):
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
