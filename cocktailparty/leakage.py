"""Sounds that play on both sides of a split, so that a decoder could recognise them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from cocktailparty.backend import to_numpy
from cocktailparty.model_selection import Fold
from cocktailparty.trial import Trial

# Excerpts of so many seconds, one every so many, that correlate so well are one recording:
# envelopes of different speech stay far below.
_PROBE = 5.0
_STRIDE = 10.0
_SAME = 0.99


class LeakError(ValueError):
    """Training and test data share something that they must not share."""


def shared_stimuli(train: Sequence[Trial], test: Sequence[Trial]) -> list[tuple[int, int]]:
    """Find sounds that play in the training trials and in the test trials.

    Excerpts of every test stimulus are searched for in every training stimulus, at any delay,
    scale and offset, so that a repeated part is noticed as well as a copy.

    Parameters
    ----------
    train, test : sequence of Trial
        Trials of one sampling rate.

    Returns
    -------
    pairs : list of (int, int)
        Indices of a training and a test trial that have a stimulus, attended or not, or a part of
        one of 15 s or more in common.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    >>> shared_stimuli(trials, [trials[1].crop(20, 40)])
    [(1, 0)]
    """
    train_tracks, test_tracks = _tracks(train), _tracks(test)
    if not train_tracks or not test_tracks:
        return []
    sfreq = test[0].sfreq
    shortest = min(len(track.signal) for track in (*train_tracks, *test_tracks))
    length = min(round(_PROBE * sfreq), shortest)
    search = _ExcerptSearch([track.signal for track in train_tracks], length)
    pairs: set[tuple[int, int]] = set()
    for track in test_tracks:
        for k in np.flatnonzero(search.contains_excerpt_of(track.signal, round(_STRIDE * sfreq))):
            pairs.update(product(train_tracks[k].trials, track.trials))
    return sorted(pairs)


def check_no_leak(fold: Fold) -> None:
    """Refuse a split whose training and test trials share a stimulus.

    Parameters
    ----------
    fold : Fold
        A split.

    Raises
    ------
    LeakError
        If a stimulus, or a part of one, plays on both sides.
    """
    pairs = shared_stimuli(fold.train, fold.test)
    if pairs:
        train, test = fold.train[pairs[0][0]], fold.test[pairs[0][1]]
        raise LeakError(
            f"fold {fold.name!r}: the stimulus of test trial {test.label} also plays in training "
            f"trial {train.label} ({len(pairs)} such pair(s)): a decoder could recognise it "
            "instead of reading it from the EEG. Use cv='time' if all trials share one stimulus; "
            "give trials that repeat a sound one story and use cv='story'"
        )


@dataclass(frozen=True, eq=False)
class _Track:
    """A stimulus and the trials in which it plays."""

    signal: np.ndarray
    trials: list[int]


def _tracks(trials: Sequence[Trial]) -> list[_Track]:
    """Different stimuli: equal ones are common (one book, many subjects) and searched once."""
    tracks: dict[bytes, _Track] = {}
    for i, trial in enumerate(trials):
        for stimulus in to_numpy(trial.stimuli):
            signal = stimulus.mean(axis=1, dtype=np.float64)
            tracks.setdefault(signal.tobytes(), _Track(signal, [])).trials.append(i)
    return list(tracks.values())


class _ExcerptSearch:
    """Sliding correlation with a set of signals, whose transforms are computed once."""

    def __init__(self, signals: list[np.ndarray], length: int) -> None:
        self.signals = signals
        self.length = length
        n_longest = max(map(len, signals))
        self.size = next_fast_len(n_longest + length, real=True)
        centred = np.zeros((len(signals), self.size))
        # Past the end of a shorter signal the norm is infinite: nothing is found there.
        self.norms = np.full((len(signals), n_longest - length + 1), np.inf)
        for row, norm, signal in zip(centred, self.norms, signals, strict=True):
            row[: len(signal)] = signal - signal.mean()
            norm[: len(signal) - length + 1] = _sliding_norm(row[: len(signal)], length)
        self.spectra = rfft(centred)

    def contains_excerpt_of(self, signal: np.ndarray, stride: int) -> np.ndarray:
        """Tell for each of the signals whether some excerpt of the given one occurs in it."""
        found = np.zeros(len(self.signals), dtype=bool)
        last = len(signal) - self.length
        for start in {*range(0, last + 1, stride), last}:
            excerpt = signal[start : start + self.length]
            excerpt = excerpt - excerpt.mean()
            norm = np.linalg.norm(excerpt)
            if norm <= 1e-5 * np.linalg.norm(signal):  # a pause is alike everywhere
                continue
            products = irfft(self.spectra * rfft(excerpt / norm, self.size).conj(), self.size)
            found |= np.any(products[:, : self.norms.shape[1]] > _SAME * self.norms, axis=1)
        return found


def _sliding_norm(x: np.ndarray, length: int) -> np.ndarray:
    """Norm of every excerpt of a signal about its own mean; infinite where it is silent."""
    sums = np.cumsum(np.stack([x, x * x], axis=1), axis=0)
    sums = np.concatenate([np.zeros((1, 2)), sums])
    s, ss = (sums[length:] - sums[:-length]).T
    power = ss - s * s / length
    silent = power <= 1e-10 * length * x.var()
    return np.where(silent, np.inf, np.sqrt(np.where(silent, 1.0, power)))
