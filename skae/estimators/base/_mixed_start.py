"""The first layer, the losses and the start of a table with columns of several types or gaps."""

from typing import Any

import numpy as np
import torch

from skae.networks import ColumnInput, CountInput, GapInput, Network
from skae.objectives import ColumnLosses, Loss
from skae.objectives._column_likelihoods import ColumnLikelihoods
from skae.tables import CountTable, MixedTable, NumericTable, TableSchema

from ._count_start import count_input


def column_input(table: MixedTable) -> ColumnInput:
    """Return the first layer of the encoder for a table."""
    with_gaps = np.flatnonzero(table.has_gaps).tolist()
    layer = table.n_levels, table.shares, table.rhythms, with_gaps, table.weights
    return ColumnInput(*layer)


def first_layer(
    table: NumericTable | MixedTable, counts: CountTable | None, network: Network
) -> tuple[Network, ColumnInput | CountInput | GapInput | None]:
    """Return the network of the encoder, and the layer before it, None for rows as they are."""
    if counts is not None:
        return network, count_input(counts)
    if isinstance(table, MixedTable):
        return network, column_input(table)
    if table.expected is None:
        return network, None
    of_encoder, n_channels = network.with_gaps(table.n_columns)
    return of_encoder, GapInput(table.expected, n_channels)


def column_losses(table: MixedTable, numeric: Loss) -> ColumnLosses:
    """Return the losses of the columns of a table."""
    about = table.n_levels, table.bases, table.shares, table.of_unknown, table.weights
    return ColumnLosses(numeric, *about)


def column_likelihoods(table: MixedTable, noise_variance: float) -> ColumnLikelihoods:
    """Return the likelihoods of the columns of a table, given the first variance of the noise."""
    about = table.n_levels, table.shares, table.of_unknown, table.weights
    return ColumnLikelihoods(*about, noise_variance)


def learn_mixed_table(X: Any, weight: Any, schema: TableSchema, numeric: Loss) -> MixedTable:
    """Return what training needs to know of a table, given the loss of its numbers."""

    def loss_of_mean(cells: np.ndarray) -> np.ndarray:
        z = torch.from_numpy(cells)
        return numeric.function(torch.zeros_like(z), z, reduction="none").numpy()

    return MixedTable.learn(X, weight, schema, loss_of_mean)
