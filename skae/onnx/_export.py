"""Torch modules as ONNX graphs."""

import logging
import warnings
from contextlib import contextmanager

import torch
from torch import nn

from skae._extras import require
from skae.networks import Linear

from ._optional_inputs import without_gaps

# The oldest operator set that what is exported here needs; any newer runtime knows it.
OPSET = 18

# What a file may hold, less some space for the graph.
_MOST_BYTES = 2**31 - 2**24


class _Method(nn.Module):
    """A method of a module as the `forward` of another."""

    def __init__(self, module, method):
        super().__init__()
        self.module, self.method = module, method

    def forward(self, X):
        """Return what the method returns."""
        return getattr(self.module, self.method)(X)


def exported(module, method, row_shape, dtype, opset=OPSET):
    """Export what a method of a module does with rows.

    Parameters
    ----------
    module : torch.nn.Module
        Its method takes a tensor of shape (n_samples, \\*row_shape) and returns one.
    method : str
        Which method.
    row_shape : tuple of int
        Shape of a row.
    dtype : torch.dtype
        Of the rows.
    opset : int, default=OPSET
        Operator set of the graph.

    Returns
    -------
    model : onnx.ModelProto
        From ``X`` to ``Y``, for any number of rows, in one piece.

    Raises
    ------
    ValueError
        If torch cannot export the module, or only for a fixed number of rows.
    """
    require("onnxscript", "onnx")
    n_bytes = sum(values.nbytes for values in (*module.parameters(), *module.buffers()))
    if n_bytes > _MOST_BYTES:
        raise ValueError(
            f"its numbers take {n_bytes / 2**30:.1f} GiB, and an ONNX file in one piece holds 2. "
            f"Fit a smaller network; of an outlier detector, fewer members (n_estimators) or one "
            f"with scoring='reconstruction', which remembers no covariances."
        )
    module = _Method(module, method).eval()
    for layer in module.modules():
        if isinstance(layer, Linear):
            # Outside training these pad their input, for the sake of torch's kernels alone.
            layer.training = True
    # A graph that is traced with a single row might hold for one row only.
    rows = torch.zeros(2, *row_shape, dtype=dtype, device="cpu")
    try:
        with _quiet(), torch.random.fork_rng(devices=[]):
            program = torch.onnx.export(
                module,
                (rows,),
                input_names=["X"],
                output_names=["Y"],
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
    return without_gaps(model)


def _first_cause(error):
    """Return the first line of what an error came from in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().split("\n")[0]


@contextmanager
def _quiet():
    """Keep back what torch says beside its errors: of absent libraries, of how it traces."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
