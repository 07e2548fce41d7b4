"""How isolated a row is: how much further from other rows than training rows are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from ._stacks import buffer

# Padding of both distances, divided by the root of the number of columns. Without it, tiny
# distances between dense rows would have large ratios.
_PADDING = 0.3

# Power of the ratio of distances. In mixed columns it is multiplied by the square of the share of
# numbers: which categories rows have in common is mostly chance, and hides rare combinations.
_POWER = 4

# Rows of clusters of outliers count as isolated as this quantile of training rows.
_OF_CLUSTERS = 0.9


@dataclass(eq=False)
class Isolation:
    """The factor by which the score of a row is multiplied, as it is far from all others.

    Let d be the distance of the row from the nearest training rows, m the median of this distance
    over training rows, and p a padding. The factor is ((d + p) / (m + p))^4, and one at least:
    being near to other rows does not prove that a row is ordinary, as outliers may be alike. The
    power is smaller where some of the columns are categories.

    Clusters of outliers are not among the training rows to which d is the distance. A row that is
    nearer to one of them is unusual, but may be of an ordinary kind that is rare: its d counts as
    that of the most isolated of ten training rows.
    """

    typical_: float
    large_: float
    padding_: float

    @classmethod
    def learn(cls, distances: np.ndarray, n_features: int) -> Self:
        """Return the isolation of rows of this width, from the distances of training rows."""
        typical, large = np.quantile(distances, [0.5, _OF_CLUSTERS]).tolist()
        return cls(typical, large, _PADDING * n_features**0.5)

    def _check_consistency(self) -> None:
        if not 0 <= self.typical_ <= self.large_ or self.padding_ <= 0:
            raise ValueError("distances between rows are below zero, or not in order")


class IsolationFactors(nn.Module):
    """The factors by which the `Isolation` of each member multiplies its scores."""

    def __init__(self, isolations: Sequence[Isolation], share_of_numbers: float):
        super().__init__()
        self.typical = buffer(np.array([[one.typical_] for one in isolations]))
        self.large = buffer(np.array([[one.large_] for one in isolations]))
        self.padding, self.power = isolations[0].padding_, _POWER * share_of_numbers**2

    def forward(self, distances: Tensor, to_clusters: Tensor) -> Tensor:
        """Return factors of shape (n_members, n_samples), given float64 tensors of distances.

        Those to training rows have this shape, too, those to clusters one for each row.
        """
        distances = torch.where(to_clusters < distances, self.large, distances)
        ratio = (distances + self.padding) / (self.typical + self.padding)
        return ratio.clamp(min=1) ** self.power
