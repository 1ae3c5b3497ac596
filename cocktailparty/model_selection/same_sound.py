"""Is this the same sound? One index of features tells where one sound occurs in another."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import dct, irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d

# Excerpts of 3 s, one every 2 s, are looked for, so that a piece of 5 s holds a whole one.
_PROBE, _HOP, _PIECE = 3.0, 2.0, 5.0
# The search looks at what is slower than 3 Hz, 16 times a second.
_COARSE_RATE, _TOP = 16.0, 3.0
# Correlations that an excerpt must reach in the search, to within a quarter of a sample, and at
# the best delay. Noise at 15 dB leaves .98; different sounds that reach .9 hold little evidence.
_CANDIDATE, _NEARLY, _SAME = 0.88, 0.86, 0.9
# Decimal logarithm of how rare a match by chance must be: many excerpts meet many delays.
_EVIDENCE = 10.5
_FEWEST = 14.0
_IMPERFECT = 0.03
_BLUR, _BRIEF = 0.016, 15.0
_BLOCK = 2**23


class SoundIndex:
    r"""Finds sounds that occur in one another, feature by feature, and remembers what it found.

    Excerpts of the shorter sound are looked for in the longer one at any delay, scale and offset,
    by what is slow in them; what agrees is compared at delays of a fraction of a sample. A match
    of correlation r counts if chance makes it very improbable: if

    .. math:: \max(1 - r^2, 0.03)^{\nu / 2} < 10^{-10.5}

    where the degrees of freedom :math:`\nu` come from the stretch y that matches,

    .. math:: \nu = 4 \frac{(\sum_t y_t^2)^2}{\sum_t y_t^4} \Big/ \sum_\tau \rho_\tau^2

    with :math:`\rho` its autocorrelation. Few onsets, regular beats and tones have few degrees of
    freedom however long they last, as one of them is like another. An excerpt that has too few is
    made longer until it has enough.

    Parameters
    ----------
    sfreq : float
        Sampling rate of the features in hertz.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sound, other = rng.random((2, 640, 1))
    >>> SoundIndex(64).delays([sound], [other, 2 * sound[100:500] + 1])
    {(0, 1): 100.0}
    """

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self._tracks: dict[bytes, _Track] = {}
        self._known: dict[tuple[bytes, bytes], float | None] = {}
        # The arrays are kept, so that no other gets the identity of one of them.
        self._contents: dict[int, tuple[np.ndarray, list[bytes]]] = {}

    def delays(
        self, first: Sequence[np.ndarray], second: Sequence[np.ndarray]
    ) -> dict[tuple[int, int], float]:
        """Find which sounds of two lists have a part in common.

        Parameters
        ----------
        first, second : sequence of ndarray, each of shape (n_times, n_features)
            Sounds. The same features are compared, as many as both have.

        Returns
        -------
        delays : dict
            For each pair of indices with a part in common: the sample of the first at which the
            second begins, negative if it begins before.
        """
        rows, columns = self._indexed(first), self._indexed(second)
        n_features = max((len(keys) for keys in (*rows, *columns)), default=0)
        found: dict[tuple[int, int], float] = {}
        for k in range(n_features):
            here = {i: keys[k] for i, keys in enumerate(rows) if k < len(keys)}
            there = {j: keys[k] for j, keys in enumerate(columns) if k < len(keys)}
            self._compare(dict.fromkeys(here.values()), dict.fromkeys(there.values()))
            for i, a in here.items():
                for j, b in there.items():
                    delay = self._known[a, b]
                    if delay is not None:
                        found.setdefault((i, j), delay)
        return dict(sorted(found.items()))

    def _indexed(self, sounds: Sequence[np.ndarray]) -> list[list[bytes]]:
        """Content of every feature of the sounds; equal ones are kept and compared once."""
        for sound in sounds:
            if id(sound) in self._contents:
                continue
            keys = []
            for feature in np.ascontiguousarray(sound.T, dtype=np.float64):
                keys.append(blake2b(feature, digest_size=16).digest())
                if keys[-1] not in self._tracks:
                    self._tracks[keys[-1]] = _Track(feature, self.sfreq)
            self._contents[id(sound)] = sound, keys
        return [self._contents[id(sound)][1] for sound in sounds]

    def _compare(self, first: Iterable[bytes], second: Iterable[bytes]) -> None:
        """Compare what was not compared yet: excerpts of the shorter are sought in the longer."""
        first = list(first)
        for b in second:
            track = self._tracks[b]
            unknown = {a: self._tracks[a] for a in first if (a, b) not in self._known}
            if not unknown:
                continue
            longer = {a: t for a, t in unknown.items() if len(t.signal) > len(track.signal)}
            shorter = {a: t for a, t in unknown.items() if a not in longer}
            for a in unknown:
                self._known[a, b] = self._known[b, a] = None
            for (_, a), delay in _search({b: track}, longer).items():
                self._known[a, b], self._known[b, a] = delay, -delay
            for (a, _), delay in _search(shorter, {b: track}).items():
                self._known[a, b], self._known[b, a] = -delay, delay


class _Track:
    """One feature of one sound, and what it takes to look for its excerpts or in it."""

    def __init__(self, signal: np.ndarray, sfreq: float) -> None:
        self.signal = signal - signal.mean()
        self.sfreq = sfreq
        self.step = max(round(sfreq / _COARSE_RATE), 1)
        self._codes: dict[int, np.ndarray] = {}
        self._sought: dict[int, np.ndarray] = {}

    @cached_property
    def coarse(self) -> np.ndarray:
        """The signal low-passed, at about the rate of the search."""
        return gaussian_filter1d(self.signal, self.step / 2)[:: self.step].astype(np.float32)

    @cached_property
    def blurred(self) -> "_Track":
        """The signal with its times no sharper than people, tools and grids place onsets."""
        return _Track(gaussian_filter1d(self.signal, _BLUR * self.sfreq), self.sfreq)

    @cached_property
    def twice(self) -> np.ndarray:
        """The signal at twice its rate."""
        n = len(self.signal)
        spectrum = rfft(np.concatenate([self.signal, self.signal[::-1]]))
        spectrum[-1] /= 2  # the highest frequency becomes one of two
        return 2 * irfft(spectrum, 4 * n)[: 2 * n]

    def codes(self, length: int) -> np.ndarray:
        """Every excerpt of so many coarse samples: its slow part, scaled to norm one."""
        if length not in self._codes:
            n_kept = min(round(2 * _TOP * length * self.step / self.sfreq), length - 1)
            basis = dct(np.eye(length, dtype=np.float32), norm="ortho")[:, 1 : n_kept + 1]
            codes = sliding_window_view(self.coarse, length) @ basis
            norms = np.linalg.norm(codes, axis=1, keepdims=True)
            # A pause is alike everywhere: nothing is found in one, and none is looked for.
            silent = norms <= 1e-4 * np.linalg.norm(self.coarse) / len(self.coarse) ** 0.5
            self._codes[length] = np.where(silent, 0, codes / np.where(silent, 1, norms))
        return self._codes[length]

    def sought(self, length: int) -> np.ndarray:
        """Give the excerpts of so many coarse samples that are looked for."""
        if length not in self._sought:
            self._sought[length] = self.codes(length)[self.probes[length]]
        return self._sought[length]

    @cached_property
    def probes(self) -> dict[int, np.ndarray]:
        """Where excerpts to look for begin, in coarse samples, by their length."""
        n, rate = len(self.coarse), self.sfreq / self.step
        found: dict[int, np.ndarray] = {}
        scale, weak = 1, np.array([True])
        while weak.any():
            length = min(round(_PROBE * rate * scale), n)
            hop = max(round(_HOP * rate * scale), 1)
            starts = np.unique([*range(0, n - length + 1, hop), n - length])
            around = min(round(_PIECE * rate * scale), n)
            first = np.clip(starts - (around - length) // 2, 0, n - around) * self.step
            excerpts = sliding_window_view(self.signal, min(around * self.step, len(self.signal)))
            enough = degrees_of_freedom(excerpts[np.minimum(first, len(excerpts) - 1)]) >= _FEWEST
            # What a shorter excerpt tells already is not looked for again.
            wanted = weak[np.minimum(starts * len(weak) // max(n, 1), len(weak) - 1)]
            if np.any(enough & wanted):
                found[length] = starts[enough & wanted]
            weak = wanted & ~enough
            if length == n:
                break
            scale *= 2
        return found


def degrees_of_freedom(excerpts: np.ndarray) -> np.ndarray:
    """Estimate how many independent values excerpts hold, see `SoundIndex`.

    Parameters
    ----------
    excerpts : ndarray of shape (n_excerpts, n_times)
        Excerpts.

    Returns
    -------
    degrees : ndarray of shape (n_excerpts,)
        Zero for constant ones.
    """
    y = excerpts - excerpts.mean(axis=1, keepdims=True)
    power = np.sum(y**2, axis=1)
    size = next_fast_len(2 * y.shape[1], real=True)
    correlations = irfft(np.abs(rfft(y, size)) ** 2, size)
    spread = np.sum(y**4, axis=1) * np.sum(correlations**2, axis=1)
    constant = power <= 1e-12 * np.sum(excerpts**2, axis=1)
    return np.where(constant, 0.0, 4 * power**4 / np.where(constant, 1.0, spread))


def _search(
    parts: dict[bytes, _Track], wholes: dict[bytes, _Track]
) -> dict[tuple[bytes, bytes], float]:
    """Sample of each whole at which the part begins, for those that share a stretch."""
    found: dict[tuple[bytes, bytes], float] = {}
    for length in sorted({length for part in parts.values() for length in part.probes}):
        sought = {a: part for a, part in parts.items() if length in part.probes}
        for b, whole in wholes.items():
            if len(whole.coarse) < length:
                continue
            for a, start, place in _candidates(sought, whole, length):
                if (a, b) not in found:
                    delay = _confirmed(parts[a], whole, start, place, length)
                    if delay is not None:
                        found[a, b] = delay
    return found


def _candidates(
    parts: dict[bytes, _Track], whole: _Track, length: int
) -> Iterator[tuple[bytes, int, int]]:
    """Excerpts that nearly occur: of which part, where in it, where in the whole."""
    codes = whole.codes(length).T
    names = list(parts)
    starts = [parts[name].probes[length] for name in names]
    n_at_once = max(_BLOCK // (max(map(len, starts)) * codes.shape[1]), 1)
    for i in range(0, len(names), n_at_once):
        some = names[i : i + n_at_once]
        owner = np.repeat(np.arange(len(some)), [len(x) for x in starts[i : i + n_at_once]])
        start = np.concatenate(starts[i : i + n_at_once])
        agreement = np.concatenate([parts[name].sought(length) for name in some]) @ codes
        # The best place of each excerpt, the best excerpts first.
        best = agreement.max(axis=1)
        for k in sorted(np.flatnonzero(best > _CANDIDATE), key=lambda k: -best[k]):
            yield some[owner[k]], int(start[k]), int(agreement[k].argmax())


def _confirmed(part: _Track, whole: _Track, start: int, place: int, length: int) -> float | None:
    """Sample of the whole at which the part begins, if what agrees nearly is the same.

    If a sound begins half a sample later, its onsets are rounded to other samples of the grid. They
    are the same again when they are blurred. So are, in a short stretch, onsets that are nearly
    regular: there only blurred ones count.
    """
    step = part.step
    start, place, n = start * step, place * step, min(length * step, len(part.signal))
    n = min(n, len(part.signal) - start, len(whole.signal) - place)
    for a, b, brief in (
        (part, whole, _BRIEF * part.sfreq),
        (part.blurred, whole.blurred, np.inf),
    ):
        delay = _placed(a, b, start, place, n)
        if delay is not None and _is_the_same(part, whole, delay, start, n, brief):
            return delay
    return None


def _placed(part: _Track, whole: _Track, start: int, place: int, n: int) -> float | None:
    """Sample of the whole at which the part begins, to a fraction of one."""
    step = part.step
    lags = np.arange(max(-step, -place), min(step, len(whole.signal) - n - place) + 0.5, 0.5)
    at = 2 * place + np.round(2 * lags).astype(int)
    excerpt = part.signal[start : start + n]
    views = sliding_window_view(whole.twice, 2 * n - 1)[:, ::2]
    r = _correlations(excerpt, views[at])
    best = int(np.argmax(r))
    if r[best] < _NEARLY:
        return None
    # The peak between half samples is that of a parabola.
    bend = 0.0
    if 0 < best < len(r) - 1:
        low, top, high = r[best - 1 : best + 2]
        bend = 0.5 * (low - high) / min(low - 2 * top + high, -1e-12)
    delay = float(place + lags[best] + 0.5 * np.clip(bend, -0.5, 0.5) - start)
    # A parabola misses the peak by less than this.
    return float(round(delay)) if abs(delay - round(delay)) < 0.1 else delay


def _is_the_same(
    part: _Track, whole: _Track, delay: float, start: int, n: int, brief: float
) -> bool:
    """Tell whether stretches around an excerpt agree, those shorter than `brief` if blurred."""
    shift = int(np.floor(delay))
    first, last = max(0, -shift), min(len(part.signal), len(whole.signal) - shift)
    longer = min(round(n * _PIECE / _PROBE), last - first)
    begins = start - (longer - n) * np.arange(9) // 8
    stretches = {(start, start + n), (first, last)} | {
        (b, b + longer) for b in np.clip(begins, first, last - longer)
    }
    sharp, blurred = (
        (a.signal, _advanced(b.signal, delay - shift))
        for a, b in ((part, whole), (part.blurred, whole.blurred))
    )
    for begin, end in stretches:
        x, y = blurred if end - begin < brief else sharp
        x, y = x[begin:end], y[begin + shift : end + shift]
        r = float(_correlations(x, y[None])[0])
        if r < _SAME:
            continue
        degrees = min(float(degrees_of_freedom(z[None])[0]) for z in (x, y))
        # A perfect match is not infinitely improbable: onsets lie on a grid of samples.
        if -degrees / 2 * np.log10(max(1 - r * r, _IMPERFECT)) >= _EVIDENCE:
            return True
    return False


def _advanced(signal: np.ndarray, fraction: float) -> np.ndarray:
    """Move a signal ahead by a fraction of a sample."""
    if fraction == 0:
        return signal
    size = next_fast_len(len(signal) + 64, real=True)
    turn = np.exp(2j * np.pi * np.arange(size // 2 + 1) / size * fraction)
    return irfft(rfft(signal, size) * turn, size)[: len(signal)]


def _correlations(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Pearson's r of a stretch with several; zero where one is constant."""
    x = x - x.mean()
    others = others - others.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(x) * np.linalg.norm(others, axis=1)
    return others @ x / np.where(norms > 0, norms, np.inf)
