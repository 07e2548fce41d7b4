"""The rows that training draws its batches from."""

import copy

import numpy as np
import torch
from torch.utils.data import Dataset


class TrainingRows(Dataset):
    """Rows ready to be cut into batches, with their weights.

    Rows that fit are moved to the device once. Rows of a sparse matrix, of a file mapped into
    memory, or of more than a GPU holds are read batch by batch. A batch may be overwritten
    by the next one of its size.

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
        streamed = rows.out_of_core or not _fits(rows, dtype, device)
        self._table = (_Streamed if streamed else _Resident)(rows, dtype, device)
        self._indices = self._weight = None
        self.shape = rows.shape
        self.device = device
        if sample_weight is not None:
            weight = torch.as_tensor(sample_weight).to(device=self.index_device, dtype=dtype)
            self._weight = weight / weight.mean()

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, selection):
        """Return the batch of a slice, or of a LongTensor on `index_device`: rows, weights."""
        weight = None
        if self._weight is not None:
            weight = self._weight[selection].to(self.device)
        if self._indices is not None:
            selection = self._indices[selection]
        return self._table.read(selection), weight

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


def _fits(rows, dtype, device):
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    # The network, its gradients and the batches need room too.
    return np.prod(rows.shape) * dtype.itemsize < free / 2


class _Resident:
    """All rows as one tensor on the device."""

    def __init__(self, rows, dtype, device):
        self.index_device = device
        self._tensor = torch.empty(rows.shape, dtype=dtype, device=device)
        self._batches = {}
        for selection, chunk in rows.chunks():
            self._tensor[selection] = chunk

    def read(self, selection):
        if isinstance(selection, slice):
            return self._tensor[selection]
        batch = self._batches.get(len(selection))
        if batch is None:
            batch = self._tensor.new_empty(len(selection), self._tensor.shape[1])
            self._batches[len(selection)] = batch
        return torch.index_select(self._tensor, 0, selection, out=batch)


class _Streamed:
    """Rows that are read, made dense and scaled when their batch comes."""

    def __init__(self, rows, dtype, device):
        self.index_device = rows.device
        self._rows, self._dtype, self._device = rows, dtype, device
        self._pinned = [_PinnedBuffer(), _PinnedBuffer()] if device.type == "cuda" else []

    def read(self, selection):
        if isinstance(selection, torch.Tensor) and not isinstance(self._rows.X, torch.Tensor):
            selection = selection.numpy()
        batch = self._rows[selection].to(self._dtype)
        if not self._pinned:
            return batch.to(self._device)
        self._pinned.reverse()
        return self._pinned[0].send(batch, self._device)


class _PinnedBuffer:
    """Memory from which a GPU copies while the processor already reads the next batch.

    Two of them take turns: one is filled while the other is on its way.
    """

    def __init__(self):
        self._host = torch.empty(0)
        self._sent = torch.cuda.Event()

    def send(self, batch, device):
        self._sent.synchronize()
        if self._host.numel() < batch.numel():
            self._host = torch.empty(batch.numel(), dtype=batch.dtype, pin_memory=True)
        staged = self._host[: batch.numel()].view_as(batch).copy_(batch)
        sent = staged.to(device, non_blocking=True)
        self._sent.record(torch.cuda.current_stream(device))
        return sent
