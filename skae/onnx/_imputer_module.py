"""A fitted imputer as a torch module to export, from encoded rows to these without gaps."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skae.imputation import AutoencoderImputer, LinearTable
from skae.networks import GapNetworks
from skae.tables import PlainTable

from ._autoencoder_modules import ColumnBounds
from ._gaussian_fill import GaussianFill


def check_imputer(imputer: Any) -> None:
    """Refuse an imputer whose answers are more than its rows without gaps."""
    advice = {
        "sample_posterior": "a graph makes no draws. Call set_params(sample_posterior=False), or",
        "add_indicator": "a graph gives the columns alone: clients know what they have sent. Call "
        "set_params(add_indicator=False), or",
    }
    found = [name for name in advice if getattr(imputer, name)]
    if found:
        reason = f"{found[0]}=True: {advice[found[0]]}"
    elif imputer.missing_values is not None and imputer.missing_values == imputer.missing_values:
        reason = (
            f"missing_values={imputer.missing_values!r}: in a graph a gap is NaN or the empty "
            f"text. Call set_params(missing_values=numpy.nan) if clients send that, or"
        )
    elif len(imputer._columns.known) < imputer.n_features_in_:
        reason = "columns without any value in fit. Fit without them, or"
    else:
        return
    raise ValueError(f"AutoencoderImputer has no graph with {reason} use skae.save and skae.load.")


class ImputerModule(nn.Module):
    """Fills rows of numbers, codes of categories and NaN, as the imputer does with `transform`."""

    def __init__(self, imputer: AutoencoderImputer) -> None:
        super().__init__()
        filler, linear = imputer._filler, LinearTable(imputer._filler.table)
        self.columns, self.losses = linear.columns, linear.losses
        self.mean, self.scale = _buffer(filler.table.means), _buffer(filler.table.scales)
        self.is_category = _buffer(np.array(filler.table.n_levels) > 0)
        self.column_of, self.expected = nn.Buffer(linear.column_of), nn.Buffer(linear.expected)
        self.low, self.high = map(nn.Buffer, linear.bounds)
        self.gaussian = GaussianFill(filler.gaussian)
        self.bounds = ColumnBounds(filler.table.schema)
        self.trust = _buffer(filler.trust[self.column_of])
        self.networks: Any = nn.ModuleList(
            GapNetworks(
                *([torch.from_numpy(one) for one in ones] for ones in (r.weights, r.biases))
            )
            for r in filler.rounds
        )
        self.trust_of_rounds = [_buffer(one.trust[self.column_of]) for one in filler.rounds]

    def completed(self, X: Tensor) -> Tensor:
        """Return rows without gaps; other cells stay as they are."""
        cells = (X.double() - self.mean) / self.scale
        values = self.columns(cells)[:, : self.columns.n_linear]
        missing = cells.isnan() | (self.is_category & (cells < 0))
        of_values = missing.index_select(1, self.column_of)
        told = self.gaussian(values, of_values)
        guess = self.expected + self.trust * (told - self.expected)
        guess = torch.where(of_values, guess, told)
        guess = torch.minimum(torch.maximum(guess, self.low), self.high)
        for networks, trust in zip(self.networks, self.trust_of_rounds, strict=True):
            seen = torch.cat([guess, missing.to(guess)], dim=1).float()
            outputs = self.losses.from_guess(guess)
            outputs = outputs + trust * networks(seen).mean(dim=0).double()
            guess = torch.where(of_values, self.losses.to_guess(outputs), guess)
        answers = self.losses.to_data(self.losses.from_guess(guess)) * self.scale + self.mean
        return torch.where(X.isnan(), self.bounds(answers).to(X.dtype), X)

    # The same rows, which become columns of several types.
    completed_columns = completed


def is_numeric(imputer: AutoencoderImputer) -> bool:
    """Return whether an imputer takes and gives one matrix of numbers."""
    table = PlainTable.of(imputer)
    return table is None or table.is_numeric


def _buffer(values: Any) -> nn.Buffer:
    return nn.Buffer(torch.tensor(np.asarray(values)))
