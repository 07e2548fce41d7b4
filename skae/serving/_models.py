"""What is served: functions from arrays to named outputs, row by row."""

from abc import ABC, abstractmethod

from ._tensors import TensorSpec, datatype_of

_WORDS = {1: "one row", 2: "two rows"}


class MixedRowsError(ValueError):
    """An output has another number of rows than the input."""


class Model(ABC):
    """Rows in, named outputs out.

    Attributes
    ----------
    platform : str
        What it is, in the protocol's words.
    inputs : tuple of TensorSpec
        The inputs; each has one entry a row.
    outputs : dict of str to TensorSpec
        The outputs, in order.
    missing : ndarray of bool or None
        Which cells of a row may be NaN; None if none may.
    """

    platform = None
    missing = None

    @abstractmethod
    def compute(self, inputs, names):
        """Compute some outputs of rows.

        Parameters
        ----------
        inputs : tuple of ndarray
            One array for each input, of `n_samples` rows; floats are finite, or NaN where that is
            taken.
        names : tuple of str
            Which outputs.

        Returns
        -------
        results : dict of str to ndarray

        Raises
        ------
        ValueError
            If the model does not take these rows.
        """

    def run(self, inputs, names):
        """Compute some outputs of rows, one answer a row; see `compute`."""
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

    def describe(self, row, names):
        """Run the model on a row, which also warms it up, and return what its outputs look like.

        Parameters
        ----------
        row : tuple of ndarray
            One row for each input.
        names : tuple of str
            Which outputs.

        Returns
        -------
        outputs : dict of str to TensorSpec
        """
        # What has two entries in front, as it always does, may not be an answer a row.
        self.run(row, names)
        results = self.run(tuple(values.repeat(2, axis=0) for values in row), names)
        return {
            name: TensorSpec(name, datatype_of(values), [-1, *values.shape[1:]])
            for name, values in results.items()
        }
