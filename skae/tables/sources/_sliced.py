"""Objects with a length and slices: mapped files, and arrays of HDF5 or Zarr."""

from collections.abc import Iterator
from typing import Any

import numpy as np

# Bytes of a part: few beside what training needs, and enough for fast reading.
PART_BYTES = 2**22

_MOST_ROWS, _FEWEST_ROWS = 2**16, 2**8


class SlicedSource:
    """Reads an object slice by slice."""

    def __init__(self, X: Any) -> None:
        self._table = X
        self.name = f"the {type(X).__name__}"

    def count_rows(self) -> int:
        """Return the number of rows."""
        return len(self._table)

    def parts(self) -> Iterator[Any]:
        """Yield the rows in order."""
        n_rows = len(self._table)
        size = self._rows_in_part(n_rows)
        for start in range(0, n_rows, size):
            stop = min(start + size, n_rows)
            part = self._table[start:stop]
            if len(part) != stop - start:
                raise ValueError(
                    f"{self.name} has {n_rows} rows by its length, but its slice of rows {start} "
                    f"to {stop - 1} has {len(part)} of {stop - start} rows."
                )
            # A copy of what is mapped, as an array in memory.
            yield np.array(part) if isinstance(part, np.ndarray) else part

    def _rows_in_part(self, n_rows: int) -> int:
        first = self._table[:1]
        row_bytes = first.nbytes if isinstance(first, np.ndarray) else 8 * first.shape[1]
        return int(np.clip(PART_BYTES // max(row_bytes, 1), _FEWEST_ROWS, _MOST_ROWS))
