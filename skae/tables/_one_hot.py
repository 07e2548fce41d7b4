"""Columns of numbers and categories as a sparse matrix, of which a PCA is their factor analysis."""

import numpy as np
from scipy import sparse

# Cells that are looked at where training starts; it goes on from there with all of them.
_ENOUGH_CELLS = 2_000_000


def rows_of_budget(n_rows: int, cells_in_row: float, most: int = 20_000) -> slice:
    """Return some rows, evenly spaced, few enough that they have no more cells than are needed."""
    n_wanted = min(most, max(500, int(_ENOUGH_CELLS / max(cells_in_row, 1.0))))
    return slice(None, None, -(-n_rows // n_wanted))


def one_hot(
    numbers: np.ndarray, codes: np.ndarray, shares: list[np.ndarray], factors: np.ndarray
) -> sparse.csr_array:
    """Return scaled numbers beside categories that are a one divided by the root of their share.

    A gap, NaN, is what is expected without it: zero for a number, all shares for a category, and so
    is a category that is not known, -1. Columns of categories are multiplied by `factors`.
    """
    parts = [sparse.csr_array(np.nan_to_num(numbers))]
    for column, share, factor in zip(codes.T, shares, factors, strict=True):
        root, known = np.sqrt(share), column >= 0
        places = np.arange(len(column))
        ones = sparse.csr_array(
            (1 / root[column[known].astype(int)], (places[known], column[known].astype(int))),
            shape=(len(column), len(share)),
        )
        gaps = sparse.csr_array((~known)[:, None].astype(float))
        parts.append(factor * (ones + gaps @ sparse.csr_array(root[None])))
    return sparse.hstack(parts, format="csr")
