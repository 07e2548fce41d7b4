"""Whether draws of hidden cells say how uncertain these are."""

import numpy as np
import pandas as pd
from scipy import stats

from skae import AutoencoderImputer
from skae.imputation import pool_estimates

from ._gaps import PATTERNS, hide, load, split

N_DRAWS = 20
N_STUDIES = 200
_TABLES = ("breast cancer", "cardio", "fault", "pendigits", "satellite", "diabetes")


def intervals(folder):
    """Measure how many hidden cells lie in intervals of 90% that several imputations give."""
    rows = []
    tables = {name: X for name, X in load(folder).items() if name in _TABLES}
    for name, X in tables.items():
        for kind, pattern in PATTERNS.items():
            train, new = split(X, 0)
            gaps = hide(np.vstack([train, new]), pattern, 0)
            given = np.where(gaps, np.nan, np.vstack([train, new]))
            gaps = gaps[len(train) :]
            imputer = AutoencoderImputer(n_imputations=N_DRAWS, random_state=0)
            imputer.fit(given[: len(train)])
            drawn = np.stack(imputer.sample_imputations(given[len(train) :]))[:, gaps]
            reach = stats.norm.ppf(0.95) * drawn.std(axis=0, ddof=1) * np.sqrt(1 + 1 / N_DRAWS)
            inside = np.abs(new[gaps] - drawn.mean(axis=0)) < reach
            rows.append({"table": name, "pattern": kind, "in 90% intervals": inside.mean()})
    yield pd.DataFrame(rows)


def _study(seed, n_rows=300):
    """Return y and x of a regression, with gaps in x that depend on y and the other column."""
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], n_rows)
    y = x @ [1.0, 0.5] + rng.normal(size=n_rows)
    table = np.column_stack([y, x])
    gaps = np.zeros(table.shape, dtype=bool)
    gaps[:, 2] = rng.random(n_rows) < stats.norm.cdf((y + x[:, 0]) / 2 - 0.5)
    return table, np.where(gaps, np.nan, table)


def _regression(table):
    """Return coefficients and their squared standard errors."""
    design = np.column_stack([np.ones(len(table)), table[:, 1:]])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ table[:, 0]
    residuals = table[:, 0] - design @ coefficients
    variance = residuals @ residuals / (len(table) - design.shape[1])
    return coefficients, variance * np.diag(inverse)


def pooled_regressions(folder):
    """Measure how often intervals of 95% hold the true coefficients of made studies."""
    truth = np.array([0.0, 1.0, 0.5])
    covered, complete_rows = [], []
    for seed in range(N_STUDIES):
        _, given = _study(seed)
        imputer = AutoencoderImputer(n_imputations=N_DRAWS, random_state=0).fit(given)
        answers = [_regression(one) for one in imputer.sample_imputations(given)]
        pooled = pool_estimates(*zip(*answers, strict=True))
        covered.append((pooled.lower < truth) & (truth < pooled.upper))
        few = given[~np.isnan(given).any(axis=1)]
        coefficients, variances = _regression(few)
        reach = stats.t.ppf(0.975, len(few) - 3) * np.sqrt(variances)
        complete_rows.append(np.abs(coefficients - truth) < reach)
    names = ["intercept", "known column", "column with gaps"]
    yield pd.DataFrame(
        {
            "coefficient": names,
            "pooled": np.mean(covered, axis=0),
            "complete rows alone": np.mean(complete_rows, axis=0),
        }
    )
