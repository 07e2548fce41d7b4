"""Training and calls of the autoencoders of an ensemble: no other file here calls them.

Rows come validated and in the units of their columns. Functions return arrays.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from scipy import sparse
from torch import Tensor

from skae._chunks import CPU
from skae._compat import validate_params
from skae._exact_dtype import exact_dtype
from skae.estimators.base import BaseAutoencoder, RowsAtOnce, fit_in_lockstep
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
    """Return the answers of a member on its `exact_device`."""
    losses: Any = member._fitted_loss
    device = exact_device(member)
    if losses.bases.device != device:
        losses = deepcopy(losses)
    return ColumnAnswers([losses], [table]).to(device)


def scores_of(member: BaseAutoencoder, Z: Rows) -> np.ndarray:
    """Return the score of each row, higher for more ordinary ones."""
    return member._score_rows(Z).cpu().numpy()


class MemberValues:
    """The residual, the code and the row itself of rows, side by side, by a member.

    Rows and values are float64 tensors of `device`. All rows go through the network at once. Of
    mixed columns, without gaps, there are deviance residuals of categories, and the row itself is
    its numbers.
    """

    def __init__(self, member: BaseAutoencoder):
        self.member, self.device = member, exact_device(member)
        table = member._mixed
        self._answers = None if table is None else _answers(member, table)

    def __call__(self, Z: Tensor) -> Tensor:
        """Return the values of rows."""
        if self._answers is None:
            return _values(self._network, Z)
        codes, output, scaled = self._network.codes_and_output(Z)
        residuals = self._answers.residuals(output[None], scaled[None])[0]
        return torch.cat([residuals, codes.to(Z), Z[:, self._answers.numbers]], dim=1)

    @cached_property
    def _network(self) -> RowsAtOnce:
        # Not made where members run as one stack.
        return RowsAtOnce.of(self.member, self.device)

    def shares(self, Z: Tensor) -> Tensor:
        """Return `answers_of` the member to rows of mixed columns."""
        assert self._answers is not None
        output = self._network.codes_and_output(Z)[1]
        return self._answers.shares(output[None])[0]


def values_by(members: Sequence[MemberValues]) -> Callable[[Tensor], list[Tensor] | Tensor]:
    """Return a function of rows: their values by each member, which may be one tensor.

    On a GPU, members whose networks are dense and of the same shapes run as one stack. A single
    member does, too: its products take the route that they take among others.
    """
    network = RowsAtOnce.of_stack([one.member for one in members], members[0].device)
    if network is None:
        return lambda Z: [values_of(Z) for values_of in members]
    return lambda Z: _values(network, Z)


def _values(network: RowsAtOnce, Z: Tensor) -> Tensor:
    """Return the values of rows of numbers."""
    codes, rows = network.codes_and_rows(Z)
    return torch.cat([Z - rows, codes, Z.expand_as(rows)], dim=-1)


def n_values_of(member: BaseAutoencoder) -> int:
    """Return the number of values of a row; see `MemberValues`."""
    n_features, table = member.n_features_in_, member._mixed
    n_numbers = n_features if table is None else table.n_levels.count(0)
    return n_features + member.n_components_ + n_numbers


def exact_device(member: BaseAutoencoder) -> torch.device:
    """Return the device of the network of a member, or the CPU if that one lacks float64."""
    device = next(member.net_.module_.parameters()).device
    return device if exact_dtype(device) == torch.float64 else CPU
