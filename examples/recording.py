"""
Clean a recording as a whole
============================

Made signals that sound like speech are disturbed by the hum of the mains and by a hiss.
``Windows`` in a pipeline cuts a recording into overlapping windows, and puts the answers together
so that no seams show. The first autoencoder learns from clean windows, to which it adds noise
itself, the second from pairs of a disturbed and a clean window. Grey is the truth.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from skae import DenoisingAutoencoder
from skae.windows import Windows

RATE = 8_000
rng = np.random.default_rng(0)


def speech(n_syllables):
    """Return syllables of 15 overtones; those near two formants are loud."""
    syllables = []
    for _ in range(n_syllables):
        time = np.arange(16 * rng.integers(60, 150)) / RATE
        pitch, glide, overtones = rng.uniform(90, 220), rng.uniform(-1, 1), np.arange(1, 16)
        formants = rng.uniform([[300], [900]], [[800], [2_200]])
        loud = 0.05 + np.exp(-(((overtones * pitch - formants) / 250) ** 2)).sum(axis=0)
        phase = 2 * np.pi * pitch * np.outer(time + glide * time**2 / 2, overtones)
        syllables.append(np.hanning(len(time)) * (np.sin(phase + rng.uniform(0, 7, 15)) @ loud))
    return np.concatenate(syllables) / np.concatenate(syllables).std()


def disturbed(signal):
    """Return a signal with hum of 50 Hz, nearly square, and a hiss."""
    hum = np.tanh(3 * np.sin(2 * np.pi * 50 * np.arange(len(signal)) / RATE))
    return signal + 0.3 * hum + 0.25 * np.diff(rng.normal(size=len(signal) + 1))


known, truth = speech(200), speech(40)
noisy, poor = disturbed(known), disturbed(truth)
windows = Windows(128, step=16)
denoiser = DenoisingAutoencoder(128, noise="gaussian", noise_level=0.4, max_iter=10, random_state=0)
pipeline = make_pipeline(windows, denoiser).fit(known)
pairs = clone(denoiser).fit(windows.transform(noisy), windows.transform(known))

signals = {
    "disturbed": poor,
    "noise made in training": pipeline.inverse_transform(pipeline.transform(poor)),
    "learned from pairs": windows.inverse_transform(pairs.reconstruct(windows.transform(poor))),
}
figure, axes = plt.subplots(3, 1, figsize=(8, 5), sharex=True, layout="constrained")
for axis, (name, signal) in zip(axes, signals.items(), strict=True):
    axis.plot(np.arange(1_000) / 8, truth[6_000:7_000], color="lightgrey", linewidth=2.5)
    axis.plot(np.arange(1_000) / 8, signal[6_000:7_000], linewidth=0.8)
    axis.set_title(f"{name}, {-10 * np.log10(np.mean((signal - truth) ** 2)):.1f} dB")
axes[-1].set_xlabel("milliseconds")
figure.savefig("recording.png", dpi=80)
