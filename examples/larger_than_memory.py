"""
A table in files, larger than memory
====================================

A year of made taxi trips lies in twelve Parquet files, one for each month. The autoencoder and the
detector are given the folder: they read it and answer part by part, so that the files may be larger
than memory (these are small). One trip in a thousand was charged twice: its fare contradicts its
distance and its duration. The picture adds up the codes and the scores of all parts.
"""

from pathlib import Path
from tempfile import mkdtemp

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skae import AutoencoderOutlierDetector, AutoencoderTransformer

N_TRIPS, COLUMNS = 4_000, ("start", "km", "minutes", "fare", "tip", "paid")


def trips(month):
    """Return the trips of a month, and which of them were charged twice."""
    rng = np.random.default_rng(month)
    km = rng.lognormal(1.5, 0.6, N_TRIPS)
    minutes = 60 * km / rng.normal(28, 4, N_TRIPS).clip(8)
    fare = 3 + 1.8 * km + 0.5 * minutes + rng.normal(scale=0.5, size=N_TRIPS)
    wrong = rng.random(N_TRIPS) < 0.001
    paid = np.array(["card", "cash", None])[rng.choice(3, N_TRIPS, p=[0.7, 0.25, 0.05])]
    tip = np.where(paid == "card", 0.1 * fare, 0) + rng.exponential(0.2, N_TRIPS)
    start = pd.Timestamp(2025, month, 1) + pd.to_timedelta(np.arange(N_TRIPS) * 10, "min")
    cells = [start, km, minutes, np.where(wrong, 2 * fare, fare), tip, paid]
    return pd.DataFrame(dict(zip(COLUMNS, cells, strict=True))), wrong


folder = Path(mkdtemp())
for month in range(1, 13):
    trips(month)[0].to_parquet(folder / f"{month:02}.parquet")
wrong = np.concatenate([trips(month)[1] for month in range(1, 13)])
ae = AutoencoderTransformer(2, hidden_layer_sizes=(32,), max_iter=5, random_state=0).fit(folder)
detector = AutoencoderOutlierDetector(random_state=0).fit(folder)
edges, density = np.linspace(-3, 3, 81), np.zeros((80, 80))
for codes in ae.transform(folder):
    density += np.histogram2d(codes[:, 0], codes[:, 1], bins=edges)[0]
path = detector.score_samples(folder, to=Path(mkdtemp()) / "scores.parquet")
scores = pd.read_parquet(path)["score"]
found = wrong[scores.nsmallest(wrong.sum()).index].mean()
print(f"{found:.0%} of the {wrong.sum()} lowest scores are of trips charged twice")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
left.pcolormesh(edges, edges, np.log1p(density.T), cmap="Greys")
left.set(title="codes of all trips", xlabel="code 1", ylabel="code 2")
bins = np.geomspace(1, 1e6, 60)
for rows, label in ((~wrong, "as they were"), (wrong, "charged twice")):
    right.hist(-scores[rows], bins, label=label, log=True)
right.set(xlabel="minus score", ylabel="trips", xscale="log")
right.legend(title="detector")
figure.savefig("larger_than_memory.png", dpi=80)
