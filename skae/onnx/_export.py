"""Torch modules as ONNX graphs that skl2onnx can take into its own."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from skae._extras import require
from skae.networks import Linear

from ._graphs import Graph

# The oldest operator set that exported modules need; any newer runtime knows it.
OPSET = 18

# A file holds 2 GiB; the rest is room for the graph.
_MOST_BYTES = 2**31 - 2**24


def exported(
    module: nn.Module, method: str, row_shape: tuple[int, ...], dtype: torch.dtype, opset: int
) -> Graph:
    """Return a graph of a method of a module for any number of rows, in one piece.

    Raise ValueError if torch cannot export the module, or only for a fixed number of rows.
    """
    require("onnxscript", "onnx")
    n_bytes = sum(values.nbytes for values in (*module.parameters(), *module.buffers()))
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"its numbers take {n_bytes / 2**30:.1f} GiB, and an ONNX file in one piece holds 2. "
            f"Fit a smaller network; of an outlier detector, fewer members (n_estimators) or one "
            f"with scoring='reconstruction', which remembers no covariances."
        )
    module.eval().forward = getattr(module, method)
    for layer in module.modules():
        if isinstance(layer, Linear):
            # Outside training these pad their input, for the sake of torch's kernels alone.
            layer.training = True
    # A graph that is traced with a single row might hold for one row only.
    rows = torch.zeros(2, *row_shape, dtype=dtype, device="cpu")
    try:
        with (
            # Torch tells of absent libraries and of how it traces.
            only_logging(logging.CRITICAL + 1, "torch"),
            warnings.catch_warnings(action="ignore"),
            torch.random.fork_rng(devices=[]),
        ):
            program: Any = torch.onnx.export(
                module,
                (rows,),
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise ValueError(f"torch.onnx.export cannot follow it: {_first_cause(error)}") from error
    model = program.model_proto
    if not model.graph.input[0].type.tensor_type.shape.dim[0].dim_param:
        raise ValueError(
            "it only works for a fixed number of rows. Ask for that number with x.shape[0], not "
            "with len(x), and let no shape depend on it otherwise."
        )
    constants = {one.name: one for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Loop":
            _take_in(node.attribute[0].g, constants)
    nodes = [same for node in model.graph.node for same in _without_gap(node)]
    for node in nodes:
        # Torch writes where it traced them: paths of the machine, half of a small file.
        del node.metadata_props[:]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _first_cause(error: BaseException) -> str:
    """Return the first line of the error at the start of a chain of errors."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0]


def _take_in(body: Any, constants: dict[str, Any]) -> None:
    """Put the constants that the body of a loop uses into it, under names of its own.

    onnx, where it renames what is in a graph, forgets those that are used in loops alone.
    """
    helper = require("onnx", "onnx").helper
    used = {name for node in body.node for name in node.input if name in constants}
    for node in body.node:
        node.input[:] = [f"{body.name}_{one}" if one in used else one for one in node.input]
    for name in sorted(used):
        node = helper.make_node("Constant", [], [f"{body.name}_{name}"], value=constants[name])
        body.node.insert(0, node)


def _without_gap(node: Any) -> Iterator[Any]:
    """Yield nodes that do the same as one, and leave out no optional input before a given one.

    skl2onnx sorts nodes by the names of their inputs, and never finds the empty name of an input
    that is left out.
    """
    onnx = require("onnx", "onnx")
    make_node = onnx.helper.make_node
    if node.op_type == "Clip" and len(node.input) == 3 and not node.input[1]:
        value, _, most = node.input
        yield make_node("Min", [value, most], node.output, name=node.name)
        return
    if node.op_type == "Loop" and not node.input[0]:
        # A condition ends the loop before so many steps.
        steps = onnx.numpy_helper.from_array(np.array(2**31 - 1), f"{node.name}_steps")
        yield make_node("Constant", [], [steps.name], value=steps)
        node.input[0] = steps.name
    if node.op_type in ("GRU", "LSTM", "RNN") and len(node.input) > 4 and not node.input[4]:
        # All sequences of a batch are as long as the longest.
        steps, batch, lengths = (f"{node.name}_{what}" for what in ("steps", "batch", "lengths"))
        yield make_node("Shape", [node.input[0]], [steps], start=0, end=1)
        yield make_node("Shape", [node.input[0]], [batch], start=1, end=2)
        yield make_node("Expand", [steps, batch], [f"{lengths}_64"])
        yield make_node("Cast", [f"{lengths}_64"], [lengths], to=onnx.TensorProto.INT32)
        node.input[4] = lengths
    yield node


@contextmanager
def only_logging(level: int, name: str | None = None) -> Iterator[None]:
    """Set the level of a logger, by default of the root, for a while."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)
