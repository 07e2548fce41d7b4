"""
Watch sensors over time
=======================

Run ``python examples/sensors.py``: four sensors of a made machine depend on its load. An
autoencoder learns them from ten days, a drift detector keeps ten others as its reference, and then
tests each of 40 days. From day 15 on one sensor slowly loses touch with the load. Each value stays
ordinary by itself; only together they contradict one another. The program prints the first alarm
and what has changed, and saves a picture, ``sensors.png``.
"""

import matplotlib
import numpy as np
import pandas as pd

from skae import AutoencoderTransformer, DriftDetector

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


def main():
    """Learn, watch, draw."""
    model = AutoencoderTransformer(1, random_state=0).fit(readings(10, seed=0))
    detector = DriftDetector(model, alpha=0.01, random_state=0).fit(readings(10, seed=1))
    watched = readings(N_DAYS, seed=2, breaks=BREAKS)
    results = [detector.test(rows) for _, rows in watched.groupby(watched.index // OF_DAY)]
    alarm = np.array([result.drift for result in results])
    print(f"{alarm[:BREAKS].sum()} alarms before day {BREAKS}, the first one on day", end=" ")
    print(alarm.argmax(), results[alarm.argmax()], sep=":\n")

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    scores = pd.DataFrame([result.tests.loc["score"] for result in results])
    for color, days, label in (("C0", ~alarm, "no alarm"), ("C3", alarm, "alarm")):
        effect, low, high = scores[days][["effect", "effect_low", "effect_high"]].to_numpy().T
        bars = [effect - low, high - effect]
        axis.errorbar(np.flatnonzero(days), effect, bars, fmt="o", color=color, label=label)
    axis.axhline(0.5, color="grey", linewidth=0.8)
    axis.axvline(BREAKS, color="grey", linestyle=":", label="the sensor begins to fail")
    axis.set(xlabel="day", ylabel="P(score above the reference's)", ylim=(0, 0.7))
    axis.legend(frameon=False, loc="lower left")
    figure.savefig("sensors.png", dpi=90)


if __name__ == "__main__":
    main()
