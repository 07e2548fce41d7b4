"""Tables with columns of several types that two hidden numbers decide, for the tests."""

from functools import cache

import numpy as np
import pandas as pd

from skae import AutoencoderTransformer

N = 400
SMALL = {"n_components": 3, "hidden_layer_sizes": (64,), "max_iter": 15, "random_state": 0}


def table(seed=0, n_rows=N):
    """Return a table of six types of columns that two hidden numbers decide."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, n_rows))
    noise = 0.1 * rng.normal(size=(5, n_rows))
    city = np.array(["Rome", "Oslo", "Bonn"])[np.digitize(a + noise[0], [-0.5, 0.5])]
    grade = np.array(list("ABCD"))[np.digitize(a + b + noise[1], [-1, 0, 1])]
    days = np.round(200 + 100 * (b + noise[2]))
    return pd.DataFrame(
        {
            "age": np.round(40 + 10 * (a + noise[3])).astype(int),
            "income": 1e4 * np.exp(b + noise[4]),
            "city": city,
            "member": b > 0,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, unit="D"),
            "grade": pd.Categorical(grade, ["D", "C", "B", "A"], ordered=True),
        },
        index=pd.Index(np.arange(n_rows) + 100, name="id"),
    )


def with_gaps(frame, share=0.1, seed=1):
    """Return a copy in which cells are missing at random, none of the column "income"."""
    rng = np.random.default_rng(seed)
    holes = rng.uniform(size=frame.shape) < share
    holes[:, list(frame.columns).index("income")] = False
    return frame.mask(holes)


def autoencoder(**params):
    """Return an autoencoder that fits such a table in a moment."""
    return AutoencoderTransformer(**SMALL | params)


@cache
def autoencoder_of_table():
    """Return one that is fitted on `table()`."""
    return autoencoder().fit(table())
