"""Codes and answers of rows that all go through a fitted network at once."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from ._fitted_network import FittedNetwork


class RowsAtOnce:
    """Runs a fitted autoencoder over rows that all go through its network at once.

    Rows and answers are float64 tensors of `device`. The network may be on another device, which
    may lack double precision.
    """

    def __init__(self, autoencoder: "FittedNetwork", device: torch.device):
        self._autoencoder = autoencoder
        self._of_net = next(autoencoder.net_.module_.parameters())
        self._unit = _unit_on(device, autoencoder._table)
        self._unit_of_answers = _unit_on(device, autoencoder._answers)

    def codes_and_rows(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes and reconstructions."""
        codes, output, scaled = self.codes_and_output(X)
        output = self._autoencoder.net_.criterion_.to_data(output, scaled.to(self._of_net))
        mean, scale = self._unit_of_answers
        return codes.to(X), output.to(mean) * scale + mean

    def codes_and_output(self, X: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return codes and outputs of the decoder, as the network gives them, and scaled rows."""
        mean, scale = self._unit
        scaled = (X - mean) / scale
        codes = self._autoencoder._encode(scaled.to(self._of_net))
        return codes, self._autoencoder._decode(codes), scaled


def _unit_on(device: torch.device, table: Any) -> tuple[Tensor, Any]:
    """Return the mean and the scale of the rows of a table, as far as they are tensors there."""
    mean, scale = table.mean.to(device=device, dtype=torch.float64), table.scale
    return mean, scale.to(device) if isinstance(scale, Tensor) else scale
