"""Training and calls of the autoencoders of an ensemble: no other file here calls them.

Rows come validated and in the units of their columns. Functions return arrays.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse
from torch import Tensor

from skae._compat import validate_params
from skae.estimators.base import BaseAutoencoder, fit_in_lockstep
from skae.tables import CallerType, MixedTable, ScaledRows

from ._column_answers import ColumnAnswers

Rows: TypeAlias = np.ndarray | sparse.csr_array


def fit_members(
    members: list[BaseAutoencoder],
    Z: Rows,
    rows: list[np.ndarray],
    weight: np.ndarray | None,
    caller: CallerType,
    n_jobs: int | None,
    tell_left: Callable[[int], None],
) -> None:
    """Fit each member on its rows, given by their indices; tell how many epochs are left.

    Of several jobs, each trains some of the members in lockstep, and tells nothing.
    """
    # In the jobs of a search, None must give the bits that it gives elsewhere.
    n_groups = 1 if n_jobs is None else min(effective_n_jobs(n_jobs), len(members))
    if n_groups == 1:
        fit_in_lockstep(members, Z, rows, weight, caller, tell_left)
        return
    groups = np.array_split(np.arange(len(members)), n_groups)
    parts = [([members[i] for i in group], [rows[i] for i in group]) for group in groups]
    fitted = Parallel(n_jobs)(
        delayed(_fit_group)(some, Z, of_each, weight, caller) for some, of_each in parts
    )
    # Another process has fitted copies of them.
    members[:] = [member for group in fitted for member in group]


def _fit_group(
    members: list[BaseAutoencoder],
    Z: Rows,
    rows: list[np.ndarray],
    weight: np.ndarray | None,
    caller: CallerType,
) -> list[BaseAutoencoder]:
    """Fit some of the members, and return them."""
    fit_in_lockstep(members, Z, rows, weight, caller)
    return members


def train_member(
    member: BaseAutoencoder, Z: Rows, weight: np.ndarray | None, caller: CallerType
) -> bool:
    """Train a member for one pass over rows; return whether the user interrupted that."""
    validate_params(member)
    # The epochs before are counted, but no longer in the history; see `forget_training`.
    fitted = hasattr(member, "net_")
    n_forgotten = member.n_iter_ - len(member.net_.history) if fitted else 0
    member._partial_fit_rows(Z, weight, caller)
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


def decoded_by(member: BaseAutoencoder, codes: np.ndarray) -> np.ndarray:
    """Return the answers to codes, in their dtype: rows or, of mixed columns, `shares_of` them."""
    if member._mixed is not None:
        return _shares_of_rows(member, member._mixed, member._decode, ScaledRows(codes))
    return member._decode_codes(codes).cpu().numpy()


def answers_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the answers to rows; see `decoded_by`."""
    if member._mixed is not None:
        rows = member._mixed.rows(Z)
        return _shares_of_rows(member, member._mixed, member._there_and_back, rows)
    return member._reconstruct_rows(Z).cpu().numpy()


def _shares_of_rows(
    member: BaseAutoencoder,
    table: MixedTable,
    function: Callable[[Tensor], Tensor],
    rows: ScaledRows,
) -> np.ndarray:
    """Return numbers in the unit of rows, and probabilities of categories, in float64."""
    shares = torch.empty(len(rows), table.n_outputs, dtype=torch.float64, device="cpu")
    of_chunk = _answers(member, table).shares
    return member._fill(shares, rows, function, lambda _, output: of_chunk(output[None])[0]).numpy()


def _answers(member: BaseAutoencoder, table: MixedTable) -> ColumnAnswers:
    losses: Any = member._fitted_loss
    return ColumnAnswers([losses], [table])


def scores_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the score of each row, higher for more ordinary ones."""
    return member._score_rows(Z).cpu().numpy()


def values_of(member: BaseAutoencoder, Z: Tensor) -> Tensor:
    """Return the residual, the code and the row itself of rows, side by side.

    Rows and values are float64 tensors of the CPU. All rows go through the network at once. Of
    mixed columns, without gaps, there are deviance residuals of categories, and the row itself is
    its numbers.
    """
    table = member._mixed
    if table is None:
        codes, rows = member._codes_and_rows(Z)
        return torch.cat([Z - rows, codes, Z], dim=1)
    answers = _answers(member, table)
    codes, output, scaled = member._codes_and_output(Z)
    residuals = answers.residuals(output[None], scaled[None])[0]
    return torch.cat([residuals, codes.to(Z), Z[:, answers.numbers]], dim=1)


def shares_by(member: BaseAutoencoder, Z: Tensor) -> Tensor:
    """Return `answers_of` a member to rows of mixed columns, tensors as in `values_of`."""
    assert member._mixed is not None
    output = member._codes_and_output(Z)[1]
    return _answers(member, member._mixed).shares(output[None])[0]


def n_values_of(member: BaseAutoencoder) -> int:
    """Return the number of values of a row; see `values_of`."""
    n_features, table = member.n_features_in_, member._mixed
    n_numbers = n_features if table is None else table.n_levels.count(0)
    return n_features + member.n_components_ + n_numbers


def device_of(member: BaseAutoencoder) -> torch.device:
    """Return the device that the network of a member is on."""
    return next(member.net_.module_.parameters()).device
