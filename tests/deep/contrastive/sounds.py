"""Clips of two classes and two voices that a tiny network tells apart, and the network."""

import numpy as np

from deep import ContrastiveAudioClassifier, Training

SFREQ = 4000
#: As few features and steps as there can be: the tests share the programs that these give.
SETTINGS = {
    "sfreq": SFREQ, "width": 1 / 64, "clip_duration": 0.15, "max_epochs": 2, "n_views": 2,
    "random_state": 0,
}  # fmt: skip
TRAINING = {"batch_size": 8}


def clips(n=16, seed=0):
    """Noise of a low or a high band, loud or soft, and the voice as a second pitch."""
    rng = np.random.default_rng(seed)
    labels, voices = np.arange(n) % 2, np.arange(n) // 2 % 2
    found = []
    for label, voice in zip(labels, voices, strict=True):
        length = int(rng.integers(400, 900))
        time = np.arange(length) / SFREQ
        x = np.sin(2 * np.pi * (300, 1200)[label] * time * rng.uniform(0.9, 1.1))
        x += 0.3 * np.sin(2 * np.pi * (100, 160)[voice] * time) + 0.1 * rng.normal(size=length)
        found.append((rng.uniform(0.01, 1) * x).astype(np.float32))
    return found, np.array(["low", "high"])[labels], np.array(["anna", "ben"])[voices]


def classifier(method="ce", training=None, **options):
    training = Training(**TRAINING | (training or {}))
    return ContrastiveAudioClassifier(method, **SETTINGS | options, training=training)
