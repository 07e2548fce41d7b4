"""The rows that training draws its batches from."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from skae._batch import Batch
from skae._chunks import is_large

from ._labels import Labels

# A table of up to this many cells is always copied.
_SMALL = 2**22


class TrainingRows(Dataset):
    """Rows ready to be cut into batches, with their weights.

    Rows are moved to the device once, scaled and in the type that is trained in. In three cases
    they are read batch by batch instead: a sparse matrix, or a file with many rows that is mapped
    into memory; rows that the GPU has no room for; many rows in memory that have this type already.

    To callbacks this is a dataset of torch: ``D[i]`` is a pair of a row and its target, which is
    the row itself where none is given, and ``D[2:5]`` or ``D[[2, 3]]`` such a pair of several rows.
    ``np.asarray(D)`` is all rows as one array. Rows are as the network sees them: centred and
    scaled.

    `rows` is read as `ScaledRows` are, and so is `target`, if that is not None. Weights are divided
    by their mean. `dtype` and `device` are those of the batches.
    """

    def __init__(
        self,
        rows: Any,
        sample_weight: Any,
        dtype: torch.dtype,
        device: torch.device,
        target: Any = None,
    ):
        self._table = _read_where_they_fit(rows, dtype, device)
        self._target = None if target is None else _read_where_they_fit(target, dtype, device)
        self._indices: Tensor | None = None
        self._weight: Tensor | None = None
        self.labels: Labels | None = None
        self._condition: Tensor | None = None
        self._in_file = bool(rows.in_file)
        self.shape: tuple[int, int] = tuple(rows.shape)
        self.device = device
        if sample_weight is not None:
            weight = torch.as_tensor(sample_weight).to(device=self.index_device, dtype=dtype)
            self._weight = weight / weight.mean()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> tuple[Tensor, Tensor]:
        """Return one row, or those of a slice or an array, and their target."""
        chosen = _positions(len(self), index)
        # One index becomes an array of one.
        selection = torch.from_numpy(np.ascontiguousarray(chosen)).to(self.index_device)
        # In memory of their own, as the next batch would overwrite those of a batch.
        batch = self.read(selection, self.new_empty(1, len(selection))[0])
        rows, target = batch.x, batch.x if batch.target is None else batch.target.clone()
        return (rows, target) if np.ndim(chosen) else (rows[0], target[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows as an array, always a new one."""
        return np.asarray(self[:][0].cpu().numpy(), dtype=dtype)

    def read(self, selection: slice | Tensor, out: Tensor | None = None) -> Batch:
        """Return a batch of the selected rows, with their weights if they have some.

        The rows are written into `out`, where that is given; the selection then is a LongTensor on
        `index_device`. Otherwise they lie in memory that the next batch of the same size takes.
        """
        weight, labels = None, None if self.labels is None else self.labels[selection]
        condition = None if self._condition is None else self._condition[selection]
        if self._weight is not None:
            weight = self._weight[selection]
            if weight.device.type != self.device.type:
                weight = _sent(weight, self.device)
        if self._indices is not None:
            selection = self._indices[selection]
        target = None if self._target is None else self._target.read(selection)
        batch = Batch(self._table.read(selection, out), weight, target=target)
        if condition is not None:
            batch.condition = condition.to(self.device)
        if labels is not None:
            batch.label = labels.answers.to(self.device)
            batch.label_weight = labels.weight.to(self.device)
            batch.label_given = labels.given.to(self.device)
        return batch

    def new_empty(self, n_batches: int, n_rows: int) -> Tensor:
        """Return an empty tensor of shape (n_batches, n_rows, n_features) for batches."""
        shape = n_batches, n_rows, self.shape[1]
        return torch.empty(shape, dtype=self._table.dtype, device=self.device)

    @property
    def fields(self) -> frozenset[str]:
        """The fields of a `Batch` that those of these rows have."""
        absent = {
            "weight": self._weight is None,
            "target": self._target is None,
            "label": self.labels is None,
            "condition": self._condition is None,
        }
        return frozenset(["x", *(name for name, is_absent in absent.items() if not is_absent)])

    @property
    def is_large(self) -> bool:
        """Whether rows are read from a file in blocks; see `is_large`."""
        return self._in_file and is_large(self.shape)

    @property
    def index_device(self) -> torch.device:
        """The device of the indices of rows."""
        return self._table.index_device

    def subset(self, indices: Any) -> "TrainingRows":
        """Return the rows at `indices` as rows of their own, without copying them."""
        subset = copy.copy(self)
        subset._indices = torch.as_tensor(np.asarray(indices)).to(self.index_device)
        subset.shape = (len(indices), self.shape[1])
        if self._weight is not None:
            weight = self._weight[subset._indices]
            subset._weight = weight / weight.mean()
        if self.labels is not None:
            subset.labels = self.labels[subset._indices]
        if self._condition is not None:
            subset._condition = self._condition[subset._indices]
        return subset

    def with_labels(self, labels: Labels) -> "TrainingRows":
        """Return the same rows with labels, which lie where the indices of rows do."""
        labelled = copy.copy(self)
        labelled.labels = labels
        return labelled

    def with_condition(self, condition: Any) -> "TrainingRows":
        """Return the same rows with classes for the decoder; see `Batch.condition`."""
        conditional = copy.copy(self)
        dtype = self._table.dtype
        conditional._condition = torch.as_tensor(condition, dtype=dtype, device=self.index_device)
        return conditional


def _positions(n_rows: int, index: Any) -> Any:
    """Return the positions of an index: an int, or an array of int."""
    if isinstance(index, slice):
        return np.arange(n_rows)[index]
    if isinstance(index, torch.Tensor):
        index = index.cpu().numpy()
    if np.ndim(index):
        return np.arange(n_rows)[index]
    # Without an array of all rows, as this is asked row by row.
    return range(n_rows)[index]


def to_gpu(X: Any, device: torch.device) -> Any:
    """Return an array as a tensor on a GPU that has room; other tables as they are.

    Scaling and PCA, before training, then run on the GPU, too.
    """
    if device.type != "cuda" or not isinstance(X, np.ndarray) or not _has_room(X.nbytes, device):
        return X
    return torch.tensor(X, device=device)


def _has_room(n_bytes: int, device: torch.device) -> bool:
    free = torch.cuda.mem_get_info(device)[0]
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    # The network, its gradients and the batches need room too.
    return n_bytes <= free / 2


def _streams(rows: Any, dtype: torch.dtype, device: torch.device) -> bool:
    cells = math.prod(rows.shape)
    if rows.out_of_core and not (rows.in_file and cells <= _SMALL):
        return True
    if device.type == "cuda":
        return not _has_room(cells * dtype.itemsize, device)
    return device.type == "cpu" and cells > _SMALL and rows.row_major and rows.dtype == dtype


def _sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Send a tensor to a device; to a GPU without waiting for what it is doing."""
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _read_where_they_fit(
    rows: Any, dtype: torch.dtype, device: torch.device
) -> "_Streamed | _Resident":
    """Return rows on the device, or read batch by batch."""
    return (_Streamed if _streams(rows, dtype, device) else _Resident)(rows, dtype, device)


class TensorRows:
    """The rows of a tensor as they are."""

    out_of_core = row_major = in_file = False

    def __init__(self, X: Tensor):
        self._X = X
        self.shape, self.dtype, self.device = X.shape, X.dtype, X.device

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield all rows at once, with the slice that they come from."""
        yield slice(None), self._X


class _Resident:
    """All rows as one tensor on the device."""

    def __init__(self, rows: Any, dtype: torch.dtype, device: torch.device):
        self.index_device, self.dtype = device, dtype
        self._tensor = torch.empty(rows.shape, dtype=dtype, device=device)
        self._batches: dict[int, Tensor] = {}
        for selection, chunk in rows.chunks():
            self._tensor[selection] = chunk

    def read(self, selection: slice | Tensor, batch: Tensor | None = None) -> Tensor:
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

    def __init__(self, rows: Any, dtype: torch.dtype, device: torch.device):
        self.index_device, self.dtype = rows.device, dtype
        self._rows, self._device = rows, device
        self._batches: dict[int, Tensor] = {}
        self._staged = [_Staged(), _Staged()]

    def read(self, selection: slice | Tensor, batch: Tensor | None = None) -> Tensor:
        n = selection.stop - selection.start if isinstance(selection, slice) else len(selection)
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
    """Pinned memory of the host, from which a GPU copies while the next batch is read.

    Two of them take turns: one is filled while the other is on its way.
    """

    def __init__(self) -> None:
        self._host = torch.empty(0)
        self._sent: torch.cuda.Event | None = None

    def send(self, rows: Any, selection: slice | Tensor, batch: Tensor) -> Tensor:
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
