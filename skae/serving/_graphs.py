"""ONNX graphs that are served."""

import numpy as np

from ._models import Model
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
        names = [one.name for one in session.get_outputs() if one.type.startswith("tensor")]
        if not names or not self.inputs:
            raise ValueError(
                "The graph has no tensors as inputs or outputs. Of a classifier, export it with "
                "the option zipmap=False, as skae.to_onnx does."
            )
        self.outputs = self._try_out(tuple(names))

    def run(self, inputs, names):
        """Compute some outputs of rows; see `Model.run`."""
        with np.errstate(over="ignore"):
            feeds = {
                spec.name: values.astype(dtype, copy=False)
                for spec, dtype, values in zip(self.inputs, self._dtypes, inputs, strict=True)
            }
        return dict(zip(names, self._session.run(list(names), feeds), strict=True))

    def _try_out(self, names):
        """Describe the outputs by a row of zeros, or of ones where zero is no value."""
        try:
            return self.describe(self._row_of(0), names)
        except ValueError:
            raise
        except Exception:
            # Its exceptions have no common class but this one.
            return self.describe(self._row_of(1), names)

    def _row_of(self, number):
        return tuple(
            np.full((1, *spec.shape[1:]), str(number) if dtype.kind == "O" else number, dtype)
            for spec, dtype in zip(self.inputs, self._dtypes, strict=True)
        )


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
