"""The first layer for numbers with gaps: images, windows, and tables of one scale."""

import numpy as np
import torch
from torch import Tensor, nn


class GapInput(nn.Module):
    """Fills gaps with what is expected, and adds an indicator of gaps beside each channel.

    There is nothing to learn.

    Parameters
    ----------
    expected : ndarray of shape (n_values,)
        What is expected in each place: the mean of its other values.
    n_channels : int
        The values of a row are pixels or steps of so many channels. The indicators of these
        follow them, so that convolutions see both in the same place.
    """

    expected: Tensor

    def __init__(self, expected: np.ndarray, n_channels: int) -> None:
        super().__init__()
        self.n_channels = n_channels
        self.register_buffer("expected", torch.from_numpy(expected), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return inputs of shape (..., n_samples, 2 * n_values)."""
        missing = x.isnan()
        filled = torch.where(missing, self.expected.to(x), x)
        pixels = *x.shape[:-1], -1, self.n_channels
        return torch.cat([filled.view(pixels), missing.to(x).view(pixels)], dim=-1).flatten(-2)

    def beside_zeros(self, weight: np.ndarray) -> np.ndarray:
        """Return the weight of all inputs, given that of those of a linear code."""
        pixels = weight.reshape(len(weight), -1, self.n_channels)
        return np.concatenate([pixels, np.zeros_like(pixels)], axis=2).reshape(len(weight), -1)
