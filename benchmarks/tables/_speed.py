"""Time of a fit on columns of several types, beside numbers of the same width."""

import time

import numpy as np
import pandas as pd

from skae import AutoencoderTransformer

N_ROWS, N_COLUMNS, N_LEVELS, N_EPOCHS, N_ROUNDS = 100_000, 10, 1000, 2, 3


def _tables():
    """Return tables of numbers, of numbers with gaps, and of numbers and categories."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(N_ROWS, 4))
    numbers = hidden @ rng.normal(size=(4, 2 * N_COLUMNS))
    numbers = pd.DataFrame(numbers + rng.normal(size=numbers.shape)).add_prefix("x")
    levels = np.linspace(10, N_LEVELS, N_COLUMNS).astype(int)
    ranks = numbers.iloc[:, N_COLUMNS:].rank(pct=True).to_numpy()
    codes = np.minimum((ranks * levels).astype(int), levels - 1)
    categories = pd.DataFrame(
        {f"c{i}": pd.Categorical([f"level {one}" for one in codes[:, i]]) for i in range(N_COLUMNS)}
    )
    few = pd.DataFrame({name: column.cat.codes % 8 for name, column in categories.items()})
    some = numbers.iloc[:, :N_COLUMNS]
    wide = hidden.astype(np.float32) @ rng.normal(size=(4, levels.sum())).astype(np.float32)
    return {
        "20 numbers": numbers,
        "20 numbers, 20% missing": numbers.mask(rng.random(numbers.shape) < 0.2),
        "10 numbers, 10 categories of 8": pd.concat([some, few.astype("category")], axis=1),
        "10 numbers, 10 categories of up to 1,000": pd.concat([some, categories], axis=1),
        f"{N_COLUMNS + levels.sum()} numbers, as wide as that": np.hstack([some, wide]),
    }


def speed(folder):
    """Measure fits of two epochs, in turns, relative to a table of twenty numbers."""
    tables = _tables()
    spent = {name: [] for name in tables}
    for _ in range(N_ROUNDS):
        for name, table in tables.items():
            start = time.process_time()
            AutoencoderTransformer(8, max_iter=N_EPOCHS, random_state=0).fit(table)
            spent[name].append(time.process_time() - start)
    seconds = pd.DataFrame(spent)
    relative = seconds.div(seconds["20 numbers"], axis=0).median()
    yield pd.DataFrame(
        {"table": seconds.columns, "seconds": seconds.median(), "relative": relative}
    )
