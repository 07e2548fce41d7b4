"""
Watch sensors over time
=======================

Four sensors of a made machine depend on its load. An autoencoder learns them from ten days, a drift
detector keeps ten others as its reference, and then tests each of 40 days. From day 15 on one
sensor slowly loses touch with the load. Each value stays ordinary by itself; only together they
contradict one another. The picture shows how the scores of each day compare with those of the
reference, and the tests of the first day with an alarm.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skae import AutoencoderTransformer, DriftDetector
from skae.displays import DriftDisplay

N_DAYS, OF_DAY, BREAKS = 40, 144, 15


def readings(n_days, seed, breaks=np.inf):
    """Return a reading every ten minutes; from a day on, temperature follows the load less."""
    rng = np.random.default_rng(seed)
    load, other = rng.uniform(0, 1, (2, n_days * OF_DAY))
    lost = (np.arange(len(load)) / OF_DAY - breaks).clip(0) / 20 > rng.uniform(size=len(load))
    felt = np.where(lost, other, load)
    sensors = {"current": load, "pressure": load**2, "temperature": np.sqrt(felt)}
    table = pd.DataFrame({**sensors, "vibration": np.sin(3 * load)})
    return table + rng.normal(scale=0.05, size=table.shape)


model = AutoencoderTransformer(1, random_state=0).fit(readings(10, seed=0))
detector = DriftDetector(model, alpha=0.01, random_state=0).fit(readings(10, seed=1))
watched = readings(N_DAYS, seed=2, breaks=BREAKS)
results = [detector.test(rows) for _, rows in watched.groupby(watched.index // OF_DAY)]
alarm = np.array([result.drift for result in results])
first = int(alarm.argmax())
print(f"{alarm[:BREAKS].sum()} alarms before day {BREAKS}, the first one on day {first}:")
print(results[first])

# %%
figure, axes = plt.subplot_mosaic("AA;BC", figsize=(9, 7), layout="constrained")
scores = pd.DataFrame([result.tests.loc["score"] for result in results])
low, high = scores["effect"] - scores["effect_low"], scores["effect_high"] - scores["effect"]
for days, color, label in ((~alarm, "C0", "no alarm"), (alarm, "C3", "alarm")):
    bars = np.array([low[days], high[days]])
    x, y = np.flatnonzero(days), scores["effect"][days]
    axes["A"].errorbar(x, y, bars, fmt="o", color=color, label=label)
axes["A"].axvline(BREAKS, color="grey", linestyle=":", label="the sensor begins to fail")
axes["A"].set(xlabel="day", ylabel="P(score above the reference's)", ylim=(0, 0.7))
axes["A"].legend(frameon=False, loc="lower left")
DriftDisplay.from_result(results[first], ax=[axes["B"], axes["C"]])
figure.savefig("sensors.png", dpi=80)
