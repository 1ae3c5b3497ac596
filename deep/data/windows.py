"""Windows of recordings, cut on demand."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import joblib
import numpy as np

from deep.data.examples import Examples


class Recording(NamedTuple):
    """Signals of a trial or of a segment of one, as a network takes them.

    Attributes
    ----------
    signals : dict of str to ndarray of shape (n_times, ...)
        What follows the subject, such as the EEG.
    sounds : dict of str to ndarray of shape (n_stimuli, n_times, ...)
        What follows each stimulus.
    n_times : int
        Number of samples.
    attended : int
        Index of the attended stimulus.
    subject : int
        Number of the subject; -1 for one who was not in training.
    place : tuple of (int, int)
        Attended sound and where it begins, see `cocktailparty.model_selection.SoundIndex.places`.
    """

    signals: dict[str, np.ndarray]
    sounds: dict[str, np.ndarray]
    n_times: int
    attended: int = 0
    subject: int = -1
    place: tuple[int, int] = (0, 0)


class TrainingWindows(Examples):
    """Windows with the attended stimulus first, then others that it could be mistaken for.

    In each epoch every example starts somewhere else in its neighbourhood; successive examples of a
    recording are one `hop` apart on average. Where a recording has fewer competing stimuli than
    others, or none, segments of its attended one from another time take their place.

    A batch holds the signals and sounds of the recordings, the latter with an axis of stimuli;
    ``subject``; and ``sound`` and ``start``: two windows whose sounds are equal and whose starts
    are less than a window apart share sound.

    `recordings` are at least one window long; `n_window`, `hop` and `n_after` count samples.
    Signals of `n_after` further samples are part of a window, zeros after the end.
    """

    def __init__(
        self, recordings: Sequence[Recording], n_window: int, hop: int, n_after: int = 0
    ) -> None:
        self.recordings = list(recordings)
        self.n_window, self.hop, self.n_after = n_window, hop, n_after
        counts = [(one.n_times - n_window) // hop + 1 for one in self.recordings]
        self.recording_of = np.repeat(np.arange(len(counts)), counts)
        self.slot = np.concatenate([np.arange(count) for count in counts])
        most = max(len(next(iter(one.sounds.values()))) for one in self.recordings)
        self.n_others = max(most - 1, 1)
        self._digest = ""

    def __len__(self) -> int:
        return len(self.recording_of)

    def digest(self) -> str:
        """Hash of recordings and settings."""
        if not self._digest:
            parts = [tuple(one) for one in self.recordings]
            self._digest = str(joblib.hash((parts, self.n_window, self.hop, self.n_after)))
        return self._digest

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Cut windows; `rng` draws their starts, None gives windows at fixed places."""
        return stacked([self._example(int(i), rng) for i in indices])

    def _example(self, index: int, rng: np.random.Generator | None) -> dict[str, Any]:
        i = int(self.recording_of[index])
        one, n = self.recordings[i], self.n_window
        last = one.n_times - n
        start = int(self.slot[index]) * self.hop
        if rng is not None:
            start = int(np.clip(start + rng.integers(-self.hop, self.hop + 1), 0, last))
        n_stimuli = len(next(iter(one.sounds.values())))
        places = [(i, k, start) for k in range(n_stimuli) if k != one.attended]
        while len(places) < self.n_others:
            places.append(self._elsewhere(i, start, rng))
        places.insert(0, (i, one.attended, start))
        example: dict[str, Any] = {
            name: np.stack([self.recordings[r].sounds[name][k, s : s + n] for r, k, s in places])
            for name in one.sounds
        }
        example |= cut_signals(one, start, n, self.n_after)
        example["subject"] = np.int32(one.subject)
        example["sound"] = np.int32(one.place[0])
        example["start"] = np.int32(one.place[1] + start)
        return example

    def _elsewhere(
        self, i: int, start: int, rng: np.random.Generator | None
    ) -> tuple[int, int, int]:
        """Attended sound at a time without overlap; of another recording if there is none."""
        n = self.n_window
        n_before = max(start - n + 1, 0)
        n_behind = max(self.recordings[i].n_times - start - 2 * n + 1, 0)
        if n_before + n_behind:
            drawn = _draw(n_before + n_behind, rng)
            place = drawn if drawn < n_before else start + n + drawn - n_before
        else:
            i = (i + 1) % len(self.recordings)
            place = _draw(self.recordings[i].n_times - n + 1, rng)
        return i, self.recordings[i].attended, place


class DecisionWindows(Examples):
    """Windows of one recording at given starts, with its stimuli in their order.

    They have `n_window` samples; `n_after` is that of `TrainingWindows`. A batch holds signals,
    sounds and ``subject``.
    """

    def __init__(
        self, recording: Recording, starts: Sequence[int], n_window: int, n_after: int = 0
    ) -> None:
        self.recording, self.starts = recording, list(starts)
        self.n_window, self.n_after = n_window, n_after

    def __len__(self) -> int:
        return len(self.starts)

    def digest(self) -> str:
        """Hash of recording and places."""
        return str(joblib.hash((tuple(self.recording), self.starts, self.n_window, self.n_after)))

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Cut windows; nothing is random."""
        made = []
        for start in (self.starts[i] for i in indices):
            example: dict[str, Any] = cut_signals(
                self.recording, start, self.n_window, self.n_after
            )
            for name, sound in self.recording.sounds.items():
                example[name] = sound[:, start : start + self.n_window]
            example["subject"] = np.int32(self.recording.subject)
            made.append(example)
        return stacked(made)


def cut_signals(one: Recording, start: int, n_window: int, n_after: int) -> dict[str, np.ndarray]:
    """Cut the signals of the subject, (n_window + n_after, ...), with zeros behind the end.

    They are views where nothing has to be added.
    """
    stop = start + n_window + n_after
    missing = max(stop - one.n_times, 0)
    cut = {}
    for name, signal in one.signals.items():
        segment = signal[start:stop]
        cut[name] = np.pad(segment, ((0, missing), (0, 0))) if missing else segment
    return cut


def stacked(examples: list[dict[str, Any]]) -> dict[str, Any]:
    """Stack examples with arrays of equal names and shapes into a batch, (n_examples, ...)."""
    return {name: np.stack([example[name] for example in examples]) for name in examples[0]}


def _draw(n: int, rng: np.random.Generator | None) -> int:
    return n // 2 if rng is None else int(rng.integers(n))
