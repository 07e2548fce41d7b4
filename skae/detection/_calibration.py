"""What scores mean, by rows that were not trained on."""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from skae._typing import ArrayOf

# Members, how unusual rows are to them in rising order, and the weight of those that are at least
# as unusual, with a zero at the end.
_Group = tuple[
    Annotated[np.ndarray, ArrayOf("int", None)],
    Annotated[np.ndarray, ArrayOf("float", None)],
    Annotated[np.ndarray, ArrayOf("float", None)],
]


@dataclass(eq=False)
class Calibration:
    """How unusual held-out rows are to those members of an ensemble that have not seen them.

    A new row is compared with the rows of each group by the members of that group alone, which
    makes it a row like them (cross-conformal prediction; Vovk, 2015). With one group that all
    members judge this is split conformal prediction.
    """

    _groups: list[_Group] = field(default_factory=list)

    def add(self, members, unusual, weight):
        """Add rows that some members have not seen.

        Parameters
        ----------
        members : ndarray of int
            Which members.
        unusual : ndarray of shape (n_samples, n_members)
            How unusual the rows are to each member of the ensemble.
        weight : ndarray of shape (n_samples,)
            How much each row counts.
        """
        unusual = unusual[:, members].mean(axis=1)
        order = np.argsort(unusual)
        # How much the rows weigh together that are at least as unusual as the one at a place.
        above = np.r_[np.cumsum(weight[order][::-1])[::-1], 0.0]
        self._groups.append((members, unusual[order], above))

    def __len__(self):
        return sum(len(unusual) for _, unusual, _ in self._groups)

    def p_values(self, unusual):
        """Return the weighted share of rows that are at least as unusual, the new one counted.

        Parameters
        ----------
        unusual : ndarray of shape (n_samples, n_members)
            How unusual the new rows are to each member.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            From ``1 / (n + 1)`` with n held-out rows to 1.
        """
        at_least = 0.0
        for members, known, above in self._groups:
            place = np.searchsorted(known, unusual[:, members].mean(axis=1))
            at_least = at_least + above[place]
        return self._p_value(at_least)

    def threshold(self, level):
        """Return what at most a share `level` of new rows exceeds.

        Where there are too few rows to say, that is the most unusual of them.
        """
        unusual = np.concatenate([known for _, known, _ in self._groups])
        weight = np.concatenate([-np.diff(above) for _, _, above in self._groups])
        order = np.argsort(unusual)
        weight = weight[order]
        # The p-value of a row that is a little more unusual than the one at a place.
        p_value = self._p_value(np.cumsum(weight[::-1])[::-1] - weight)
        rare = np.flatnonzero(p_value <= level)
        return unusual[order][rare[0] if len(rare) else -1]

    def _p_value(self, at_least):
        """Return the p-value of a new row, given the weight of rows that are as unusual."""
        # The new row weighs as much as a held-out row does on average.
        total = sum(above[0] for _, _, above in self._groups)
        return (1 + len(self) * at_least / total) / (1 + len(self))

    def _check_consistency(self) -> None:
        for members, unusual, above in self._groups:
            if len(members) == 0 or len(above) != len(unusual) + 1 or above[0] <= 0:
                raise ValueError("a group of held-out rows has other members or weights than rows")
        if len(self) == 0:
            raise ValueError("there are no held-out rows")
