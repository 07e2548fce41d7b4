"""Made tables whose ordinary rows are of several kinds, none of which is an outlier."""

import numpy as np
from scipy.special import logsumexp

N_FEATURES, N_ROWS, N_OUTLIERS, SHARE_IN_TRAINING = 6, 1500, 150, 0.05

# Kinds beside the standard normal one: share of the rows, distance from zero in each column,
# standard deviation.
KINDS = {
    "a small kind, 5%": [(0.05, 5, 0.5)],
    "a small kind, 15%": [(0.15, 5, 0.5)],
    "a small, tight kind": [(0.1, 4, 0.2)],
    "a remote kind": [(0.3, 10, 1.0)],
    "a tight kind": [(0.3, 5, 0.1)],
    "a remote, tight kind": [(0.3, 8, 0.1)],
    "four kinds": [(0.25, 4, 1.0)] * 3,
    "four kinds of various spread": [(0.3, 4, 0.5), (0.2, 6, 1.0), (0.1, 5, 0.3)],
}

# As ADBench has it: local outliers are drawn from the kinds with five times their covariances.
LOCAL_SCALE = 5


class KindsTable:
    """Rows of the kinds of one name, and outliers in the box around them or near each kind."""

    def __init__(self, name, seed):
        self.rng = np.random.default_rng(seed)
        self.shares, distances, self.deviations = np.transpose(
            [(1 - sum(share for share, _, _ in KINDS[name]), 0, 1.0), *KINDS[name]]
        )
        signs = self.rng.choice([-1, 1], (len(self.shares), N_FEATURES))
        self.centers = distances[:, None] * signs

    def training_rows(self):
        """Return ordinary rows, and a few outliers from the box among them."""
        X = self._ordinary(N_ROWS)
        self.low, self.high = X.min(axis=0), X.max(axis=0)
        return np.vstack([X, self._in_the_box(round(SHARE_IN_TRAINING * N_ROWS))])

    def new_rows(self):
        """Return pairs of new rows and their labels, 1 for outliers, by where the outliers are."""
        ordinary = self._ordinary(N_ROWS)
        outliers = {
            "in the box": self._in_the_box(N_OUTLIERS),
            "local": self._ordinary(N_OUTLIERS, np.sqrt(LOCAL_SCALE)),
        }
        y = np.r_[np.zeros(N_ROWS, dtype=int), np.ones(N_OUTLIERS, dtype=int)]
        return {where: (np.vstack([ordinary, rows]), y) for where, rows in outliers.items()}

    def best_scores(self, X, where):
        """Return the log ratio of the outliers' true density and the ordinary rows'.

        It is higher for outliers, and no score ranks better.
        """
        outlying = self._log_density(X, np.sqrt(LOCAL_SCALE)) if where == "local" else 0
        return outlying - self._log_density(X)

    def _log_density(self, X, scale=1.0):
        """Return the logarithm of the density of ordinary rows, up to a constant."""
        deviations = scale * self.deviations
        distances = np.square(X[:, None] - self.centers).sum(axis=2) / deviations**2
        volumes = N_FEATURES * np.log(deviations)
        return logsumexp(np.log(self.shares) - volumes - distances / 2, axis=1)

    def _ordinary(self, n, scale=1.0):
        kind = self.rng.choice(len(self.shares), n, p=self.shares)
        noise = self.rng.normal(size=(n, N_FEATURES))
        return self.centers[kind] + scale * self.deviations[kind, None] * noise

    def _in_the_box(self, n):
        return self.rng.uniform(self.low, self.high, size=(n, N_FEATURES))
