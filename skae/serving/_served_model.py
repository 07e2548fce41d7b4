"""Served models: functions from arrays to named outputs, row by row."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ._tensors import TensorSpec, datatype_of

# One array per input, with one entry per row; names of outputs; and the outputs by their names.
Inputs = tuple[np.ndarray, ...]
Names = tuple[str, ...]
Outputs = dict[str, np.ndarray]

_WORDS = {1: "one row", 2: "two rows"}


class MixedRowsError(ValueError):
    """An output has another number of rows than the input."""


class ServedModel(ABC):
    """A function of rows, with named inputs and outputs.

    `missing` tells for inputs, by name, which cells of a row may be NaN or, of text, empty; inputs
    that are not there have no such cells.
    """

    platform: str
    inputs: tuple[TensorSpec, ...]
    outputs: dict[str, TensorSpec]
    missing: Mapping[str, np.ndarray] = MappingProxyType({})

    @abstractmethod
    def compute(self, inputs: Inputs, names: Names) -> Outputs:
        """Return the named outputs of rows, or raise a ValueError if the model refuses the rows.

        Floats are finite, or NaN where `missing` allows it.
        """

    def run(self, inputs: Inputs, names: Names) -> Outputs:
        """Return what `compute` does, after a check that each output has one entry per row."""
        n_rows = len(inputs[0])
        results = self.compute(inputs, names)
        for name, values in results.items():
            if values.shape[:1] != (n_rows,):
                rows = _WORDS.get(n_rows, f"{n_rows} rows")
                raise MixedRowsError(
                    f"The output {name!r} of {rows} has the shape {values.shape}, so it is not one "
                    f"answer a row, and rows of several requests cannot be computed together."
                )
        return results

    def describe(self, row: Inputs, names: Names) -> dict[str, TensorSpec]:
        """Run the model on one row per input, and return the specs of its outputs.

        This also warms the model up.
        """
        # Two rows tell an output that always has two entries from one with an entry per row.
        self.run(row, names)
        results = self.run(tuple(values.repeat(2, axis=0) for values in row), names)
        return {
            name: TensorSpec(name, datatype_of(values), [-1, *values.shape[1:]])
            for name, values in results.items()
        }
