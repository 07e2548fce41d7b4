"""Made tables, of which it is known how ordinary rows and outliers are distributed."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import qmc

N_BETWEEN, LARGE, LARGE_ROWS = 32, 8, 30_000


@dataclass
class ClusterTable:
    """A table whose outliers resemble one another.

    Parameters
    ----------
    rows, columns : int
    share : float
        Outliers among the rows.
    spread : float
        Standard deviation of the outliers, divided by that of ordinary rows.
    away : float
        Distance of the outliers' centre in each column, in standard deviations of that column.
    low_rank : bool
        Whether a quarter as many factors as columns make the rows, up to a noise of 0.2;
        otherwise columns are independent.
    signs : bool
        Whether the direction has a random sign in each column; otherwise all are positive.
    seed : int
    """

    rows: int
    columns: int
    share: float
    spread: float
    away: float
    low_rank: bool
    signs: bool
    seed: int

    def draw(self):
        """Return the rows; 1 for outliers and 0 for others; and the best scores there can be.

        Returns
        -------
        X, y : ndarray
        known : dict of str to ndarray
            Scores of the rows, higher for outliers. "both densities" is the log ratio of the two
            true densities; no score ranks better. "ordinary density" is minus the log of the
            ordinary rows' alone: a detector that does not know where the cluster is can hope
            for no more, unless it takes the closeness of rows for a mark of outliers.
        """
        rng = np.random.default_rng(self.seed)
        covariance = self._covariance(rng)
        deviation = np.sqrt(np.diag(covariance))
        sign = rng.choice([-1, 1], self.columns) if self.signs else np.ones(self.columns)
        center = self.away * sign * deviation
        y = np.zeros(self.rows, dtype=int)
        y[: round(self.share * self.rows)] = 1
        X = rng.multivariate_normal(np.zeros(self.columns), covariance, self.rows)
        X[y == 1] = center + self.spread * X[y == 1]

        precision = np.linalg.inv(covariance)
        ordinary = _squared_distances(X, precision)
        # Both densities have the same shape, so that constants of the logs do not matter.
        outlying = _squared_distances(X - center, precision) / self.spread**2
        return X, y, {"both densities": ordinary - outlying, "ordinary density": ordinary}

    def _covariance(self, rng):
        if not self.low_rank:
            return np.eye(self.columns)
        factors = rng.normal(size=(max(1, self.columns // 4), self.columns))
        factors /= np.linalg.norm(factors, axis=0)
        return factors.T @ factors + 0.2**2 * np.eye(self.columns)


def cluster_tables():
    """Return the tables to try: 32 between the extremes, and 16 of extremes only.

    Outliers are 2 to 10% of the rows, have a spread of .01 to .5, and are 2 to 8 deviations away;
    there are 2 to 20 columns and 600 to 3,000 rows, in one table in eight 30,000.
    """
    return _between() + _extremes()


def _between():
    """A Latin hypercube: each property has its whole range, evenly, whatever the others are."""
    # Columns, spread, distance and rows by their logarithms, and the two that are true or false.
    low = [np.log(2), np.log(0.01), np.log(2), np.log(600), 0.02, 0, 0]
    high = [np.log(21), np.log(0.5), np.log(8), np.log(3000), 0.1, 2, 2]
    draws = qmc.scale(qmc.LatinHypercube(len(low), rng=0).random(N_BETWEEN), low, high)
    draws[:, :4] = np.exp(draws[:, :4])
    return [
        ClusterTable(
            rows=LARGE_ROWS if i % LARGE == 0 else round(rows),
            columns=int(columns),
            share=share,
            spread=spread,
            away=away,
            low_rank=low_rank >= 1,
            signs=signs >= 1,
            seed=i,
        )
        for i, (columns, spread, away, rows, share, low_rank, signs) in enumerate(draws)
    ]


def _extremes():
    """Half of all combinations of extremes: share and signs follow from the other four."""
    levels = product((2, 20), (0.01, 0.5), (2, 8), (False, True))
    tables = []
    for i, (columns, spread, away, low_rank) in enumerate(levels):
        odd = bool(i.bit_count() % 2)
        share = 0.1 if odd else 0.02
        tables.append(ClusterTable(1000, columns, share, spread, away, low_rank, odd, seed=i))
    return tables


def factor_table(rows, columns, seed=0):
    """Return ordinary rows: smooth functions of a few factors, with noise.

    The seed decides the rows; the functions are the same for all seeds.
    """
    n_factors = 8
    functions = np.random.default_rng(0)
    inner = functions.normal(size=(n_factors, 2 * n_factors))
    outer = functions.normal(size=(2 * n_factors, columns))
    rng = np.random.default_rng(seed)
    X = np.tanh(rng.normal(size=(rows, n_factors)) @ inner) @ outer
    return X + rng.normal(size=X.shape)


def _squared_distances(X, precision):
    return np.einsum("ij,jk,ik->i", X, precision, X)
