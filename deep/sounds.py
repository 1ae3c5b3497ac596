"""Which stretches of which trials are the same sound, found by content."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

# Excerpts of so many seconds are looked for; so well must they agree.
_PROBE = 3.0
_SAME = 0.99


def sound_places(stimuli: Sequence[np.ndarray], sfreq: float) -> list[tuple[int, int]]:
    """Find stimuli that are one sound, or parts of it.

    Excerpts from the start, the middle and the end of each stimulus are searched for in the others,
    at any delay and scale, so that names of stories need not be trusted.

    Parameters
    ----------
    stimuli : sequence of ndarray, each of shape (n_times, n_features)
        Stimuli.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    places : list of (int, int)
        For each the number of its sound, and the sample of that sound at which it begins, counted
        from the beginning of the first stimulus with this sound.

    Examples
    --------
    >>> speech = np.random.default_rng(0).random((640, 1))
    >>> other = np.random.default_rng(1).random((640, 1))
    >>> sound_places([speech, other, 2 * speech[100:500]], sfreq=64)
    [(0, 0), (1, 0), (0, 100)]
    """
    n_probe = min(round(_PROBE * sfreq), min(len(stimulus) for stimulus in stimuli))
    size = next_fast_len(max(len(stimulus) for stimulus in stimuli) + n_probe, real=True)
    known: dict[bytes, tuple[int, int]] = {}
    tracks: list[tuple[_Track, tuple[int, int]]] = []
    places = []
    for stimulus in stimuli:
        signal = stimulus.mean(axis=1, dtype=np.float64)
        content = signal.tobytes()
        # Copies are common, such as one book for many listeners, and are compared once.
        if content not in known:
            track = _Track(signal, n_probe, size)
            known[content] = _place(track, tracks) or (len({p[0] for p in known.values()}), 0)
            tracks.append((track, known[content]))
        places.append(known[content])
    return places


def _place(
    track: "_Track", tracks: list[tuple["_Track", tuple[int, int]]]
) -> tuple[int, int] | None:
    for other, (sound, offset) in tracks:
        delay = other.delay_of(track)
        if delay is None:
            back = track.delay_of(other)
            delay = None if back is None else -back
        if delay is not None:
            return sound, offset + delay
    return None


class _Track:
    """A stimulus, excerpts to look for, and what it takes to look for those of others in it."""

    def __init__(self, signal: np.ndarray, n_probe: int, size: int) -> None:
        centred = signal - signal.mean()
        self.size, self.spectrum = size, rfft(centred, size)
        sums = np.concatenate([[0.0], np.cumsum(centred)])
        squares = np.concatenate([[0.0], np.cumsum(centred**2)])
        power = squares[n_probe:] - squares[:-n_probe]
        power -= (sums[n_probe:] - sums[:-n_probe]) ** 2 / n_probe
        # A pause is alike everywhere: nothing is found in one, and none is looked for.
        silent = power <= 1e-8 * n_probe * centred.var()
        self.norms = np.where(silent, np.inf, np.sqrt(np.where(silent, 1.0, power)))
        self.probes = {}
        last = len(signal) - n_probe
        for start in (0, last // 2, last):
            if np.isfinite(self.norms[start]):
                excerpt = centred[start : start + n_probe]
                excerpt = (excerpt - excerpt.mean()) / self.norms[start]
                self.probes[start] = rfft(excerpt, size).conj()

    def delay_of(self, other: "_Track") -> int | None:
        """Sample of this track at which the other begins; None if no excerpt of it is found."""
        for start, probe in other.probes.items():
            products = irfft(self.spectrum * probe, self.size)[: len(self.norms)]
            best = int(np.argmax(products / self.norms))
            if products[best] > _SAME * self.norms[best]:
                return best - start
        return None
