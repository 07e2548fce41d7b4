"""The rows of a table on their way into the network."""

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import Dataset

# Cells of a chunk that is read where its number of rows does not matter: few enough to stay in
# a core's cache, and rows enough for a matrix product.
_CHUNK_CELLS, _CHUNK_ROWS = 2**18, 64


class ScaledRows:
    """Rows of a table, centred and scaled as they are read.

    A sparse table becomes dense only in the rows that are read.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Rows of float32 or float64.
    mean : ndarray of shape (n_features,)
        What is subtracted.
    scale : float
        What the difference is divided by.
    """

    def __init__(self, X, mean, scale):
        self.X = X
        self.mean = mean.astype(X.dtype, copy=False)
        self.scale = X.dtype.type(scale)
        self.shape = X.shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, selection):
        """Return the selected rows (a slice or indices), a new dense array of X's dtype."""
        rows = self.X[selection]
        if sparse.issparse(rows):
            rows = rows.toarray()
        rows = rows - self.mean
        rows /= self.scale
        return rows

    def chunks(self, size=None):
        """Yield the rows in order, `size` at a time, with the slice that they come from."""
        if size is None:
            size = rows_in_chunk(self.shape[1])
        for start in range(0, len(self), size):
            selection = slice(start, min(start + size, len(self)))
            yield selection, self[selection]


def rows_in_chunk(n_features):
    """Return how many rows of this width are read at a time."""
    return max(_CHUNK_ROWS, _CHUNK_CELLS // n_features)


class TrainingRows(Dataset):
    """Rows ready to be cut into batches, with their weights.

    Dense rows are moved to the device once; sparse rows become dense batch by batch. A batch
    of dense rows is overwritten by the next one of its size.

    Parameters
    ----------
    rows : ScaledRows
        The rows.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights; they are divided by their mean.
    dtype : torch.dtype
        Floating point type of the batches.
    device : torch.device
        Where the batches are.
    """

    def __init__(self, rows, sample_weight, dtype, device):
        self.dtype, self.device = dtype, device
        self.shape = rows.shape
        self._rows = rows if sparse.issparse(rows.X) else self._resident(rows)
        self._buffers = {}
        self._weight = None
        if sample_weight is not None:
            self._weight = self._to_device(sample_weight / sample_weight.mean())

    def _resident(self, rows):
        tensor = torch.empty(rows.shape, dtype=self.dtype)
        for selection, chunk in rows.chunks():
            tensor[selection] = torch.from_numpy(chunk)
        return tensor.to(self.device)

    def _to_device(self, array):
        return torch.as_tensor(array).to(device=self.device, dtype=self.dtype)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, indices):
        """Return the batch at `indices`, a LongTensor on `index_device`: rows, weights or None."""
        if isinstance(self._rows, torch.Tensor):
            x = self._buffers.get(len(indices))
            if x is None:
                x = self._rows.new_empty(len(indices), self.shape[1])
                self._buffers[len(indices)] = x
            torch.index_select(self._rows, 0, indices, out=x)
        else:
            x = self._to_device(self._rows[indices.numpy()])
        return x, None if self._weight is None else self._weight[indices.to(self.device)]

    @property
    def index_device(self):
        """Where indices of rows must be."""
        return self.device if isinstance(self._rows, torch.Tensor) else torch.device("cpu")

    def subset(self, indices):
        """Return the rows at `indices` as rows of their own, without copying them."""
        return _SubsetRows(self, torch.as_tensor(np.asarray(indices)).to(self.index_device))


class _SubsetRows(Dataset):
    def __init__(self, rows, indices):
        self._all, self._indices = rows, indices
        self.shape = (len(indices), rows.shape[1])
        self.index_device = rows.index_device
        self._mean_weight = None
        if rows._weight is not None:
            self._mean_weight = rows._weight[indices.to(rows.device)].mean()

    def __len__(self):
        return len(self._indices)

    def __getitem__(self, indices):
        x, weight = self._all[self._indices[indices]]
        return x, None if weight is None else weight / self._mean_weight
