"""The training rows that a detector keeps, which others are compared with."""

from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf
from skae.tables import ColumnScaling, dense

from ._members import Rows
from ._mixed_columns import MixedColumns

# Share of the kept rows that may have been unusual when they came. Of ordinary rows one in a
# hundred is, and a few more by chance.
_MOST_UNUSUAL = 0.03

# Most rows that are kept; of wide rows, as many as have so many cells, but some.
_MOST_ROWS, _MOST_CELLS, _SOME_ROWS = 8192, 2**22, 256


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
    # Whether a row was unusual when it came in a stream.
    unusual: Annotated[np.ndarray, ArrayOf("bool", "n_rows")]
    # Whether a row is of a cluster of outliers.
    in_cluster: Annotated[np.ndarray, ArrayOf("bool", "n_rows")]
    center: Annotated[np.ndarray, ArrayOf("float", "n_features")]
    # Whitens rows, of mixed columns their numbers, but for their centre; none where covariances
    # are of low rank.
    whitening: Annotated[np.ndarray, ArrayOf("float", "n_numbers", "n_numbers")] | None
    n_folds: int
    # Where the table has columns of several types or gaps: these, and the cells without a value.
    columns: MixedColumns | None = field(default=None, metadata={"optional": True})
    gaps: Annotated[np.ndarray, ArrayOf("bool", "n_rows", "n_features")] | None = field(
        default=None, metadata={"optional": True}
    )

    @classmethod
    def keep(
        cls,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        unusual: np.ndarray,
        in_cluster: np.ndarray,
        center: np.ndarray,
        whitening: np.ndarray | None,
        n_folds: int,
        columns: MixedColumns | None = None,
        gaps: np.ndarray | None = None,
    ) -> Self:
        """Keep scaled rows, whose columns have the means `center`.

        Of mixed columns, `gaps` are the cells that had no value, which come filled.
        """
        order = np.argsort(fold, kind="stable")
        Z = Z[order] if sparse.issparse(Z) else Z[order] - center
        if gaps is not None:
            gaps = gaps[order]
        return cls(
            Z.astype(np.float32),
            weight[order],
            fold[order],
            unusual[order],
            in_cluster[order],
            center,
            whitening,
            n_folds,
            columns,
            gaps,
        )

    @property
    def rows(self) -> Rows:
        """The rows as they came, NaN for gaps."""
        return self.filled if self.gaps is None else np.where(self.gaps, np.nan, self.filled)

    @property
    def filled(self) -> Rows:
        """The rows as they came, but for gaps, which are filled."""
        return self._rows if sparse.issparse(self._rows) else self.centered() + self.center

    def rescaled(self, before: ColumnScaling, after: ColumnScaling) -> Self:
        """Return the same rows, scaled otherwise."""
        rows = after(before.inverse(dense(self.filled)))
        rows = sparse.csr_array(rows) if sparse.issparse(self.rows) else rows
        known = self.weight, self.fold, self.unusual, self.in_cluster
        whitening = self.whitening
        if whitening is not None:
            change = after.scale / before.scale
            whitening = whitening * (change if self.columns is None else self._of_numbers(change))
        of_table = whitening, self.n_folds, self.columns, self.gaps
        return self.keep(rows, *known, after.center, *of_table)

    def _of_numbers(self, change: np.ndarray) -> np.ndarray:
        """Return what belongs to the columns of numbers; a table without any has one of zeros."""
        assert self.columns is not None
        is_number = self.columns.is_number
        return change[is_number] if is_number.any() else np.ones(1)

    def some(self, n_rows: int) -> slice:
        """Return a slice of at least so many of the rows, if there are; it treats folds alike."""
        return slice(None, None, max(1, len(self.fold) // n_rows))

    def admits(
        self, unusual: np.ndarray, scores: np.ndarray, share: float, rng: np.random.RandomState
    ) -> np.ndarray:
        """Return a mask of the new rows that are to be learned, given which of them are unusual.

        Unusual rows may be a small part of the kept ones, or of the new ones: those of the lowest
        outlier scores, as the tail of ordinary rows has to be whole. Of the others a random share
        is learned, so that a burst changes little.
        """
        n_kept = len(self.fold) + (~unusual).sum()
        n_free = max(int(_MOST_UNUSUAL * n_kept) - self.unusual.sum(), 0)
        n_free = max(n_free, int(_MOST_UNUSUAL * len(unusual)))
        admitted, found = ~unusual, np.flatnonzero(unusual)
        found = found[np.argsort(scores[found], kind="stable")]
        admitted[found[:n_free]] = True
        admitted[found[n_free:]] = rng.uniform(size=len(found[n_free:])) < share
        return admitted

    def followed_by(
        self,
        Z: Rows,
        weight: np.ndarray,
        fold: np.ndarray,
        unusual: np.ndarray,
        rng: np.random.RandomState,
    ) -> tuple[Rows, np.ndarray, np.ndarray, np.ndarray]:
        """Return these rows and new ones in random order, with what is known of them.

        Of more rows than are kept, these are drawn from old and new ones alike.
        """
        both = [self.rows, Z]
        is_sparse = any(map(sparse.issparse, both))
        rows = sparse.vstack(both, format="csr") if is_sparse else np.vstack(both)
        # In any order: the nearest rows are looked for in parts, none of which may be of one call.
        drawn = rng.permutation(rows.shape[0])[: n_kept(Z.shape[1])]
        return (
            rows[drawn],
            np.r_[self.weight, weight][drawn],
            np.r_[self.fold, fold][drawn],
            np.r_[self.unusual, unusual][drawn],
        )

    def centered(self) -> np.ndarray:
        """Return filled rows less the means of their columns, in float32."""
        if sparse.issparse(self._rows):
            return dense(self._rows) - self.center
        return self._rows

    def _check_consistency(self) -> None:
        if len(self.fold) == 0 or self.fold.min() < 0 or self.fold.max() >= self.n_folds:
            raise ValueError("rows that are kept are of none of the folds")
        if self.weight.min() <= 0:
            raise ValueError("rows that are kept have no weight")
        if self.in_cluster.all():
            raise ValueError("all rows that are kept are of clusters of outliers")
        if (self.columns is None) != (self.gaps is None):
            raise ValueError("rows that are kept have gaps, but no columns that may have some")

    def fits(self, n_features: int, n_folds: int) -> bool:
        """Return whether these rows have so many columns, and are of so many folds."""
        widths = {len(self.center), n_features}
        n_numbers = n_features
        if self.columns is not None:
            widths.add(len(self.columns.n_levels))
            n_numbers = max(1, self.columns.n_levels.count(0))
        whitens = self.whitening is None or len(self.whitening) == n_numbers
        return len(widths) == 1 and self.n_folds == n_folds and whitens


def n_kept(n_features: int) -> int:
    """Return how many training rows are kept at most."""
    return min(_MOST_ROWS, max(_SOME_ROWS, _MOST_CELLS // n_features))
