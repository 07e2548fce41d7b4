"""Copies of rows in which more cells are missing, for networks to learn to fill."""

import numpy as np
import torch
from torch import Tensor

from ._linear_table import LinearRows

# Share of the copied rows that lack what another row lacks: gaps of real tables come together. The
# others lose cells one by one, a share of them within these bounds.
_BORROWED, _FEWEST, _MOST = 0.75, 0.05, 0.5

# Rows of all copies together, and most copies.
_ROWS, _COPIES = 40_000, 40


def n_copies(n_rows: int) -> int:
    """Return how many copies of a table networks learn from."""
    return int(np.clip(_ROWS // n_rows, 1, _COPIES))


def hidden_cells(rows: LinearRows, rng: np.random.RandomState) -> Tensor:
    """Return which cells of rows a copy lacks; each keeps one at least."""
    n_rows, n_columns = rows.missing.shape
    share = rng.uniform(_FEWEST, _MOST, size=(n_rows, 1))
    hidden = torch.from_numpy(rng.random_sample((n_rows, n_columns)) < share)
    if rows.missing.any():
        others = torch.from_numpy(rng.permutation(n_rows))
        borrows = torch.from_numpy(rng.random_sample((n_rows, 1)) < _BORROWED)
        hidden = torch.where(borrows, rows.missing[others], hidden)
    keeps_one = (~(rows.missing | hidden)).any(dim=1, keepdim=True)
    return hidden & keeps_one
