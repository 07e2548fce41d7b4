"""The training rows that a detector keeps, to learn scores again when its networks change."""

from typing import Annotated

import numpy as np
from scipy import sparse

from skae._typing import ArrayOf

from ._members import Rows

# Most rows that are kept.
N_KEPT = 2000

# Rows in the units of their columns, their weights and their folds.
KeptRows = tuple[
    Annotated[np.ndarray | sparse.csr_array, ArrayOf("float", "n_rows", "n_features_in_")],
    Annotated[np.ndarray, ArrayOf("float", "n_rows")],
    Annotated[np.ndarray, ArrayOf("int", "n_rows")],
]


def latest_rows(kept: KeptRows | None, Z: Rows, weight: np.ndarray, fold: np.ndarray) -> KeptRows:
    """Return the last of the kept and the new rows."""
    if kept is not None:
        both = [kept[0], Z]
        is_sparse = any(map(sparse.issparse, both))
        Z = sparse.vstack(both, format="csr") if is_sparse else np.vstack(both)
        weight, fold = np.r_[kept[1], weight], np.r_[kept[2], fold]
    latest = slice(-N_KEPT, None)
    return Z[latest], weight[latest], fold[latest]
