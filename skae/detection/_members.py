"""Training and calls of the autoencoders of an ensemble: no other file here calls them.

Rows come validated and in the units of their columns. Functions return arrays.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from skae._compat import validate_params
from skae.estimators.base import BaseAutoencoder, fit_in_lockstep

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


def values_of(member: BaseAutoencoder, Z: Tensor) -> Tensor:
    """Return the residual, the code and the row itself of rows, side by side.

    Rows and values are float64 tensors of the CPU. All rows go through the network at once.
    """
    codes, rows = member._codes_and_rows(Z)
    return torch.cat([Z - rows, codes, Z], dim=1)


def device_of(member: BaseAutoencoder) -> torch.device:
    """Return the device that the network of a member is on."""
    return next(member.net_.module_.parameters()).device
