"""Training and calls of the autoencoders of an ensemble: no other file here calls them.

Rows come validated and in the units of their columns. Functions return arrays.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy import sparse

from skae._compat import validate_params
from skae.estimators.base import BaseAutoencoder, fit_in_lockstep
from skae.tables import dense

Rows: TypeAlias = np.ndarray | sparse.csr_array

# The shape of a row that is an image or a window; None for the rows of a table.
RowShape: TypeAlias = tuple[int, ...] | None


def fit_members(
    members: list[BaseAutoencoder],
    Z: Rows,
    rows: list[np.ndarray],
    weight: np.ndarray | None,
    row_shape: RowShape,
    tell_left: Callable[[int], None],
) -> None:
    """Fit each member on its rows, given by their indices; tell how many epochs are left."""
    fit_in_lockstep(members, Z, rows, weight, row_shape, tell_left)


def train_member(
    member: BaseAutoencoder, Z: Rows, weight: np.ndarray | None, row_shape: RowShape
) -> bool:
    """Train a member for one pass over rows; return whether the user interrupted that."""
    validate_params(member)
    # The epochs before are counted, but no longer in the history; see `forget_training`.
    fitted = hasattr(member, "net_")
    n_forgotten = member.n_iter_ - len(member.net_.history) if fitted else 0
    member._partial_fit_rows(Z, weight, row_shape)
    member.n_iter_ += n_forgotten
    return member.net_.interrupted_


def forget_training(members: list[BaseAutoencoder]) -> None:
    """Free the records of training, and the codes that only `sample` of a member would need.

    Of a small detector they would be most of a file.
    """
    for member in members:
        member.net_.history.clear()
        member.loss_curve_, member.validation_loss_curve_ = [], None
        if member._draws_from != "prior":
            member._some_codes = None


def codes_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the codes of rows, in their dtype."""
    return member._encode_rows(Z).cpu().numpy()


def rows_of(member: BaseAutoencoder, codes: np.ndarray) -> np.ndarray:
    """Return decoded codes, in their dtype."""
    return member._decode_codes(codes).cpu().numpy()


def reconstructions_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the reconstruction of rows, in their dtype."""
    return member._reconstruct_rows(Z).cpu().numpy()


def scores_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the score of each row, higher for more ordinary ones."""
    return member._score_rows(Z).cpu().numpy()


def residuals_and_codes(member: BaseAutoencoder, Z: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the residuals of rows and their codes, in float64."""
    codes = codes_of(member, Z)
    return dense(Z) - rows_of(member, codes).astype(np.float64), codes.astype(np.float64)
