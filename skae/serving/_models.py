"""What is served: functions from arrays to named outputs, row by row."""

from abc import ABC, abstractmethod

from ._tensors import TensorSpec, datatype_of


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
    def run(self, inputs, names):
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
            Each has `n_samples` rows.
        """

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

        Raises
        ------
        ValueError
            If an output is not one answer a row.
        """
        # Two rows: something with two entries in front may not be an answer a row.
        alone = self.run(row, names)
        twice = self.run(tuple(values.repeat(2, axis=0) for values in row), names)
        for words, n_rows, results in (("two rows", 2, twice), ("one row", 1, alone)):
            for name, values in results.items():
                if values.shape[:1] != (n_rows,):
                    raise ValueError(
                        f"The output {name!r} of {words} has the shape {values.shape}, so it is "
                        f"not one answer a row, and rows of several requests cannot be computed "
                        f"together."
                    )
        return {
            name: TensorSpec(name, datatype_of(values), [-1, *values.shape[1:]])
            for name, values in twice.items()
        }
