"""The distance of rows from Gaussians, in torch: scores and graphs share it."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._stacks import buffer, stacked

# Weight of the distance from the centre of all rows beside that from the nearest kind: a few
# outliers that are alike may form a kind, but one far from that centre.
_WEIGHT_OF_CENTER = 0.25

# Coordinates, about, in a part of the products by triangular factors.
_COORDINATES_OF_BLOCK = 50


class GaussianDistances(nn.Module):
    """Half the squared distance of rows from the centre and the nearest kind of `RobustGaussians`.

    One for each of several members of an ensemble. Values are centred and divided by their units
    in double precision; the rest is in single.
    """

    def __init__(self, gaussians: Sequence[Any]):
        super().__init__()
        coordinates = [one.coordinates_ for one in gaussians]
        self.center = buffer(stacked([one.center_[None] for one in coordinates]))
        self.unit = buffer(stacked([one.unit_[None] for one in coordinates], fill=1))
        if any(one.directions_ is not None for one in coordinates):
            directions = stacked([one.directions_or_identity for one in coordinates])
            self.directions: Tensor | None = buffer(directions, torch.float32)
        else:
            self.directions = None
        self.rest = buffer(np.array([[one.rest_] for one in coordinates]), torch.float32)
        whitening = stacked([one.whitening_.T for one in gaussians])
        shift = stacked([-one.center_[None] @ one.whitening_.T for one in gaussians])
        self.whitening, self.shift = buffer(whitening, torch.float32), buffer(shift, torch.float32)
        self.blocks: Any = nn.ModuleList()
        if any(len(one.penalties_) for one in gaussians):
            centers, factors, penalties = _kinds(gaussians)
            rows = _blocks(centers.shape[2])
            self.blocks.extend(_Block(centers, factors, of_block) for of_block in rows)
            self.penalties = buffer(penalties[:, None], torch.float32)

    def forward(self, values: Tensor) -> Tensor:
        """Return distances of zero or more, of shape (n_members, n_samples).

        The values are float64, of shape (n_members, n_samples, n_values).
        """
        units = ((values - self.center) / self.unit).float()
        outside: Tensor | float = 0.0
        coordinates = units
        if self.directions is not None:
            coordinates = units @ self.directions
            missed = units.square().sum(dim=2) - coordinates.square().sum(dim=2)
            outside = missed.clamp(min=0) / self.rest
        white = torch.baddbmm(self.shift, coordinates, self.whitening)
        from_center = white.square().sum(dim=2) / 2
        if not self.blocks:
            return from_center + outside / 2
        from_kinds = sum(block(white) for block in self.blocks)
        nearest = (from_kinds / 2 + self.penalties).amin(dim=2)
        both = (_WEIGHT_OF_CENTER * from_center + nearest) / (_WEIGHT_OF_CENTER + 1)
        return both + outside / 2


class _Block(nn.Module):
    """The squared length, for each kind, of some of the coordinates that it whitens."""

    def __init__(self, centers: np.ndarray, factors: np.ndarray, rows: slice):
        super().__init__()
        n_members, self.n_kinds, _ = centers.shape
        self.n_columns = rows.stop
        # Factors are lower triangles: these rows are zero in the columns after the slice.
        factors = factors[:, :, rows, : rows.stop]
        shifts = -np.einsum("mkij,mkj->mki", factors, centers[:, :, : rows.stop])
        by_column = factors.reshape(n_members, -1, rows.stop).transpose(0, 2, 1)
        self.factors = buffer(by_column, torch.float32)
        self.shifts = buffer(shifts.reshape(n_members, 1, -1), torch.float32)

    def forward(self, white: Tensor) -> Tensor:
        """Return squares of shape (n_members, n_samples, n_kinds)."""
        whitened = torch.baddbmm(self.shifts, white[:, :, : self.n_columns], self.factors)
        return whitened.square_().unflatten(2, (self.n_kinds, -1)).sum(dim=3)


def _kinds(gaussians: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centres, factors and penalties of the kinds of all members."""
    kinds = [
        (one.centers_, one.whitenings_, one.penalties_)
        if len(one.penalties_)
        # From this kind rows are as far as from the centre of all rows.
        else (np.zeros((1, len(one.center_))), np.eye(len(one.center_))[None], np.zeros(1))
        for one in gaussians
    ]
    centers, factors, penalties = map(list, zip(*kinds, strict=True))
    return stacked(centers), stacked(factors), stacked(penalties, fill=np.inf)


def _blocks(n_values: int) -> list[slice]:
    """Return slices of the coordinates: factors are triangles, of which these skip the zeros."""
    n_blocks = max(1, n_values // _COORDINATES_OF_BLOCK)
    bounds = np.linspace(0, n_values, n_blocks + 1).astype(int).tolist()
    return [slice(*pair) for pair in pairwise(bounds)]
