"""ONNX graphs that are served."""

import json
from typing import Any

import numpy as np

from skae.tables import GAPS_KEY

from ._served_model import Inputs, MixedRowsError, Names, Outputs, ServedModel
from ._tensors import INTEGERS, TensorSpec, kind_of

# ONNX Runtime's names of the protocol's types.
_DATATYPES = {
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(bool)": "BOOL",
    "tensor(string)": "BYTES",
} | {f"tensor({name.lower()})": name for name in INTEGERS}


class OnnxModel(ServedModel):
    """An ONNX graph in a session of onnxruntime; a ValueError if it has another form."""

    platform = "onnx_onnxv1"

    def __init__(self, session: Any) -> None:
        self._session = session
        self.inputs = tuple(map(_spec, session.get_inputs()))
        self._dtypes = [kind_of(spec.datatype)[spec.datatype] for spec in self.inputs]
        # The protocol sends tensors only; a classifier may also give a list of dictionaries.
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
            # The graph may refuse words that it does not know, such as "".
            self.outputs = {one.name: _declared(one) for one in outputs}
        # Only graphs of skae tell.
        with_gaps = json.loads(session.get_modelmeta().custom_metadata_map.get(GAPS_KEY, "[]"))
        self.missing = {
            spec.name: np.ones(spec.shape[1:], dtype=bool)
            for spec in self.inputs
            if spec.name in with_gaps
        }

    def compute(self, inputs: Inputs, names: Names) -> Outputs:
        """Return the named outputs of rows; see `ServedModel.compute`."""
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

    def _zeros(self) -> Inputs:
        """Return one row for each input."""
        return tuple(
            np.full((1, *spec.shape[1:]), "" if dtype.kind == "O" else 0, dtype)
            for spec, dtype in zip(self.inputs, self._dtypes, strict=True)
        )


def _declared(output: Any) -> TensorSpec:
    """Return the spec of an output as the graph declares it."""
    sizes = [size if isinstance(size, int) else -1 for size in output.shape[1:]]
    return TensorSpec(output.name, _DATATYPES.get(output.type, "BYTES"), [-1, *sizes])


def _spec(given: Any) -> TensorSpec:
    """Return the spec of an input of a graph, or refuse it."""
    sizes, datatype = given.shape, _DATATYPES.get(given.type)
    any_rows = bool(sizes) and not isinstance(sizes[0], int)
    if datatype is None or not any_rows or not all(isinstance(size, int) for size in sizes[1:]):
        raise ValueError(
            f"Each input of the graph must be a tensor of numbers, booleans or strings, of shape "
            f"(any number of rows, fixed sizes), got {given.name}: {given.type} of shape {sizes}. "
            f"Name the first axis when the graph is made, as dynamic_shapes or dynamic_axes of "
            f"torch.onnx.export do, and give all others their size."
        )
    return TensorSpec(given.name, datatype, [-1, *sizes[1:]])
