"""Tables with columns of several types, with and without outliers, that tests share."""

import numpy as np
import pandas as pd

PLACES = {"Oslo": 59.9, "Rome": 41.9, "Lima": -12.0, "Cairo": 30.0}


def ordinary(seed, n_rows):
    """Return rows in which the city decides country and latitude, and the plan the price."""
    rng = np.random.default_rng(seed)
    city = rng.choice(list(PLACES), n_rows, p=[0.4, 0.3, 0.2, 0.1])
    country = pd.Series(city).map(dict(zip(PLACES, ["NO", "IT", "PE", "EG"], strict=True)))
    paid = rng.uniform(size=n_rows) < 0.5
    plan = np.where(paid, rng.choice(["S", "M", "L"], n_rows), "free")
    price = pd.Series(plan).map({"free": 1, "S": 10, "M": 20, "L": 40}) * rng.uniform(
        0.9, 1.1, n_rows
    )
    days = rng.integers(0, 1000, n_rows)
    frame = pd.DataFrame(
        {
            "city": city,
            "country": pd.Categorical(country, ["NO", "IT", "PE", "EG"]),
            "latitude": pd.Series(city).map(PLACES) + rng.normal(0, 0.3, n_rows),
            "paid": paid,
            "plan": plan,
            "price": price,
            "visits": pd.array(rng.poisson(5, n_rows), dtype="Int64"),
            "since": pd.Timestamp("2021-03-01") + pd.to_timedelta(days, unit="D"),
        },
    )
    return frame.set_axis(pd.Index(np.arange(n_rows) + 1000, name="customer"))


def with_gaps(frame, share=0.1, seed=9):
    """Return a copy in which cells are missing at random, but for those of `visits`."""
    holes = np.random.default_rng(seed).uniform(size=frame.shape) < share
    holes[:, list(frame.columns).index("visits")] = False
    return frame.mask(holes)


def with_rare_combinations(frame, n_outliers):
    """Return a copy whose first rows are in another country than their city is."""
    changed = frame.copy()
    others = {"NO": "IT", "IT": "PE", "PE": "NO", "EG": "NO"}
    wrong = frame["country"].astype(str).map(others)
    is_first = np.arange(len(frame)) < n_outliers
    changed["country"] = frame["country"].where(~is_first, wrong.astype(frame["country"].dtype))
    return changed, is_first


def with_contradictions(frame, n_outliers):
    """Return a copy in which the price of the first rows is that of another plan."""
    changed = frame.copy()
    is_first = np.arange(len(frame)) < n_outliers
    wrong = frame["plan"].map({"free": 20.0, "S": 40.0, "M": 1.0, "L": 10.0})
    changed["price"] = frame["price"].where(~is_first, wrong)
    return changed, is_first
