"""A table of text, truth values, dates and empty cells, and a fit on it, for several tests."""

import numpy as np
import pandas as pd
from cli_cases import FAST

import skae
from skae.cli import main

NAMES = ["age", "income", "city", "member", "since", "seen", "code"]


def table(n_rows=80):
    """A table as people have it in CSV: with a bit of everything."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=n_rows)
    since = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.round(99 * a), unit="D")
    frame = pd.DataFrame(
        {
            "age": pd.array(np.round(40 + 10 * a).astype(int), dtype="Int64"),
            "income": np.exp(a).round(3),
            "city": np.array(["Rome", "Oslo", "São Paulo"])[np.digitize(a, [-0.5, 0.5])],
            "member": pd.array(a > 0, dtype="boolean"),
            "since": since.strftime("%Y-%m-%d"),
            "seen": [f"{day.date()}T07:30:00Z" for day in since],
            "code": np.array(["007", "A1"])[np.digitize(a, [0])],
        }
    )
    for i, name in enumerate(NAMES):
        frame[name] = frame[name].mask(np.arange(n_rows) % 11 == i)
    return frame


def typed(frame):
    """The same with the types that its cells have."""
    return frame.assign(since=pd.to_datetime(frame["since"]), seen=pd.to_datetime(frame["seen"]))


def fit(*more, data="x.csv"):
    main(["fit", data, "--out", "m.skae", *FAST, *more])
    return skae.load("m.skae")


def kinds_of(model):
    return {column.name: column.kind for column in model._frame.schema.columns}
