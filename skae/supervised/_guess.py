"""A guess of the labels that are missing."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

# Guesses that explain this share of the differences between rows show that answers follow groups of
# rows.
_EXPLAINED_BY_GROUPS = 0.5

# Replaces a divisor of zero.
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Guess:
    """Answers to all rows.

    `weight` says how much each counts in training, beside given labels of weight one. `grouped` is
    the share of the differences between rows that the guesses explain, divided by one half, and at
    most 1.
    """

    answers: np.ndarray
    weight: np.ndarray
    grouped: float

    def renewed(self, later: Self) -> Self:
        """Return a guess from codes that were trained with this one, as far as there are groups.

        Without groups this guess stays: the codes have learned the given labels by heart. `grouped`
        stays that of this guess, for the same reason.
        """
        of_later, of_this = self.grouped * later.weight, (1 - self.grouped) * self.weight
        weight = of_later + of_this
        answers = of_later[:, None] * later.answers + of_this[:, None] * self.answers
        answers /= np.maximum(weight, _TINY)[:, None]
        return replace(self, answers=answers, weight=weight)


def grouped_by(explained: float) -> float:
    """Return `grouped` of a guess, given the share of the differences that is explained."""
    return float(np.clip(explained / _EXPLAINED_BY_GROUPS, 0.0, 1.0))
