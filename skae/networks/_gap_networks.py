"""Networks that correct a first guess of missing cells."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F


class GapNetworks(nn.Module):
    """Several dense networks side by side that see the same rows.

    Each has two hidden layers of SiLU, and starts with the answer zero.

    Parameters
    ----------
    weights, biases : list of Tensor
        Those of three layers, of shape (n_networks, n_inputs, n_outputs) and
        (n_networks, 1, n_outputs).
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        super().__init__()
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    @classmethod
    def new(
        cls, n_networks: int, n_inputs: int, n_outputs: int, width: int, generator: Generator
    ) -> Self:
        """Return networks with initial weights."""
        weights = [
            torch.randn(n_networks, n_in, n_out, generator=generator) * (gain / n_in) ** 0.5
            for n_in, n_out, gain in (
                (n_inputs, width, 1.0),
                (width, width, 2.0),
                (width, n_outputs, 0.0),
            )
        ]
        return cls(weights, [w.new_zeros(n_networks, 1, w.shape[2]) for w in weights])

    def forward(self, x: Tensor) -> Tensor:
        """Return the corrections of all networks, of shape (n_networks, n_samples, n_outputs)."""
        first, *others = self.weights
        n_networks, n_inputs, width = first.shape
        # One product for all networks, as they see the same rows.
        side_by_side = first.transpose(0, 1).reshape(n_inputs, n_networks * width)
        hidden = (x @ side_by_side).view(-1, n_networks, width).transpose(0, 1)
        hidden = hidden + self.biases[0]
        for weight, bias in zip(others, self.biases[1:], strict=True):
            hidden = torch.baddbmm(bias, F.silu(hidden), weight)
        return hidden
