"""How isolated a row is, beside training rows that are as far from the centre."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Self

import numpy as np

from skae._typing import ArrayOf

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

    def __call__(self, scores: Any, distances: Any) -> Any:
        """Return the factor of each row, given arrays or tensors of scores and distances."""
        typical = self.distances_[0]
        for i in range(len(self.scores_) - 1):
            width = max(self.scores_[i + 1] - self.scores_[i], np.finfo(np.float64).tiny)
            share = (scores - self.scores_[i]).clip(0, width) / width
            typical = typical + share * (self.distances_[i + 1] - self.distances_[i])
        return ((distances + self.padding_) / (typical + self.padding_)).clip(1) ** _POWER
