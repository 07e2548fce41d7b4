"""How isolated a row is, beside training rows that are as far from the centre."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Self

import numpy as np
from torch import Tensor, nn

from skae._typing import ArrayOf

from ._stacks import buffer, stacked

# Groups of rows of similar scores, each with a typical distance, at most; the rows that a group
# needs; and the share of the rows, those of the highest scores, that belong to none.
_MOST_GROUPS, _ROWS_PER_GROUP, _LEFT_OUT = 16, 20, 0.05

# What is added to both distances of the ratio, times the root of the number of columns: where rows
# are dense, twice a tiny distance means little.
_PADDING = 0.1

# Power of the ratio of distances: it makes isolation count beside scores, which are squares.
_POWER = 4


@dataclass(eq=False)
class Isolation:
    """The factor by which the score of a row is multiplied, as it is far from all others.

    It is the distance of the row from the nearest training rows, over that which is typical of
    rows of its score: far from the centre, all rows are far from each other. It is one at least:
    being near to other rows does not prove that a row is ordinary, as outliers may be alike.
    """

    scores_: Annotated[np.ndarray, ArrayOf("float", "n_groups")] = field(init=False)
    distances_: Annotated[np.ndarray, ArrayOf("float", "n_groups")] = field(init=False)
    padding_: float = field(init=False)

    def fit(self, scores: np.ndarray, distances: np.ndarray, n_features: int) -> Self:
        """Learn the typical distance at each score from those of training rows."""
        self.padding_ = _PADDING * n_features**0.5
        n_groups = min(_MOST_GROUPS, max(1, len(scores) // _ROWS_PER_GROUP))
        order = np.argsort(scores, kind="stable")
        order = order[: max(1, int((1 - _LEFT_OUT) * len(order)))]
        groups = np.array_split(order, n_groups)
        self.scores_ = np.array([np.median(scores[group]) for group in groups])
        typical = np.array([np.median(distances[group]) for group in groups])
        # Further out, rows are further from each other; a tight cluster there changes nothing.
        self.distances_ = np.maximum.accumulate(typical)
        return self


class IsolationFactors(nn.Module):
    """The factors by which the `Isolation` of each member multiplies its scores."""

    def __init__(self, isolations: Sequence[Isolation]):
        super().__init__()
        scores = [one.scores_ for one in isolations]
        width = [np.maximum(np.diff(one), np.finfo(np.float64).tiny) for one in scores]
        self.scores = buffer(stacked([one[:-1, None] for one in scores]))
        self.width = buffer(stacked([one[:, None] for one in width], fill=1))
        self.rise = buffer(stacked([np.diff(one.distances_)[:, None] for one in isolations]))
        self.first = buffer(np.array([one.distances_[:1] for one in isolations]))
        self.padding = isolations[0].padding_

    def forward(self, scores: Tensor, distances: Tensor) -> Tensor:
        """Return factors, given float64 tensors, all of shape (n_members, n_samples)."""
        share = ((scores[:, None] - self.scores) / self.width).clamp(0, 1)
        typical = self.first + (share * self.rise).sum(dim=1)
        return ((distances + self.padding) / (typical + self.padding)).clamp(min=1) ** _POWER
