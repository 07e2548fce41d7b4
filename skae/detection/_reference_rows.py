"""The training rows that a detector keeps, and how isolated other rows are from them."""

from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from skae._typing import ArrayOf
from skae.tables import dense

from ._fixed_chunks import in_fixed_chunks
from ._members import Rows

# Most rows that are kept; of wide rows, as many as have so many cells, but some.
_MOST_ROWS, _MOST_CELLS, _SOME_ROWS = 4096, 2**22, 256

# The nearest rows of this many folds make the distance of a row from the others.
_NEAREST = 4

# What is added to distances, in that of a row whose cells are all one deviation from their means:
# where rows are dense, twice a tiny distance means little.
_PADDING = 0.5

# Power of the isolation factor.
_POWER = 3

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
    center: Annotated[np.ndarray, ArrayOf("float", "n_features")]
    # For each fold, the median distance between the rows of the others.
    _typical: Annotated[np.ndarray, ArrayOf("float", "n_folds")] = field(init=False)

    @classmethod
    def keep(cls, Z: Rows, weight: np.ndarray, fold: np.ndarray, center: np.ndarray) -> Self:
        """Keep scaled rows, whose columns have the means `center`."""
        order = np.argsort(fold, kind="stable")
        Z = Z[order] if sparse.issparse(Z) else Z[order] - center
        return cls(Z.astype(np.float32), weight[order], fold[order], center)

    @property
    def rows(self) -> Rows:
        """The rows as they were given."""
        return self._rows if sparse.issparse(self._rows) else self._rows + self.center

    def followed_by(
        self,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        forgetting: float,
        rng: np.random.RandomState,
    ) -> tuple[Rows, np.ndarray, np.ndarray]:
        """Return some of these rows and of new ones, with their weights and folds.

        New rows, drawn at random, are at most a share `forgetting` of those that are kept, and no
        more than there are old ones. They push out old ones at random.
        """
        most = n_kept(Z.shape[1])
        n_new = min(Z.shape[0], max(1, int(forgetting * most)), len(self.fold))
        new = np.sort(rng.permutation(Z.shape[0])[:n_new])
        old = np.sort(rng.permutation(len(self.fold))[: most - n_new])
        both = [self.rows[old], Z[new]]
        is_sparse = any(map(sparse.issparse, both))
        rows = sparse.vstack(both, format="csr") if is_sparse else np.vstack(both)
        return rows, np.r_[self.weight[old], weight[new]], np.r_[self.fold[old], fold[new]]

    def learn_distances(self, n_folds: int) -> Self:
        """Learn which distances are typical, for members that leave out one of so many folds."""
        self._typical = np.zeros(n_folds)
        distances = Isolation(self, np.arange(n_folds)).distances
        nearest = in_fixed_chunks(distances, self._centered())
        for left_out in range(n_folds):
            seen = nearest[self.fold != left_out, left_out]
            self._typical[left_out] = np.median(seen) if len(seen) else 0.0
        return self

    def isolation(self, Z: np.ndarray, left_out: np.ndarray) -> np.ndarray:
        """Return how isolated rows are, of shape (n_samples, n_members).

        Each member judges by the folds that it does not leave out. The answer is one for a row
        that is as near to the others as is typical, and one at least: being near to other rows
        does not prove that a row is ordinary, as outliers may be alike.
        """
        return in_fixed_chunks(Isolation(self, left_out).of_centered, Z - self.center)

    def _centered(self) -> np.ndarray:
        return dense(self._rows) - self.center if sparse.issparse(self._rows) else self._rows

    def _check_consistency(self) -> None:
        if len(self.fold) == 0 or self.fold.min() < 0 or self.fold.max() >= len(self._typical):
            raise ValueError("rows that are kept are of none of the folds")
        # The products with the rows of each fold are a slice of all of them.
        if (np.diff(self.fold.astype(np.int64)) < 0).any():
            raise ValueError("rows that are kept are not in the order of their folds")
        if self._typical.min() < 0 or self.weight.min() <= 0:
            raise ValueError("rows that are kept have no distance or no weight")

    def fits(self, n_features: int, n_folds: int) -> bool:
        """Return whether these rows have so many columns, and are of so many folds."""
        return len(self.center) == n_features and len(self._typical) == n_folds


def n_kept(n_features: int) -> int:
    """Return how many training rows are kept at most."""
    return min(_MOST_ROWS, max(_SOME_ROWS, _MOST_CELLS // n_features))


class Isolation(nn.Module):
    """How isolated rows are from reference rows, for members that each leave out one fold."""

    def __init__(self, reference: ReferenceRows, left_out: np.ndarray):
        super().__init__()
        self.center = nn.Buffer(torch.from_numpy(reference.center), persistent=False)
        rows = torch.from_numpy(reference._centered()).float()
        self.rows = nn.Buffer(rows, persistent=False)
        self.lengths = nn.Buffer(rows.square().sum(dim=1), persistent=False)
        folds, sizes = np.unique(reference.fold, return_counts=True)
        self.sizes: list[int] = sizes.tolist()
        self.seen: list[list[int]] = [np.flatnonzero(folds != one).tolist() for one in left_out]
        self.padding = _PADDING * rows.shape[1] ** 0.5
        typical = torch.from_numpy(reference._typical[left_out]).float()
        self.typical = nn.Buffer(typical + self.padding, persistent=False)

    def forward(self, Z: Tensor) -> Tensor:
        """Return a factor of at least one for each row and member."""
        return self.of_centered((Z - self.center).float())

    def of_centered(self, rows: Tensor) -> Tensor:
        """Return the same for centred rows, in single precision."""
        return ((self.distances(rows) + self.padding) / self.typical).clamp(min=1) ** _POWER

    def distances(self, rows: Tensor) -> Tensor:
        """Return the mean distance to the nearest rows, one each of the nearest four folds.

        The row itself does not count. To a fold of nothing else the distance is zero.
        """
        together = rows.square().sum(dim=1, keepdim=True) + self.lengths
        squares = together - 2 * (rows @ self.rows.T)
        squares = squares.masked_fill(squares <= _SAME * together, torch.inf)
        folds = squares.split(self.sizes, dim=1)
        nearest = torch.stack([fold.amin(dim=1) for fold in folds], dim=1)
        nearest = nearest.masked_fill(nearest.isinf(), 0).sqrt()
        return torch.stack([_mean_of_nearest(nearest, seen) for seen in self.seen], dim=1)


def _mean_of_nearest(distances: Tensor, seen: list[int]) -> Tensor:
    if not seen:
        return torch.zeros_like(distances[:, 0])
    nearest = distances[:, seen].sort(dim=1).values[:, :_NEAREST]
    return nearest.mean(dim=1)
