"""The fitted ensemble of an outlier detector."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skae.estimators.base import BaseAutoencoder

from ._members import Rows, codes_of, reconstructions_of, rows_of
from ._outlier_scores import OutlierScore


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Fitted autoencoders, and for each the outlier score that was fitted with it.

    Rows come in the units of their columns.
    """

    members: list[BaseAutoencoder]
    scores: list[OutlierScore]

    def outlier_scores(self, Z: Rows, members: Iterable[int] | None = None) -> np.ndarray:
        """Return the score that each member gives each row, of shape (n_samples, n_members).

        Only the columns of `members` are filled, all of them by default.
        """
        scores = np.empty((Z.shape[0], len(self.members)))
        for i in range(len(self.members)) if members is None else members:
            scores[:, i] = self.scores[i].outlier_scores(self.members[i], Z)
        return scores

    def mean_outlier_scores(self, Z: Rows) -> np.ndarray:
        """Return the mean score of each row."""
        return self.outlier_scores(Z).mean(axis=1)

    def encode(self, Z: Rows) -> np.ndarray:
        """Return the codes of all members, side by side."""
        return np.hstack([codes_of(member, Z) for member in self.members])

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the mean of the rows that the members decode from codes as of `encode`."""
        parts = np.split(codes, len(self.members), axis=1)
        pairs = zip(self.members, parts, strict=True)
        return np.mean([rows_of(member, part) for member, part in pairs], axis=0)

    def reconstruct(self, Z: Rows) -> np.ndarray:
        """Return the mean reconstruction of rows, in float64."""
        total = np.zeros(Z.shape)
        for member in self.members:
            total += reconstructions_of(member, Z)
        return total / len(self.members)
