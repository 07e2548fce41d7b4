"""The distance of rows from Gaussians, as one function of torch: scores and graphs share it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Weight of the distance from the centre of all rows beside that from the nearest kind: a few
# outliers that are alike may form a kind, but one far from that centre.
_WEIGHT_OF_CENTER = 0.25


class GaussianDistances(nn.Module):
    """Half the squared distance of rows from the centre and the nearest kind of `RobustGaussians`.

    Values are centred and divided by their units in double precision; the rest is in single.
    """

    def __init__(self, gaussians: Any):
        super().__init__()
        coordinates = gaussians.coordinates_
        self.center = _buffer(coordinates.center_, torch.float64)
        self.unit = _buffer(coordinates.unit_, torch.float64)
        directions = coordinates.directions_
        self.directions = None if directions is None else _buffer(directions)
        self.rest = coordinates.rest_
        self.whitening = _buffer(gaussians.whitening_.T)
        self.shift = _buffer(-gaussians.whitening_ @ gaussians.center_)
        self.n_kinds, self.n_values = gaussians.centers_.shape
        factors = gaussians.whitenings_
        self.factors = _buffer(factors.reshape(-1, self.n_values).T)
        self.shifts = _buffer(-np.einsum("kij,kj->ki", factors, gaussians.centers_).ravel())
        self.penalties = _buffer(gaussians.penalties_)

    def forward(self, values: Tensor) -> Tensor:
        """Return a distance of zero or more for each row of float64 values."""
        return self.of_units(((values - self.center) / self.unit).float())

    def of_units(self, units: Tensor) -> Tensor:
        """Return the same for values that are centred and in units, in single precision."""
        outside: Tensor | float = 0.0
        coordinates = units
        if self.directions is not None:
            coordinates = units @ self.directions
            missed = units.square().sum(dim=1) - coordinates.square().sum(dim=1)
            outside = missed.clamp(min=0) / self.rest
        white = torch.addmm(self.shift, coordinates, self.whitening)
        from_center = white.square().sum(dim=1) / 2
        if not self.n_kinds:
            return from_center + outside / 2
        from_kinds = torch.addmm(self.shifts, white, self.factors).square()
        from_kinds = from_kinds.view(-1, self.n_kinds, self.n_values).sum(dim=2) / 2
        nearest = (from_kinds + self.penalties).amin(dim=1)
        both = (_WEIGHT_OF_CENTER * from_center + nearest) / (_WEIGHT_OF_CENTER + 1)
        return both + outside / 2


def _buffer(values: Any, dtype: torch.dtype = torch.float32) -> nn.Buffer:
    return nn.Buffer(torch.as_tensor(np.ascontiguousarray(values), dtype=dtype), persistent=False)
