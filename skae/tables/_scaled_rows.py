"""The rows of a table on their way into the network."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from skae._chunks import CPU, rows_in_chunk, slices

from ._mapped_files import is_memory_mapped


class ScaledRows:
    """Rows of a table, centred and scaled as they are read, and clipped to the limits of a cell.

    Only the rows that are read become dense, or leave the file that they are mapped from. float32
    stays float32, any other type is read as float64; tensors stay on their device.
    """

    def __init__(
        self,
        X: Any,
        mean: Any = 0.0,
        scale: Any = 1.0,
        limits: tuple[float, float] | None = None,
    ) -> None:
        self.X = X
        self.shape: tuple[int, int] = X.shape
        self.limits = limits
        self.mean: Any
        self.scale: Any
        if isinstance(X, Tensor):
            self.dtype, self.device = X.dtype, X.device
            self.mean = torch.as_tensor(mean, dtype=X.dtype, device=X.device)
            self.scale = float(scale)
        else:
            dtype = np.float32 if X.dtype == np.float32 else np.float64
            self.dtype = torch.float32 if dtype is np.float32 else torch.float64
            self.device = CPU
            mean = mean.cpu().numpy() if isinstance(mean, Tensor) else mean
            self.mean = np.asarray(mean, dtype=dtype)
            self._mean_of_torch = torch.from_numpy(self.mean)
            self.scale = dtype(scale)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, selection: Any) -> Tensor:
        """Return the selected rows (a slice or a LongTensor), a new dense tensor."""
        if isinstance(selection, Tensor) and not isinstance(self.X, Tensor):
            selection = selection.numpy()
        rows = self.X[selection]
        if sparse.issparse(rows):
            rows = rows.toarray()
        if isinstance(rows, Tensor):
            return self._clipped((rows - self.mean).div_(self.scale).contiguous())
        # In one order, whatever that of the table: sums depend on it.
        rows = np.subtract(rows, self.mean, order="C")
        rows /= self.scale
        return self._clipped(torch.from_numpy(rows))

    def read(self, selection: slice | Tensor, out: Tensor) -> Tensor:
        """Write the selected rows into a tensor and return it; faster if nothing is converted."""
        plain = isinstance(self.X, np.ndarray) and self.X.dtype == self.mean.dtype
        if not plain or self.dtype != out.dtype:
            return out.copy_(self[selection])
        rows = out.numpy()
        if isinstance(selection, slice):
            np.subtract(self.X[selection], self.mean, out=rows)
        elif self.X.flags.c_contiguous and self.X.flags.aligned:
            # Any other mode than "clip" takes the way through a buffer.
            np.take(self.X, selection.numpy(), axis=0, out=rows, mode="clip")
            # Twice as fast as NumPy's own, and the same bits.
            out.sub_(self._mean_of_torch)
        else:
            # numpy.take would copy the whole table first.
            np.subtract(self.X[selection.numpy()], self.mean, out=rows)
        rows /= self.scale
        return self._clipped(out)

    def chunks(self, size: int | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows in order, `size` at a time, with the slice that they come from."""
        for selection in slices(len(self), size or rows_in_chunk(self.shape[1], self.device)):
            yield selection, self[selection]

    def _clipped(self, rows: Tensor) -> Tensor:
        return rows if self.limits is None else rows.clamp_(*self.limits)

    @property
    def out_of_core(self) -> bool:
        """Whether the table as a dense tensor may be more than memory holds."""
        return sparse.issparse(self.X) or self.in_file

    @property
    def in_file(self) -> bool:
        """Whether the table is an array that is mapped from a file."""
        return is_memory_mapped(self.X)

    @property
    def row_major(self) -> bool:
        """Whether the table is an array whose rows each lie in one piece."""
        return isinstance(self.X, np.ndarray) and self.X.strides[1] == self.X.itemsize
