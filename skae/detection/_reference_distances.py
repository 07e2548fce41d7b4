"""How far rows are from the nearest of the training rows that a detector keeps."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy.linalg import block_diag, cholesky
from torch import Tensor, nn
from torch.nn.functional import threshold

from skae._chunks import CPU

from ._reference_rows import ReferenceRows
from ._stacks import buffer

# The mean distance to so many of the nearest rows tells how isolated a row is.
_NEAREST = 5

# Parts of a fold. The nearest rows are looked for among the nearest row of each part, which takes
# one pass over the distances: two of the nearest five seldom are of one part.
_PARTS = 8

# Smallest standard deviation of a column that distances are divided by.
_LEAST_UNIT = 1e-2

# Share of the Mahalanobis distance in distances.
_MAHALANOBIS = 0.25

# Rows at a squared distance of less than this share of their squared lengths are the same row,
# which float32 does not tell apart.
_SAME = 1e-5


# They are made once for each device, of the reference rows, which stay as they are.
_modules: WeakKeyDictionary[ReferenceRows, dict[torch.device, "ReferenceDistances"]] = (
    WeakKeyDictionary()
)


def distances_to(reference: ReferenceRows, device: torch.device = CPU) -> "ReferenceDistances":
    """Return the distances of rows from the nearest of these, as a function on a device."""
    of_devices = _modules.setdefault(reference, {})
    if device not in of_devices:
        of_devices[device] = ReferenceDistances(reference).to(device)
    return of_devices[device]


class ReferenceDistances(nn.Module):
    """How far rows are from the nearest reference rows, each fold of which is left out once.

    Columns count in units of their standard deviations. A share of the Mahalanobis distance is
    added, squared as it is: without it, rows whose columns contradict each other would be near
    others. Rows of clusters of outliers are apart from the reference rows. Of mixed columns these
    are distances between the places of `ColumnValues`.
    """

    def __init__(self, reference: ReferenceRows):
        super().__init__()
        rows, in_cluster = reference.centered(), reference.in_cluster
        self.values = None if reference.columns is None else reference.columns.values
        if self.values is not None:
            rows = self.values.places(torch.from_numpy(rows).double()).numpy()
        # So that all columns count alike: deviations of skewed ones are larger than their scale.
        unit = np.maximum(rows.std(axis=0, dtype=np.float64), _LEAST_UNIT)
        n_numbers = len(unit) if self.values is None else self.values.n_numbers
        # Places of categories have a unit.
        unit[n_numbers:] = 1.0
        mixing = None
        if reference.whitening is not None and n_numbers:
            mixing = _mixing(reference.whitening * unit[:n_numbers])
            mixing = block_diag(mixing, np.eye(len(unit) - n_numbers))
        rows = (rows / unit if mixing is None else rows / unit @ mixing).astype(np.float32)
        self.center, self.unit = buffer(reference.center), buffer(unit)
        self.mixing = None if mixing is None else buffer(mixing)
        has_copies = np.zeros(len(rows), dtype=bool)
        if self.values is not None:
            has_copies = _has_copies(rows)
        fold = reference.fold
        self.folds: list[int] = np.unique(fold[~in_cluster]).tolist()
        of_folds = [(fold == one) & ~in_cluster for one in self.folds]
        self.parts = nn.ModuleList(
            _DistancesToParts(rows[one], has_copies[one]) for one in of_folds
        )
        self.clusters = None
        if in_cluster.any():
            self.clusters = _DistancesToParts(rows[in_cluster], has_copies[in_cluster])

    def forward(self, Z: Tensor, left_out: Sequence[int]) -> Tensor:
        """Return the mean distance of float64 rows to the nearest five, without each of some folds.

        The last column is that to rows of clusters, infinite if there are none. The row itself does
        not count; where a part holds only copies of it, the distance to that part is zero.
        """
        rows = Z - self.center
        rows = (rows if self.values is None else self.values.places(rows)) / self.unit
        if self.mixing is not None:
            rows = rows @ self.mixing
        rows = rows.float()
        nearest = dict(zip(self.folds, [parts(rows) for parts in self.parts], strict=True))
        means = []
        for one in left_out:
            seen = [nearest[fold] for fold in self.folds if fold != one]
            # All rows that are kept may be of one fold.
            means.append(_mean_of_nearest(torch.cat(seen, dim=1)) if seen else rows[:, 0] * 0)
        if self.clusters is None:
            to_clusters = rows[:, 0] * 0 + torch.inf
        else:
            to_clusters = _mean_of_nearest(self.clusters(rows))
        return torch.stack([*means, to_clusters], dim=1)


def _has_copies(rows: np.ndarray) -> np.ndarray:
    """Return which rows are equal to another one."""
    _, place, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return counts[place.ravel()] > 1


def _mixing(whitening: np.ndarray) -> np.ndarray:
    """Return a matrix by which the squared length of a row becomes the sum of both distances."""
    squares = np.eye(len(whitening)) + _MAHALANOBIS**2 * whitening.T @ whitening
    return cholesky(squares, lower=True)


class _DistancesToParts(nn.Module):
    """How far rows are from the nearest row of each part of some known rows.

    A known row that is the same as a new one does not count, unless it has copies: it may be the
    new one itself.
    """

    def __init__(self, known: np.ndarray, has_copies: np.ndarray):
        super().__init__()
        parts = np.array_split(np.arange(len(known)), min(_PARTS, len(known)))
        # All parts get the size of the largest; what fills them up is infinitely far.
        self.shape = -1, len(parts), len(parts[0])
        into = np.concatenate([i * self.shape[2] + np.arange(len(p)) for i, p in enumerate(parts)])
        rows = torch.from_numpy(known).float()
        n_places = len(parts) * self.shape[2]
        self.rows = nn.Buffer(rows.new_zeros(rows.shape[1], n_places), persistent=False)
        self.rows[:, into] = -2 * rows.T
        self.lengths = nn.Buffer(rows.new_full((n_places,), torch.inf), persistent=False)
        change = torch.from_numpy(np.where(has_copies, 1 + 3 * _SAME, 1 - _SAME)).float()
        self.lengths[into] = change * rows.square().sum(dim=1)

    def forward(self, rows: Tensor) -> Tensor:
        """Return distances of shape (n_samples, n_parts), without those to the same row."""
        lengths = rows.square().sum(dim=1, keepdim=True)
        # Rows that are the same are found by a part of their lengths less.
        squares = torch.addmm(self.lengths, rows, self.rows).add_((1 - _SAME) * lengths)
        squares = threshold(squares, 0.0, torch.inf, inplace=True)
        nearest = squares.view(self.shape).amin(dim=2) + _SAME * lengths
        return torch.where(nearest.isinf(), 0.0, nearest).sqrt()


def _mean_of_nearest(distances: Tensor) -> Tensor:
    nearest = distances.topk(min(_NEAREST, distances.shape[1]), largest=False)
    return nearest.values.mean(dim=1)
