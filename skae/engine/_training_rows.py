"""The rows that training draws its batches from."""

import copy
import math

import numpy as np
import torch
from torch.utils.data import Dataset

# A table of up to this many cells is copied without a thought.
_SMALL = 2**22


class TrainingRows(Dataset):
    """Rows ready to be cut into batches, with their weights.

    Rows are moved to the device once, scaled and in the type that is trained in. They are read
    batch by batch if they come from a sparse matrix or a file mapped into memory, if a GPU
    does not hold them, or if they are many and lie in memory in that type already.

    To callbacks this is a dataset of torch: ``D[i]`` is a pair of a row and its target, which is
    the row itself, and ``D[2:5]`` or ``D[[2, 3]]`` such a pair of several rows. ``np.asarray(D)``
    is all rows as one array. Rows are as the network sees them: centred and scaled.

    Parameters
    ----------
    rows : ScaledRows
        The rows.
    sample_weight : ndarray or tensor of shape (n_samples,) or None
        Weights; they are divided by their mean.
    dtype : torch.dtype
        Floating point type of the batches.
    device : torch.device
        Where the batches are.
    """

    def __init__(self, rows, sample_weight, dtype, device):
        self._table = (_Streamed if _streams(rows, dtype, device) else _Resident)(
            rows, dtype, device
        )
        self._indices = self._weight = None
        self.shape = rows.shape
        self.device = device
        if sample_weight is not None:
            weight = torch.as_tensor(sample_weight).to(device=self.index_device, dtype=dtype)
            self._weight = weight / weight.mean()

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        """Return one row, or those of a slice or an array, and as their target the same."""
        chosen = _positions(len(self), index)
        # One index becomes an array of one.
        selection = torch.from_numpy(np.ascontiguousarray(chosen)).to(self.index_device)
        # In memory of their own, as the next batch would overwrite those of a batch.
        rows, _ = self.read(selection, self.new_empty(1, len(selection))[0])
        rows = rows if np.ndim(chosen) else rows[0]
        return rows, rows

    def __array__(self, dtype=None, copy=None):
        """Return all rows as an array, always a new one."""
        return np.asarray(self[:][0].cpu().numpy(), dtype=dtype)

    def read(self, selection, out=None):
        """Return a batch: rows and their weights, or None.

        Parameters
        ----------
        selection : slice or LongTensor
            Which rows; with `out`, a LongTensor on `index_device`.
        out : tensor of shape (n_batch, n_features) or None, default=None
            Where to. None is memory that the next batch of the same size takes.
        """
        weight = None
        if self._weight is not None:
            weight = self._weight[selection]
            if weight.device.type != self.device.type:
                weight = _sent(weight, self.device)
        if self._indices is not None:
            selection = self._indices[selection]
        return self._table.read(selection, out), weight

    def new_empty(self, n_batches, n_rows):
        """Return a tensor that has room for batches, of shape (n_batches, n_rows, n_features)."""
        shape = n_batches, n_rows, self.shape[1]
        return torch.empty(shape, dtype=self._table.dtype, device=self.device)

    @property
    def is_weighted(self):
        """Whether the rows have weights."""
        return self._weight is not None

    @property
    def index_device(self):
        """Where indices of rows must be."""
        return self._table.index_device

    def subset(self, indices):
        """Return the rows at `indices` as rows of their own, without copying them."""
        subset = copy.copy(self)
        subset._indices = torch.as_tensor(np.asarray(indices)).to(self.index_device)
        subset.shape = (len(indices), self.shape[1])
        if self._weight is not None:
            weight = self._weight[subset._indices]
            subset._weight = weight / weight.mean()
        return subset


def _positions(n_rows, index):
    """Return the positions that an index means: an int, or an array of them."""
    if isinstance(index, slice):
        return np.arange(n_rows)[index]
    if isinstance(index, torch.Tensor):
        index = index.cpu().numpy()
    if np.ndim(index):
        return np.arange(n_rows)[index]
    # Without an array of all rows, as this is asked row by row.
    return range(n_rows)[index]


def to_gpu(X, device):
    """Return an array as a tensor on a GPU that has room; other tables as they are.

    What comes before training (scaling, PCA) then runs on the GPU, too.

    Parameters
    ----------
    X : {ndarray, SelectedRows, CSR matrix, tensor}
        The table.
    device : torch.device
        Where the network is.
    """
    if device.type != "cuda" or not isinstance(X, np.ndarray) or not _has_room(X.nbytes, device):
        return X
    return torch.tensor(X, device=device)


def _has_room(n_bytes, device):
    free = torch.cuda.mem_get_info(device)[0]
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    # The network, its gradients and the batches need room too.
    return n_bytes <= free / 2


def _streams(rows, dtype, device):
    cells = math.prod(rows.shape)
    if rows.out_of_core:
        return True
    if device.type == "cuda":
        return not _has_room(cells * dtype.itemsize, device)
    return device.type == "cpu" and cells > _SMALL and rows.row_major and rows.dtype == dtype


def _sent(tensor, device):
    """Send a tensor to a device; to a GPU without waiting for what it is doing."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class TensorRows:
    """The rows of a tensor as they are.

    Parameters
    ----------
    X : tensor of shape (n_samples, n_features)
        The rows.
    """

    out_of_core = row_major = False

    def __init__(self, X):
        self._X = X
        self.shape, self.dtype, self.device = X.shape, X.dtype, X.device

    def chunks(self):
        """Yield all rows at once, with the slice that they come from."""
        yield slice(None), self._X


class _Resident:
    """All rows as one tensor on the device."""

    def __init__(self, rows, dtype, device):
        self.index_device, self.dtype = device, dtype
        self._tensor = torch.empty(rows.shape, dtype=dtype, device=device)
        self._batches = {}
        for selection, chunk in rows.chunks():
            self._tensor[selection] = chunk

    def read(self, selection, batch=None):
        if isinstance(selection, slice):
            return self._tensor[selection]
        if batch is None:
            batch = self._batches.get(len(selection))
        if batch is None:
            batch = self._tensor.new_empty(len(selection), self._tensor.shape[1])
            self._batches[len(selection)] = batch
        return torch.index_select(self._tensor, 0, selection, out=batch)


class _Streamed:
    """Rows that are read, made dense and scaled when their batch comes."""

    def __init__(self, rows, dtype, device):
        self.index_device, self.dtype = rows.device, dtype
        self._rows, self._device = rows, device
        self._batches = {}
        self._staged = [_Staged(), _Staged()]

    def read(self, selection, batch=None):
        whole = isinstance(selection, slice)
        n = selection.stop - selection.start if whole else len(selection)
        if batch is None:
            batch = self._batches.get(n)
        if batch is None:
            shape = (n, self._rows.shape[1])
            batch = torch.empty(shape, dtype=self.dtype, device=self._device)
            self._batches[n] = batch
        if self._rows.device.type == self._device.type:
            return self._rows.read(selection, batch)
        self._staged.reverse()
        return self._staged[0].send(self._rows, selection, batch)


class _Staged:
    """Memory of the host's from which a GPU copies while the next batch is already read.

    Two of them take turns: one is filled while the other is on its way.
    """

    def __init__(self):
        self._host = torch.empty(0)
        self._sent = None

    def send(self, rows, selection, batch):
        """Read the rows into a batch on a device."""
        if self._sent is not None:
            self._sent.synchronize()
        pinned = batch.device.type == "cuda"
        if self._host.numel() < batch.numel():
            self._host = torch.empty(batch.numel(), dtype=batch.dtype, pin_memory=pinned)
        host = self._host[: batch.numel()].view_as(batch)
        batch.copy_(rows.read(selection, host), non_blocking=pinned)
        if pinned:
            self._sent = torch.cuda.current_stream(batch.device).record_event()
        return batch
