"""Speech that simulated listeners hear: artificial, or strung together from files of sound."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cocktailparty.datasets.simulation.drive import speech_like_envelope
from cocktailparty.features import following_waveform, resample, speech_envelope
from cocktailparty.recordings.audio.reading import read_audio

#: Rate in hertz at which the slow responses are computed.
RATE = 64.0
#: Pass band in hertz of what a following response follows.
FOLLOWING_BAND = (70.0, 220.0)

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_N_BANDS = 6
# Rate of glottal pulses in hertz, and the width of its wander in octaves.
_PITCH, _WANDER = (90.0, 190.0), 0.15
_EPSILON = 1e-6
# Files must last as long, in seconds.
_SHORTEST = 1.0


@dataclass(frozen=True, eq=False)
class Speech:
    """A stretch of speech as the ear passes it on.

    Attributes
    ----------
    bands : ndarray of shape (n_times, n_bands)
        Compressed envelopes of frequency bands at 64 Hz, not negative.
    following : ndarray of shape (n_samples,) or None
        The rectified, band-passed sound at the rate of the EEG.
    """

    bands: np.ndarray
    following: np.ndarray | None

    @property
    def envelope(self) -> np.ndarray:
        """Mean of the bands, (n_times,)."""
        return np.asarray(self.bands.mean(axis=1))


class SpeechSource(Protocol):
    """Where speech comes from."""

    def talkers(
        self, n_talkers: int, duration: float, story: int, rng: np.random.Generator
    ) -> list[Speech]:
        """Draw as many talkers of a story, each for `duration` seconds."""


class ArtificialSpeech:
    """Syllables in phrases, in bands that rise and fall together but not quite, with a pitch.

    No two draws are the same. `following_sfreq` is the rate in hertz of the waveform that a
    following response follows, None for none.
    """

    def __init__(self, following_sfreq: float | None = None) -> None:
        self.following_sfreq = following_sfreq

    def talkers(
        self, n_talkers: int, duration: float, story: int, rng: np.random.Generator
    ) -> list[Speech]:
        """Draw talkers; the story makes no difference."""
        return [self._talker(duration, rng) for _ in range(n_talkers)]

    def _talker(self, duration: float, rng: np.random.Generator) -> Speech:
        n_times = round(duration * RATE)
        common = speech_like_envelope(n_times, RATE, rng)
        # The spectrum changes from sound to sound, within some tenths of a second.
        colour = _wandering(n_times, RATE, 0.1, _N_BANDS, rng)
        bands = common[:, None] * np.exp(0.7 * colour)
        if self.following_sfreq is None:
            return Speech(bands, None)
        n_samples = round(duration * self.following_sfreq)
        octaves = _WANDER * _wandering(n_samples, self.following_sfreq, 0.2, 1, rng)[:, 0]
        pitch = rng.uniform(*_PITCH) * 2**octaves
        phase = 2 * np.pi * np.cumsum(pitch) / self.following_sfreq
        level = resample(bands.mean(axis=1), RATE, self.following_sfreq)[:n_samples]
        low, high = FOLLOWING_BAND
        inside = [
            np.where((k * pitch > low) & (k * pitch < high), np.cos(k * phase) / k, 0.0)
            for k in (1, 2)
        ]
        return Speech(bands, np.maximum(level, 0) * (inside[0] + inside[1]))


class RecordedSpeech:
    """Speech from files of sound, strung together in an order that is drawn anew each time.

    The files are dealt to stories, and within a story to talkers, so that no two stories share a
    sound. What is computed of them is kept in memory: 1 MB for an hour of envelopes.

    Parameters are the folder, in which files are looked for at any depth; the number of stories;
    and `following_sfreq` as for `ArtificialSpeech`. A FileNotFoundError is raised if there is no
    folder or no sound in it, a ValueError if there are fewer than two files for a story, or one of
    less than a second is met.
    """

    def __init__(
        self, folder: Path | str, n_stories: int, following_sfreq: float | None = None
    ) -> None:
        self.folder = Path(folder)
        self.following_sfreq = following_sfreq
        if not self.folder.is_dir():
            raise FileNotFoundError(f"speech={str(folder)!r} is no folder")
        files = sorted(f for f in self.folder.rglob("*") if f.suffix.lower() in SUFFIXES)
        if not files:
            raise FileNotFoundError(
                f"speech={str(folder)!r} holds no sounds ({', '.join(SUFFIXES)})"
            )
        if len(files) < 2 * n_stories:
            raise ValueError(
                f"speech={str(folder)!r} holds {len(files)} sounds, expected at least two for each "
                f"of {n_stories} stories"
            )
        self._stories = [files[k::n_stories] for k in range(n_stories)]
        self._known: dict[Path, Speech] = {}

    def talkers(
        self, n_talkers: int, duration: float, story: int, rng: np.random.Generator
    ) -> list[Speech]:
        """Draw talkers of a story, between whom no file is shared."""
        files = self._stories[story]
        if len(files) < n_talkers:
            raise ValueError(f"{len(files)} sounds in a story are too few for {n_talkers} talkers")
        order = [files[i] for i in rng.permutation(len(files))]
        return [self._strung(order[k::n_talkers], duration) for k in range(n_talkers)]

    def _strung(self, files: Sequence[Path], duration: float) -> Speech:
        n_times = round(duration * RATE)
        drawn: list[Speech] = []
        while sum(len(speech.bands) for speech in drawn) < n_times:
            drawn.append(self._heard(files[len(drawn) % len(files)]))
        bands = np.concatenate([speech.bands for speech in drawn])[:n_times]
        if self.following_sfreq is None:
            return Speech(bands, None)
        n_samples = round(duration * self.following_sfreq)
        waves = [speech.following for speech in drawn if speech.following is not None]
        return Speech(bands, np.concatenate(waves)[:n_samples])

    def _heard(self, file: Path) -> Speech:
        if file not in self._known:
            audio, rate = read_audio(file)
            n_times = int(len(audio) / rate * RATE)
            if n_times < RATE * _SHORTEST:
                raise ValueError(
                    f"{file} lasts {len(audio) / rate:.2g} s, expected {_SHORTEST:g} s or more: "
                    "take it out of the folder"
                )
            # Files differ in level and talkers are heard equally loud.
            audio = audio / max(float(np.sqrt(np.mean(audio**2))), _EPSILON)
            top = min(4000.0, 0.4 * rate)
            bands = speech_envelope(audio, rate, RATE, average=False, f_max=top)[:n_times]
            following = None
            if self.following_sfreq is not None:
                n_samples = round(n_times / RATE * self.following_sfreq)
                wave = following_waveform(audio, rate, self.following_sfreq)[:, 0]
                following = np.pad(wave, (0, max(n_samples - len(wave), 0)))[:n_samples]
            self._known[file] = Speech(bands, following)
        return self._known[file]


def _wandering(
    n_times: int, sfreq: float, seconds: float, n_columns: int, rng: np.random.Generator
) -> np.ndarray:
    """Noise of unit variance that changes within some seconds, (n_times, n_columns)."""
    from scipy.signal import lfilter

    keep = np.exp(-1 / (seconds * sfreq))
    start = rng.normal(size=(1, n_columns))
    steps = np.sqrt(1 - keep**2) * rng.normal(size=(n_times, n_columns))
    values: Any = lfilter([1.0], [1, -keep], steps, axis=0, zi=keep * start)[0]
    return np.asarray(values)
