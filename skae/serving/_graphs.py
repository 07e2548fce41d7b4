"""ONNX graphs that are served."""

import numpy as np

from ._models import MixedRowsError, Model
from ._tensors import TensorSpec, kind_of

# What ONNX Runtime calls the types that the protocol has, other than its integers.
_DATATYPES = {
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
} | {f"tensor({u}int{n})": f"{u}int{n}".upper() for u in ("", "u") for n in (8, 16, 32, 64)}


class OnnxModel(Model):
    """An ONNX graph in onnxruntime, on one thread.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Its graph has inputs of any number of rows.

    Raises
    ------
    ValueError
        If an input or all outputs have another form.
    """

    platform = "onnx_onnxv1"

    def __init__(self, session):
        self._session = session
        self.inputs = tuple(map(_spec, session.get_inputs()))
        self._dtypes = [kind_of(spec.datatype)[spec.datatype] for spec in self.inputs]
        # What is no tensor, as a list of dictionaries is, the protocol cannot send.
        outputs = [one for one in session.get_outputs() if one.type.startswith("tensor")]
        if not outputs or not self.inputs:
            raise ValueError(
                "The graph has no tensors as inputs or outputs. Of a classifier, export it with "
                "the option zipmap=False, as skae.to_onnx does."
            )
        try:
            self.outputs = self.describe(self._zeros(), tuple(one.name for one in outputs))
        except MixedRowsError:
            raise
        except ValueError:
            # Of words it may only take those that it knows.
            self.outputs = {one.name: _declared(one) for one in outputs}

    def compute(self, inputs, names):
        """Compute some outputs of rows; see `Model.compute`."""
        with np.errstate(over="ignore"):
            feeds = {
                spec.name: values.astype(dtype, copy=False)
                for spec, dtype, values in zip(self.inputs, self._dtypes, inputs, strict=True)
            }
        try:
            results = self._session.run(list(names), feeds)
        except Exception as error:
            # The types are right, so it is the values. Its exceptions have no other common class.
            raise ValueError(str(error)) from error
        return dict(zip(names, results, strict=True))

    def _zeros(self):
        return tuple(
            np.full((1, *spec.shape[1:]), "" if dtype.kind == "O" else 0, dtype)
            for spec, dtype in zip(self.inputs, self._dtypes, strict=True)
        )


def _declared(output):
    """Describe an output as the graph declares it."""
    sizes = [size if isinstance(size, int) else -1 for size in output.shape[1:]]
    return TensorSpec(output.name, _DATATYPES.get(output.type, "BYTES"), [-1, *sizes])


def _spec(value):
    """Describe an input of a graph, or refuse it."""
    sizes, datatype = value.shape, _DATATYPES.get(value.type)
    any_rows = bool(sizes) and not isinstance(sizes[0], int)
    if datatype is None or not any_rows or not all(isinstance(size, int) for size in sizes[1:]):
        raise ValueError(
            f"Each input of the graph must be a tensor of numbers, booleans or strings, of shape "
            f"(any number of rows, fixed sizes), got {value.name}: {value.type} of shape {sizes}. "
            f"Name the first axis when the graph is made, as dynamic_shapes or dynamic_axes of "
            f"torch.onnx.export do, and give all others their size."
        )
    return TensorSpec(value.name, datatype, [-1, *sizes[1:]])
