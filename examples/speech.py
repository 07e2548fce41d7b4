"""
Clean a recording after learning from pairs
===========================================

Run ``python examples/speech.py``: made signals that sound like speech, tones of a changing pitch in
syllables, are disturbed by the hum of the mains and by a hiss that is louder at high frequencies.
An autoencoder learns from windows of disturbed and of clean signals, and cleans another recording
as a whole. Beside it stands a pipeline with the same autoencoder, trained on clean windows with
noise of its own, of the same strength. The program prints how near both come to the truth, in
decibels, and saves a picture, ``speech.png``.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from sklearn.pipeline import make_pipeline

from skae import DenoisingAutoencoder
from skae.windows import Windows

RATE = 8_000
LENGTH, STEP = 128, 16
PARAMS: dict[str, Any] = {
    "n_components": 128,
    "hidden_layer_sizes": (512,),
    "max_iter": 15,
    "random_state": 0,
}
PICTURE = Path("speech.png")


def speech(seconds, rng):
    """Return a signal of syllables, each with overtones that formants make loud."""
    n_samples = int(seconds * RATE)
    signal = np.zeros(n_samples)
    start = 0
    while start < n_samples:
        length = int(rng.uniform(0.12, 0.3) * RATE)
        time = np.arange(length) / RATE
        pitch = rng.uniform(90, 220) * (1 + rng.uniform(-0.15, 0.15) * time / time[-1])
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        formants = rng.uniform([300, 900], [800, 2200])
        syllable = np.zeros(length)
        for k in range(1, 16):
            loud = np.exp(-(((k * pitch.mean() - formants) / 250) ** 2)).sum() + 0.05
            syllable += loud * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
        syllable *= np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 0.5
        end = min(start + length, n_samples)
        signal[start:end] = syllable[: end - start]
        start = end + int(rng.uniform(0.0, 0.08) * RATE)
    return signal / signal.std()


def disturbance(n_samples, rng):
    """Return hum of 50 Hz with overtones, and a hiss."""
    phase = 2 * np.pi * 50 * np.arange(n_samples) / RATE + rng.uniform(0, 2 * np.pi)
    hum = sum(np.sin(k * phase) / k for k in (1, 3, 5, 7))
    hiss = np.diff(rng.normal(size=n_samples + 1))
    return 0.4 * hum + 0.25 * hiss


def decibels(signal, truth):
    """Return the ratio of signal to noise."""
    inside = np.s_[LENGTH:-LENGTH]
    return 10 * np.log10(np.mean(truth[inside] ** 2) / np.mean((signal - truth)[inside] ** 2))


def draw(signals, file):
    """Save a short piece of each signal, one below the other."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    piece = np.s_[6_000:7_000]
    figure, axes = plt.subplots(len(signals), 1, figsize=(8, 1.5 * len(signals)), sharex=True)
    for axis, (title, signal) in zip(axes, signals.items(), strict=True):
        axis.plot(np.arange(1_000) / RATE * 1e3, signal[piece], linewidth=0.8)
        axis.set_title(title, fontsize=10, loc="left")
        axis.set_ylim(-4, 4)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].set_xlabel("milliseconds")
    figure.tight_layout()
    figure.savefig(file, dpi=90)


def main():
    """Learn from one minute, clean ten seconds, compare, draw."""
    rng = np.random.default_rng(0)
    known, truth = speech(60, rng), speech(10, rng)
    noise = disturbance(len(known), rng)
    poor = truth + disturbance(len(truth), rng)

    windows = Windows(LENGTH, step=STEP)
    level = float(noise.std())
    made = make_pipeline(
        windows, DenoisingAutoencoder(noise="gaussian", noise_level=level, **PARAMS)
    ).fit(known)
    pairs = DenoisingAutoencoder(**PARAMS)
    pairs.fit(windows.transform(known + noise), windows.transform(known))

    signals = {"disturbed": poor}
    signals["noise made in training"] = made.inverse_transform(made.transform(poor))
    answers = pairs.reconstruct(windows.transform(poor))
    signals["learned from pairs"] = windows.inverse_transform(answers)
    shown = {}
    for name, signal in signals.items():
        title = f"{name}, {decibels(signal, truth):.1f} dB"
        print(title)
        shown[title] = signal
    draw(shown | {"truth": truth}, PICTURE)
    print(f"Saved {PICTURE}.")


if __name__ == "__main__":
    main()
