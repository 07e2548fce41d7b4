"""The first layer for a table of counts."""

import numpy as np
import torch
from torch import Tensor, nn

from skae._log_rates import depths_of, log_rates


class CountInput(nn.Module):
    """Turns counts into centred logarithms of rates.

    Rows are scaled to one total before the logarithm of one plus the counts is taken, so that rows
    of the same composition look alike, whatever their totals (Eraslan et al., 2019). A row without
    counts has no composition: it looks like the mean of all rows, which is zero. There is nothing
    to learn.

    Parameters
    ----------
    depth : float
        The total that rows are scaled to.
    center : ndarray of shape (n_columns,)
        Subtracted from the logarithms.
    scale : float
        Divisor of the centred logarithms.
    """

    center: Tensor

    def __init__(self, depth: float, center: np.ndarray, scale: float) -> None:
        super().__init__()
        self.depth, self.scale = depth, scale
        self.register_buffer("center", torch.from_numpy(center), persistent=False)

    def beside_zeros(self, weight: np.ndarray) -> np.ndarray:
        """Return the weight of all inputs, given that of those of a linear code: these are all."""
        return weight

    def forward(self, x: Tensor) -> Tensor:
        """Return inputs of the shape of the counts."""
        # Noise, or rounding, may have made counts negative.
        counts = x.clamp(min=0)
        inputs = (log_rates(counts, self.depth) - self.center) / self.scale
        return torch.where(depths_of(counts) > 0, inputs, 0.0)
