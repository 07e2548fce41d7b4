"""The folds that rows are dealt to; each member of an ensemble never sees one of them."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from numbers import Integral
from typing import Annotated, Any

import numpy as np

from skae._typing import ArrayOf

from ._calibration import Calibration

# Most rows that each member is trained on by default, so that large tables take no longer.
_ENOUGH_ROWS = 10_000

# About so many rows are scored for thresholds and p-values: a sample tells them as well.
ENOUGH_SCORED = 20_000


@dataclass(eq=False)
class Folds:
    """The number of folds, and the fold that each member leaves out.

    With fewer members than folds some folds are seen by all.
    """

    n_folds: int
    left_out: Annotated[np.ndarray, ArrayOf("int", "n_members")]

    def samples_per_member(self, max_samples: Any, n_samples: int) -> int:
        """Return how many of the rows each member is trained on, given the parameter."""
        outside = n_samples - ceil(n_samples / self.n_folds)
        if max_samples == "auto":
            return min(outside, _ENOUGH_ROWS)
        if isinstance(max_samples, Integral):
            return min(outside, int(max_samples))
        return max(2, int(max_samples * outside))

    def deal(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """Return the fold of each of some rows."""
        # Each call starts with another fold: else calls of a single row would fill one fold only.
        return (rng.permutation(n_samples) + rng.randint(self.n_folds)) % self.n_folds

    def seen(self, fold: np.ndarray) -> list[np.ndarray]:
        """Return for each member the indices of the rows that it may see."""
        return [np.flatnonzero(fold != left_out) for left_out in self.left_out]

    def draw(
        self, fold: np.ndarray, n_samples: int, rng: np.random.RandomState
    ) -> list[np.ndarray]:
        """Return for each member the indices of up to `n_samples` rows that it may see."""
        return [np.sort(rng.permutation(rows)[:n_samples]) for rows in self.seen(fold)]

    def calibration(
        self,
        fold: np.ndarray,
        weight: np.ndarray,
        counted: np.ndarray,
        outlier_scores: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> Calibration:
        """Return the scores that members give the rows of the folds that they left out.

        Only the `counted` rows are held out, a boolean for each. ``outlier_scores(rows, members)``
        is called with indices and returns an array of shape (n_rows, n_members), of which only
        the columns of these members are read.
        """
        calibration = Calibration()
        step = max(1, counted.sum() // ENOUGH_SCORED)
        for one in np.unique(self.left_out):
            members = np.flatnonzero(self.left_out == one)
            rows = np.flatnonzero(counted & (fold == one))[::step]
            if len(rows):
                calibration.add(members, outlier_scores(rows, members), weight[rows])
        return calibration

    def _check_consistency(self) -> None:
        if not np.isin(self.left_out, np.arange(self.n_folds)).all():
            raise ValueError(f"a member leaves out a fold that is none of {self.n_folds}")
