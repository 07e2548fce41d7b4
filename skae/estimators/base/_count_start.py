"""How training on a table of counts starts."""

from collections.abc import Iterator
from typing import Any

import torch
from scipy import sparse
from torch import Tensor

from skae._log_rates import depths_of
from skae.networks import Autoencoder, CountInput, start_linear_path
from skae.objectives import LEAST_SHARE
from skae.tables import CountTable, ScaledRows, weight_of_counted

# Cells that tell how far to go along the start, and the fewest rows with them.
_ENOUGH_CELLS, _ENOUGH_ROWS = 2**20, 200

# Strength of the normal prior on a coefficient: its precision for each row of weight one.
_PRIOR = 1e-3


class InputRows:
    """The outputs of the first layer, as the rows of a PCA."""

    def __init__(self, rows: ScaledRows, layer: CountInput) -> None:
        self._rows, self._layer = rows, layer
        self.X, self.mean, self.scale = rows.X, rows.mean, rows.scale
        self.shape, self.dtype, self.device = rows.shape, torch.float64, rows.device

    def __len__(self) -> int:
        return self.shape[0]

    def chunks(self, size: int | None = None) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows in order, with the slice that they come from."""
        for selection, chunk in self._rows.chunks(size):
            yield selection, self._layer(chunk.double())


def count_input(table: CountTable) -> CountInput:
    """Return the first layer of the encoder for a table."""
    return CountInput(table.depth, table.means, table.scale)


def linear_count_inputs(
    rows: ScaledRows, sample_weight: Any, table: CountTable
) -> tuple[ScaledRows | InputRows, Any]:
    """Return what the first layer makes of rows, sparse of a sparse table, and their weights.

    Rows without counts have none.
    """
    weight = weight_of_counted(rows, sample_weight)
    if sparse.issparse(rows.X):
        return table.sparse_inputs(rows), weight
    return InputRows(rows, count_input(table).to(rows.device)), weight


def some_rows(X: Any, sample_weight: Any) -> tuple[Any, Any]:
    """Return evenly spaced rows, as many as tell one number of the start, and their weights."""
    n_rows = max(_ENOUGH_ROWS, _ENOUGH_CELLS // X.shape[1])
    some = slice(None, None, -(-X.shape[0] // n_rows))
    return X[some], None if sample_weight is None else sample_weight[some]


@torch.no_grad()
def start_at_regression(autoencoder: Autoencoder, rows: ScaledRows, sample_weight: Any) -> None:
    """Set the decoder's linear path to a multinomial regression of the counts on the codes.

    It takes one step of Fisher scoring from the shares of the columns, which is the linear
    counterpart of the loss as PCA is of the squared error, and nears correspondence analysis. A
    normal prior on the coefficients keeps those of rare columns small.
    """
    n_rows = len(rows)
    weight = torch.ones(n_rows) if sample_weight is None else torch.as_tensor(sample_weight)
    weight = weight.double().cpu()[:, None]
    layer = next(autoencoder.parameters())
    autoencoder.eval()
    totals: Any = 0.0
    score: Any = 0.0
    information: Any = 0.0
    expected: Any = 0.0
    for selection, x in rows.chunks():
        counts = x.cpu().double()
        codes = autoencoder.latent(autoencoder.encoder(counts.to(layer))).double()
        weighted, depths = weight[selection] * codes, depths_of(counts)
        totals = totals + (weight[selection] * counts).sum(dim=0)
        score = score + weighted.T @ counts
        expected = expected + weighted.T @ depths
        information = information + (weighted * depths).T @ codes
    autoencoder.train()
    shares = (totals / totals.sum()).clamp(min=LEAST_SHARE)
    score = score - expected * shares
    # The information of each column is a share of the same matrix.
    values, vectors = torch.linalg.eigh(information)
    known = values[:, None].clamp(min=0) * shares + _PRIOR * weight.sum()
    solved = vectors @ ((vectors.T @ score) / known)
    start_linear_path(autoencoder.decoder, solved.T.numpy(), shares.log().numpy())
