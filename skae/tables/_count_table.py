"""A table of counts, whose rows differ in their totals."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
import torch
from scipy import sparse

from skae._batch import total
from skae._log_rates import depths_of, log_rates
from skae._typing import ArrayOf

from ._scaled_rows import ScaledRows


@dataclass(eq=False)
class CountTable:
    """The scaling of a table of counts, with which the encoder sees logarithms of rates.

    These are log(1 + count) of rows that are scaled to the mean total of all rows, minus their
    means, divided by one number for all columns, so that their mean variance is one. Rows without
    counts have no part in that.
    """

    # The mean total of a row.
    depth: float
    means: Annotated[np.ndarray, ArrayOf("float", "n_columns")]
    scale: float

    @classmethod
    def learn(cls, rows: ScaledRows, weight: Any, loss: str) -> Self:
        """Return the table that rows of counts make, in two passes; `loss` is named in errors."""
        n_columns = rows.shape[1]
        if n_columns < 2:
            raise ValueError(
                f"loss={loss!r} judges the shares of columns in the total of their row, but X has "
                f"n_features={n_columns}: the share is always one. Use loss='poisson'."
            )
        depth = float(np.average(_totals(rows), weights=weight))
        if not depth > 0:
            raise ValueError(f"loss={loss!r} needs counts, but all values of X are zero.")
        share = torch.from_numpy(weight_of_counted(rows, weight))
        share /= share.sum()
        sums = total(
            torch.stack([share[selection] @ x, share[selection] @ x.square()])
            for selection, x in (
                (selection, log_rates(x.cpu().double(), depth)) for selection, x in rows.chunks()
            )
        )
        variance = float((sums[1] - sums[0].square()).clamp(min=0).mean())
        return cls(depth, sums[0].numpy(), variance**0.5 or 1.0)

    def sparse_inputs(self, rows: ScaledRows) -> ScaledRows:
        """Return the logarithms of rows of a sparse table, centred only as they are read."""
        X = sparse.csr_array(rows.X, dtype=np.float64, copy=True)
        X.sum_duplicates()
        depths = np.asarray(X.sum(axis=1)).ravel()
        factor = self.depth / np.where(depths > 0, depths, 1.0)
        X.data = np.log1p(X.data.clip(min=0) * np.repeat(factor, np.diff(X.indptr)))
        return ScaledRows(X, self.means, self.scale)


def weight_of_counted(rows: ScaledRows, weight: Any) -> np.ndarray:
    """Return the weights of rows, zero for rows without counts."""
    counted = _totals(rows) > 0
    return counted * (1.0 if weight is None else np.asarray(weight))


def _totals(rows: ScaledRows) -> np.ndarray:
    """Return the total of each row, in float64."""
    found = [depths_of(x.cpu().double()).squeeze(-1) for _, x in rows.chunks()]
    return torch.cat(found).numpy()
