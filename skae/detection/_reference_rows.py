"""The training rows that a detector keeps, and how isolated other rows are from them."""

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn.functional import threshold

from skae._typing import ArrayOf
from skae.tables import ColumnScaling, dense

from ._fixed_chunks import once_for
from ._members import Rows
from ._stacks import buffer

# Most rows that are kept; of wide rows, as many as have so many cells, but some.
_MOST_ROWS, _MOST_CELLS, _SOME_ROWS = 8192, 2**22, 256

# The mean distance to so many of the nearest rows tells how isolated a row is.
_NEAREST = 5

# Parts of a fold. The nearest rows are looked for among the nearest row of each part, which takes
# one pass over the distances: two of the nearest five seldom are of one part.
_PARTS = 8

# Up to so many rows, new ones are kept whatever their share: fewer rows tell little.
_FEW_ROWS = 500

# Smallest standard deviation of a column that distances are divided by.
_LEAST_UNIT = 1e-2

# Rows at a squared distance of less than this share of their squared lengths are the same row,
# which float32 does not tell apart.
_SAME = 1e-5


@dataclass(eq=False)
class ReferenceRows:
    """Some training rows in the units of their columns, in float32, ordered by their folds.

    They show how isolated a row is: how far from the nearest ones, and they are what scores,
    thresholds and explanations are learned from when the networks change.
    """

    # Less the means of the columns unless sparse: float32 is finest about zero.
    _rows: Annotated[np.ndarray | sparse.csr_array, ArrayOf("float", "n_rows", "n_features")]
    weight: Annotated[np.ndarray, ArrayOf("float", "n_rows")]
    fold: Annotated[np.ndarray, ArrayOf("int", "n_rows")]
    # Whether a row is of a cluster of outliers.
    in_cluster: Annotated[np.ndarray, ArrayOf("bool", "n_rows")]
    center: Annotated[np.ndarray, ArrayOf("float", "n_features")]
    n_folds: int

    @classmethod
    def keep(
        cls,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        in_cluster: np.ndarray,
        center: np.ndarray,
        n_folds: int,
    ) -> Self:
        """Keep scaled rows, whose columns have the means `center`."""
        order = np.argsort(fold, kind="stable")
        Z = Z[order] if sparse.issparse(Z) else Z[order] - center
        rows = Z.astype(np.float32)
        return cls(rows, weight[order], fold[order], in_cluster[order], center, n_folds)

    @property
    def rows(self) -> Rows:
        """The rows as they were given."""
        return self._rows if sparse.issparse(self._rows) else self._rows + self.center

    def rescaled(self, before: ColumnScaling, after: ColumnScaling) -> Self:
        """Return the same rows, scaled otherwise."""
        rows = after(before.inverse(dense(self.rows)))
        rows = sparse.csr_array(rows) if sparse.issparse(self.rows) else rows
        known = self.weight, self.fold, self.in_cluster
        return self.keep(rows, *known, after.center, self.n_folds)

    def some(self, n_rows: int) -> slice:
        """Return a slice of at least so many of the rows, if there are; it treats folds alike."""
        return slice(None, None, max(1, len(self.fold) // n_rows))

    def followed_by(
        self,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        forgetting: float,
        rng: np.random.RandomState,
    ) -> tuple[Rows, np.ndarray, np.ndarray]:
        """Return some of these rows and of new ones, with their weights and folds.

        New rows, drawn at random, are at most a share `forgetting` of all, unless there are only a
        few yet. They push out old ones at random.
        """
        most, n_old = n_kept(Z.shape[1]), len(self.fold)
        # With all old rows kept, x new ones are a share x / (n_old + x) of the rows.
        if_all_old_stay = forgetting * n_old / (1 - forgetting) if forgetting < 1 else most
        allowed = int(min(if_all_old_stay, forgetting * most))
        n_new = min(Z.shape[0], max(allowed, _FEW_ROWS - n_old, 1))
        new = rng.permutation(Z.shape[0])[:n_new]
        old = rng.permutation(len(self.fold))[: most - n_new]
        both = [self.rows[old], Z[new]]
        is_sparse = any(map(sparse.issparse, both))
        rows = sparse.vstack(both, format="csr") if is_sparse else np.vstack(both)
        return rows, np.r_[self.weight[old], weight[new]], np.r_[self.fold[old], fold[new]]

    @property
    def module(self) -> "ReferenceDistances":
        """How far rows are from the nearest of these, as a function of torch."""
        return once_for(self, ReferenceDistances)

    def _centered(self) -> np.ndarray:
        return dense(self._rows) - self.center if sparse.issparse(self._rows) else self._rows

    def _check_consistency(self) -> None:
        if len(self.fold) == 0 or self.fold.min() < 0 or self.fold.max() >= self.n_folds:
            raise ValueError("rows that are kept are of none of the folds")
        if self.weight.min() <= 0:
            raise ValueError("rows that are kept have no weight")
        if self.in_cluster.all():
            raise ValueError("all rows that are kept are of clusters of outliers")

    def fits(self, n_features: int, n_folds: int) -> bool:
        """Return whether these rows have so many columns, and are of so many folds."""
        return len(self.center) == n_features and self.n_folds == n_folds


def n_kept(n_features: int) -> int:
    """Return how many training rows are kept at most."""
    return min(_MOST_ROWS, max(_SOME_ROWS, _MOST_CELLS // n_features))


class ReferenceDistances(nn.Module):
    """How far rows are from the nearest reference rows, each fold of which is left out once.

    Rows of clusters of outliers are apart from them.
    """

    def __init__(self, reference: ReferenceRows):
        super().__init__()
        rows, in_cluster = reference._centered(), reference.in_cluster
        # So that all columns count alike: deviations of skewed ones are larger than their scale.
        unit = np.maximum(rows.std(axis=0, dtype=np.float64), _LEAST_UNIT)
        rows = (rows / unit).astype(np.float32)
        self.center, self.unit = buffer(reference.center), buffer(unit)
        self.n_folds = reference.n_folds
        self.clusters = _DistancesToParts(rows[in_cluster]) if in_cluster.any() else None
        rows, fold = rows[~in_cluster], reference.fold[~in_cluster]
        self.folds: list[int] = np.unique(fold).tolist()
        self.parts = nn.ModuleList(_DistancesToParts(rows[fold == one]) for one in self.folds)

    def forward(self, Z: Tensor) -> Tensor:
        """Return the mean distance of float64 rows to the nearest five, without each fold.

        The last column is that to rows of clusters, infinite if there are none. The row itself does
        not count. To a part of nothing else the distance is zero.
        """
        rows = ((Z - self.center) / self.unit).float()
        nearest = dict(zip(self.folds, [parts(rows) for parts in self.parts], strict=True))
        means = []
        for left_out in range(self.n_folds):
            seen = [nearest[fold] for fold in self.folds if fold != left_out]
            # All rows that are kept may be of one fold.
            means.append(_mean_of_nearest(torch.cat(seen, dim=1)) if seen else rows[:, 0] * 0)
        if self.clusters is None:
            to_clusters = rows[:, 0] * 0 + torch.inf
        else:
            to_clusters = _mean_of_nearest(self.clusters(rows))
        return torch.stack([*means, to_clusters], dim=1)


class _DistancesToParts(nn.Module):
    """How far rows are from the nearest row of each part of some known rows."""

    def __init__(self, known: np.ndarray):
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
        self.lengths[into] = (1 - _SAME) * rows.square().sum(dim=1)

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
