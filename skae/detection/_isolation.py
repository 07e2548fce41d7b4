"""How isolated a row is: how much further from other rows than training rows are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from ._stacks import buffer

# What is added to both distances of the ratio, times the root of the number of columns: where rows
# are dense, twice a tiny distance means little.
_PADDING = 0.3

# Power of the ratio of distances: it makes isolation count beside scores, which are squares.
_POWER = 6


@dataclass(eq=False)
class Isolation:
    """The factor by which the score of a row is multiplied, as it is far from all others.

    It is ((d + p) / (m + p))^6, of the distance d of the row from the nearest training rows, the
    median m of this distance of training rows, and a padding p. It is one at least: being near to
    other rows does not prove that a row is ordinary, as outliers may be alike.
    """

    typical_: float
    padding_: float

    @classmethod
    def learn(cls, distances: np.ndarray, n_features: int) -> "Isolation":
        """Return the isolation of rows of this width, from the distances of training rows."""
        return cls(float(np.median(distances)), _PADDING * n_features**0.5)

    def _check_consistency(self) -> None:
        if self.typical_ < 0 or self.padding_ <= 0:
            raise ValueError("a distance between rows is below zero")


class IsolationFactors(nn.Module):
    """The factors by which the `Isolation` of each member multiplies its scores."""

    def __init__(self, isolations: Sequence[Isolation]):
        super().__init__()
        self.typical = buffer(np.array([[one.typical_] for one in isolations]))
        self.padding = isolations[0].padding_

    def forward(self, distances: Tensor) -> Tensor:
        """Return factors, given float64 distances of shape (n_members, n_samples)."""
        ratio = (distances + self.padding) / (self.typical + self.padding)
        return ratio.clamp(min=1) ** _POWER
