"""Which rows each member of an ensemble never sees."""

from dataclasses import dataclass
from math import ceil
from numbers import Integral
from typing import Annotated

import numpy as np

from skae._typing import ArrayOf

from ._calibration import Calibration

# Rows that each member is trained on at most by default, so that large tables take no longer.
_ENOUGH_ROWS = 10_000


@dataclass(eq=False)
class Folds:
    """Rows dealt out to folds, of which each member leaves out one.

    Parameters
    ----------
    n_folds : int
        Number of folds.
    left_out : ndarray of shape (n_members,)
        The fold that each member leaves out; with fewer members than folds some folds are seen by
        all.
    """

    n_folds: int
    left_out: Annotated[np.ndarray, ArrayOf("int", "n_members")]

    def samples_of_members(self, max_samples, n_samples):
        """Return how many of the rows each member is trained on, given the parameter."""
        outside = n_samples - ceil(n_samples / self.n_folds)
        if max_samples == "auto":
            return min(outside, _ENOUGH_ROWS)
        if isinstance(max_samples, Integral):
            return min(outside, int(max_samples))
        return max(2, int(max_samples * outside))

    def deal(self, n_samples, rng):
        """Return the fold of each of some rows."""
        # The first of the folds is another one each time, for the sake of few rows.
        return (rng.permutation(n_samples) + rng.randint(self.n_folds)) % self.n_folds

    def seen(self, member, fold):
        """Return the indices of the rows that a member may see, given the fold of each."""
        return np.flatnonzero(fold != self.left_out[member])

    def draw(self, fold, n_samples, rng):
        """Return the rows that each member is trained on: so many of those that it may see."""
        members = range(len(self.left_out))
        return [np.sort(rng.permutation(self.seen(i, fold))[:n_samples]) for i in members]

    def calibration(self, fold, weight, unusual_to):
        """Let the rows of each fold be judged by the members that never see them.

        Parameters
        ----------
        fold : ndarray of shape (n_samples,)
            The fold of each row.
        weight : ndarray of shape (n_samples,)
            How much each row counts.
        unusual_to : callable
            ``unusual_to(members, rows)`` returns how unusual rows, given by their indices, are
            to members: an array of shape (n_rows, n_members) whose other columns are not read.

        Returns
        -------
        calibration : Calibration
        """
        calibration = Calibration()
        for one in np.unique(self.left_out):
            rows, members = np.flatnonzero(fold == one), np.flatnonzero(self.left_out == one)
            if len(rows):
                calibration.add(members, unusual_to(members, rows), weight[rows])
        return calibration

    def _check_consistency(self) -> None:
        if not np.isin(self.left_out, np.arange(self.n_folds)).all():
            raise ValueError(f"a member leaves out a fold that is none of {self.n_folds}")
