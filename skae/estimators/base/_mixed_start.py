"""How training on a table with columns of several types starts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skae.networks import Autoencoder, ColumnInput, WithColumnInput, start_linear_path
from skae.objectives import ColumnLosses, Loss
from skae.tables import MixedTable, PrincipalComponents, ScaledRows, TableSchema

# Rows that tell where training starts; it goes on from there with all of them.
_ENOUGH_ROWS = 20_000


def column_input(table: MixedTable) -> ColumnInput:
    """Return the first layer of the encoder for a table."""
    with_gaps = np.flatnonzero(table.has_gaps).tolist()
    return ColumnInput(table.n_levels, table.shares, table.rhythms, with_gaps)


def column_losses(table: MixedTable, numeric: Loss) -> ColumnLosses:
    """Return the losses of the columns of a table."""
    return ColumnLosses(numeric, table.n_levels, table.bases, table.shares, table.of_unknown)


def learn_mixed_table(X: Any, weight: Any, schema: TableSchema, numeric: Loss) -> MixedTable:
    """Return what training needs to know of a table, given the loss of its numbers."""

    def loss_of_mean(cells: np.ndarray) -> np.ndarray:
        z = torch.from_numpy(cells)
        return numeric.function(torch.zeros_like(z), z, reduction="none").numpy()

    return MixedTable.learn(X, weight, schema, loss_of_mean)


def rows_to_start_from(
    table: MixedTable, X: np.ndarray, weight: np.ndarray | None
) -> tuple[ScaledRows, np.ndarray | None]:
    """Return some rows, evenly spaced, and their weights: as inputs they may be very wide."""
    some = slice(None, None, -(-len(X) // _ENOUGH_ROWS))
    return table.rows(X[some]), None if weight is None else weight[some]


def linear_inputs(rows: ScaledRows, table: MixedTable) -> "InputRows":
    """Return the inputs that the first layer makes of rows, without rhythms and gaps."""
    columns = column_input(table)
    return InputRows(rows, columns, columns.n_linear)


class InputRows:
    """The first inputs that the first layer makes of rows, where a linear code sees them."""

    def __init__(self, rows: ScaledRows, columns: nn.Module, n_inputs: int) -> None:
        self._rows, self._columns = rows, columns
        self.X, self.mean, self.scale = rows.X, rows.mean, rows.scale
        self.shape = len(rows), n_inputs
        self.dtype, self.device = torch.float64, rows.device

    def __len__(self) -> int:
        return self.shape[0]

    def chunks(self, size: int | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows in order, with the slice that they come from."""
        for selection, chunk in self._rows.chunks(size):
            yield selection, self._columns(chunk.double())[:, : self.shape[1]]


def start_at_famd(
    autoencoder: Autoencoder, pca: PrincipalComponents, table: MixedTable, rng: Any
) -> None:
    """Set the linear paths to the factor analysis of mixed data (Escofier, 1979; Pages, 2004).

    That is a PCA of numbers beside categories divided by the roots of their shares. The logits
    start at the first-order expansion of the logarithm about the shares.
    """
    n_components, n_linear = len(autoencoder.code_mean), len(pca.mean)
    half = autoencoder.encoder
    assert isinstance(half, WithColumnInput)
    deviations = np.sqrt(pca.variances)[:, None]
    encoder = np.zeros((n_components, table.n_inputs))
    encoder[:, :n_linear] = rng.normal(size=(n_components, n_linear)) / np.sqrt(n_linear)
    decoder = np.zeros((n_components, n_linear))
    rank = len(pca.components)
    encoder[:rank, :n_linear] = pca.components / deviations
    decoder[:rank] = pca.components * deviations
    start_linear_path(half.encoder, encoder, -encoder[:, :n_linear] @ pca.mean)
    n_numbers = n_linear - len(table.shares)
    intercept = np.r_[pca.mean[:n_numbers], np.log(table.shares)]
    decoder[:, n_numbers:] /= np.sqrt(table.shares)
    start_linear_path(autoencoder.decoder, decoder.T, intercept)
