"""Sample rows of a table with columns of several types."""

from typing import Any

import numpy as np

from skae._extras import require
from skae.tables import PlainTable

from ._sample import Columns, Sample


class TableSample(Sample):
    """Rows of a table, each column of which is an input of the graph."""

    def __init__(self, rows: Any, table: PlainTable):
        self.columns_of_fit = table
        self.columns = table.arrays(rows)
        self.names = self.inputs = table.names
        self.by_column = True

    def is_categorical(self, column: int) -> bool:
        """Return whether a column holds nothing but its own categories: models take others."""
        return False

    def rows(self, columns: Columns) -> Any:
        """Return a DataFrame, as the estimator takes it."""
        return self.columns_of_fit.table(columns)

    def table(self) -> Any:
        """Return the rows as a DataFrame with names of text."""
        return self.rows(self.columns).set_axis(self.inputs, axis=1)

    def advice_for_double(self) -> str:
        """Return no advice: the types of the columns are those of the table in `fit`."""
        return ""

    def types(self) -> Any:
        """Return the inputs as skl2onnx knows them."""
        return input_types(self.columns_of_fit)


def input_types(table: PlainTable) -> list[tuple[str, Any]]:
    """Return the names of the columns of a table, and their types in skl2onnx."""
    known = require("skl2onnx.common.data_types", "onnx")
    types = {
        np.dtype(object): known.StringTensorType,
        np.dtype(bool): known.BooleanTensorType,
        np.dtype(np.int64): known.Int64TensorType,
        np.dtype(np.float64): known.DoubleTensorType,
    }
    return [(one.name, types[one.dtype]([None, 1])) for one in table.columns]
