"""The calibration of a detector: thresholds and p-values from scores of held-out rows."""

import math
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import numpy as np

from skae._typing import ArrayOf

from ._ensemble import mean_over_members

# Share of ordinary rows below the threshold of the contamination "auto".
AUTO_LEVEL = 0.05

Level = float | Literal["auto"]


def share_of(level: Level) -> float:
    """Return the share of ordinary rows below the threshold."""
    return AUTO_LEVEL if level == "auto" else level


def rows_needed(level: Level) -> int:
    """Return how many held-out rows a level needs: with fewer, no p-value is as small."""
    return math.ceil(1 / share_of(level)) - 1


# Indices of members; the scores that they give rows, in rising order; for each of these rows the
# total weight of those that score at least as high, and a zero at the end.
_Group = tuple[
    Annotated[np.ndarray, ArrayOf("int", None)],
    Annotated[np.ndarray, ArrayOf("float", None)],
    Annotated[np.ndarray, ArrayOf("float", None)],
]


@dataclass(eq=False)
class Calibration:
    """Outlier scores of held-out rows: they turn a level into a threshold, scores into p-values.

    A group holds rows and the members that were not trained on them. The same members score a new
    row before it is compared with the group (cross-conformal prediction; Vovk, 2015). One group
    of all members is split conformal prediction.
    """

    # Share of itself by which rounding may change the score of a row: closer scores are equal.
    ROUNDING: ClassVar = 1e-5

    _groups: list[_Group] = field(default_factory=list)

    def add(self, members: np.ndarray, outlier_scores: np.ndarray, weight: np.ndarray) -> None:
        """Add a group: members by index, scores of shape (n_rows, n_members) and row weights."""
        scores = mean_over_members(outlier_scores[:, members])
        order = np.argsort(scores)
        above = np.r_[np.cumsum(weight[order][::-1])[::-1], 0.0]
        self._groups.append((members, scores[order], above))

    def _total(self) -> float:
        return sum(above[0] for _, _, above in self._groups)

    def __len__(self) -> int:
        return sum(len(scores) for _, scores, _ in self._groups)

    def p_values(self, outlier_scores: np.ndarray) -> np.ndarray:
        """Return the weighted share of rows that score at least as high, the new row included.

        `outlier_scores` is of shape (n_samples, n_members); the p-values lie in [1 / (n + 1), 1]
        for n held-out rows. Scores that differ by nothing but rounding are equally high.
        """
        at_least = np.zeros(len(outlier_scores))
        for members, known, above in self._groups:
            scores = mean_over_members(outlier_scores[:, members])
            position = np.searchsorted(known, scores - self.ROUNDING * np.abs(scores))
            at_least = at_least + above[position]
        return self._p_value(at_least)

    def threshold(self, level: Level) -> float:
        """Return the score that a share `level` of new rows exceeds at most.

        It is above a score of a held-out row by no more than rounding. With too few of these rows
        for the level, that is the highest one.
        """
        level = share_of(level)
        scores = np.concatenate([known for _, known, _ in self._groups])
        weight = np.concatenate([-np.diff(above) for _, _, above in self._groups])
        order = np.argsort(scores)
        weight = weight[order]
        # The p-value of a row that scores just above each held-out row.
        p_value = self._p_value(np.cumsum(weight[::-1])[::-1] - weight)
        rare = np.flatnonzero(p_value <= level)
        highest = scores[order][rare[0] if len(rare) else -1]
        return highest + self.ROUNDING * abs(highest)

    def check_level(self, level: Level, name: str) -> None:
        """Refuse a level below the smallest p-value; the error calls it `name`."""
        if np.isnan(share_of(level)):
            raise ValueError(f"{name} must be a number, got {level}.")
        if len(self) < rows_needed(level):
            raise ValueError(
                f"{name}={share_of(level)} needs at least {rows_needed(level)} held-out rows, but "
                f"there are n_calibration_={len(self)}. Take a larger {name}, or call "
                f"recalibrate with more ordinary rows that were not trained on."
            )

    def _p_value(self, at_least: np.ndarray) -> np.ndarray:
        """Return p-values, given the total weight of the rows that score at least as high."""
        # The new row weighs as much as a held-out row does on average.
        return (1 + len(self) * at_least / self._total()) / (1 + len(self))

    @property
    def n_members(self) -> int:
        """Number of members that the groups need."""
        return 1 + max(members.max() for members, _, _ in self._groups)

    def _check_consistency(self) -> None:
        for members, scores, above in self._groups:
            if len(members) == 0 or members.min() < 0:
                raise ValueError("held-out rows are judged by no member")
            if len(above) != len(scores) + 1 or above[0] <= 0:
                raise ValueError("held-out rows and their weights differ in number")
        if len(self) == 0:
            raise ValueError("there are no held-out rows")
