"""Separators that are small enough to be trained in a test, and voices that are simple."""

import numpy as np

from deep import ASAMSeparator, Training

SFREQ = 8000
#: The size of the example of the class: one program is compiled for all of these.
SMALL = {
    "n_channels": 8, "n_voice": 4, "n_layers": (0, 1), "mixture_duration": 0.5,
    "cue_duration": 0.5, "n_mixtures": 6, "max_epochs": 1, "speeds": (), "random_state": 0,
}  # fmt: skip


def voice(frequency: float, seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    """A hum with syllables."""
    time = np.arange(round(seconds * SFREQ)) / SFREQ
    rng = np.random.default_rng([seed, int(frequency)])
    syllables = np.interp(time, np.arange(0, seconds + 0.2, 0.1), rng.random(int(seconds * 10) + 2))
    return syllables * np.sin(2 * np.pi * frequency * time)


def voices() -> tuple[list[np.ndarray], list[str]]:
    """Utterances, and who speaks: two of ann, two of bob."""
    waves = [voice(f, seed=i) for f in (200, 900) for i in range(2)]
    return waves, ["ann", "ann", "bob", "bob"]


def separator(training: dict | None = None, **settings: object) -> ASAMSeparator:
    return ASAMSeparator(**SMALL | settings, training=Training(**training or {}))
