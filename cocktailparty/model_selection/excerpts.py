"""Search for excerpts of one feature of a sound in that of another."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import dct, irfft, next_fast_len, rfft
from scipy.ndimage import gaussian_filter1d

from cocktailparty.similarity import pearson

# Excerpts of 3 s, one every 2 s, are looked for, so that a segment of 5 s holds a whole one.
_PROBE, _HOP, _SEGMENT = 3.0, 2.0, 5.0
# The search looks at what is slower than 3 Hz, 16 times per second.
_COARSE_RATE, _TOP = 16.0, 3.0
# Correlations that an excerpt must reach in the search, to within a quarter of a sample, and at
# the best delay. Noise at 15 dB leaves .98; different sounds that reach .9 hold little evidence.
_CANDIDATE, _NEARLY, _SAME = 0.88, 0.86, 0.9
# Decimal logarithm of how rare a match by chance must be: many excerpts meet many delays.
_EVIDENCE = 10.5
_FEWEST = 14.0
_IMPERFECT = 0.03
# Whitened stretches are compared where hardly any noise was added and the plain ones hold some
# evidence at least; part of their degrees of freedom counts: white noise has more of them than the
# jitter of a beat.
_CLEAN, _SHARE, _LITTLE = 0.985, 0.6, 0.7
_FLOOR = 1e-3
_BLUR, _BRIEF = 0.016, 15.0
# Values of the search that are computed at once, and excerpts of wholes that they are made of.
_BLOCK, _CODES = 2**23, 2**14


class Track:
    """One feature of a sound, (n_times,) at `sfreq` hertz, for searches of it or in it."""

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
    def blurred(self) -> "Track":
        """The signal with its times no sharper than people, tools and grids place onsets."""
        return Track(gaussian_filter1d(self.signal, _BLUR * self.sfreq), self.sfreq)

    @cached_property
    def twice(self) -> np.ndarray:
        """The signal at twice its rate."""
        n = len(self.signal)
        spectrum = rfft(np.concatenate([self.signal, self.signal[::-1]]))
        spectrum[-1] /= 2  # the highest frequency becomes one of two
        return 2 * irfft(spectrum, 4 * n)[: 2 * n]

    @cached_property
    def power(self) -> np.ndarray:
        """Spectrum of segments of one second, (n_frequencies,), as a share of the power."""
        n = min(2 * round(self.sfreq / 2), len(self.signal))
        seconds = sliding_window_view(self.signal, n)[:: max(n // 2, 1)]
        spectra = np.abs(rfft(_centred(seconds) * np.hanning(n + 2)[1:-1])) ** 2
        power = spectra.mean(axis=0)
        power[0] = power[1:2].sum()  # of an offset there is nothing left
        return power / max(power.sum(), np.finfo(float).tiny)

    def codes(self, length: int) -> np.ndarray:
        """Describe every excerpt, its length in coarse samples, by its slow part of norm one.

        The codes are (n_excerpts, n_coefficients), and zero in pauses.
        """
        if length not in self._codes:
            n_kept = min(round(2 * _TOP * length * self.step / self.sfreq), length - 1)
            basis = dct(np.eye(length, dtype=np.float32), norm="ortho")[:, 1 : n_kept + 1]
            codes = sliding_window_view(self.coarse, length) @ basis
            norms = np.linalg.norm(codes, axis=1, keepdims=True)
            # All pauses look the same: nothing is found in one, and none is looked for.
            silent = norms <= 1e-4 * np.linalg.norm(self.coarse) / len(self.coarse) ** 0.5
            self._codes[length] = np.where(silent, 0, codes / np.where(silent, 1, norms))
        return self._codes[length]

    def sought(self, length: int) -> np.ndarray:
        """Give the `codes` of the excerpts that are looked for, (n_probes, n_coefficients)."""
        if length not in self._sought:
            self._sought[length] = self.codes(length)[self.probes[length]]
        return self._sought[length]

    @cached_property
    def probes(self) -> dict[int, np.ndarray]:
        """Starts of the excerpts to look for, in coarse samples, by their length."""
        n, rate = len(self.coarse), self.sfreq / self.step
        starts_by_length: dict[int, np.ndarray] = {}
        scale, weak = 1, np.array([True])
        while weak.any():
            length = min(round(_PROBE * rate * scale), n)
            hop = max(round(_HOP * rate * scale), 1)
            starts = np.unique([*range(0, n - length + 1, hop), n - length])
            context = min(round(_SEGMENT * rate * scale), n)
            first = np.clip(starts - (context - length) // 2, 0, n - context) * self.step
            excerpts = sliding_window_view(self.signal, min(context * self.step, len(self.signal)))
            sought = excerpts[np.minimum(first, len(excerpts) - 1)]
            enough = degrees_of_freedom(sought) >= _FEWEST
            if not enough.all():
                excerpts = sliding_window_view(
                    _whitened(self.signal, self.power), excerpts.shape[1]
                )
                sought = excerpts[np.minimum(first[~enough], len(excerpts) - 1)]
                enough[~enough] = _SHARE * degrees_of_freedom(sought) >= _FEWEST
            # Where a shorter excerpt is evidence enough, no longer one is looked for.
            wanted = weak[np.minimum(starts * len(weak) // max(n, 1), len(weak) - 1)]
            if np.any(enough & wanted):
                starts_by_length[length] = starts[enough & wanted]
            weak = wanted & ~enough
            if length == n:
                break
            scale *= 2
        return starts_by_length


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
    y = _centred(excerpts)
    power = np.sum(y**2, axis=1)
    size = next_fast_len(2 * y.shape[1], real=True)
    # By Parseval, the squares of the autocorrelation need no inverse transform.
    squares = np.abs(rfft(y, size)) ** 4
    squares[:, 1 : (size + 1) // 2] *= 2
    spread = np.sum(y**4, axis=1) * squares.sum(axis=1) / size
    return np.where(power == 0, 0.0, 4 * power**4 / np.where(power == 0, 1.0, spread))


def search(
    parts: Sequence[Track], wholes: Sequence[Track], wanted: np.ndarray
) -> dict[tuple[int, int], float]:
    """Look for excerpts of `parts` in `wholes`, for the pairs `wanted`, bool (n_parts, n_wholes).

    Returns for each pair of indices that shares a segment the sample of the whole at which the part
    begins.
    """
    delays: dict[tuple[int, int], float] = {}
    for length in sorted({length for part in parts for length in part.probes}):
        rows = [i for i, part in enumerate(parts) if length in part.probes]
        columns = [j for j, whole in enumerate(wholes) if len(whole.coarse) >= length]
        for i, j, start, place in _candidates(parts, wholes, wanted, rows, columns, length):
            if (i, j) not in delays:
                delay = _confirmed(parts[i], wholes[j], start, place, length)
                if delay is not None:
                    delays[i, j] = delay
    return delays


def _candidates(
    parts: Sequence[Track],
    wholes: Sequence[Track],
    wanted: np.ndarray,
    rows: list[int],
    columns: list[int],
    length: int,
) -> Iterator[tuple[int, int, int, int]]:
    """Yield excerpts that nearly occur: indices of part and whole, and the start in each."""
    for some_wholes in _batches(columns, [len(wholes[j].coarse) for j in columns], _CODES):
        sizes = [len(wholes[j].coarse) - length + 1 for j in some_wholes]
        first = np.cumsum([0, *sizes])
        codes = np.concatenate([wholes[j].codes(length) for j in some_wholes]).T
        wanted_rows = [i for i in rows if wanted[i, some_wholes].any()]
        counts = [len(parts[i].probes[length]) for i in wanted_rows]
        for some_parts in _batches(wanted_rows, counts, max(_BLOCK // codes.shape[1], 1)):
            owner = np.repeat(some_parts, [len(parts[i].probes[length]) for i in some_parts])
            start = np.concatenate([parts[i].probes[length] for i in some_parts])
            agreement = np.concatenate([parts[i].sought(length) for i in some_parts]) @ codes
            # The best place of each excerpt in each whole, the best excerpts first.
            best = np.maximum.reduceat(agreement, first[:-1], axis=1)
            near = np.argwhere((best > _CANDIDATE) & wanted[owner][:, some_wholes])
            for k, j in near[np.argsort(-best[tuple(near.T)], kind="stable")]:
                place = int(agreement[k, first[j] : first[j + 1]].argmax())
                yield int(owner[k]), some_wholes[j], int(start[k]), place


def _batches(items: list[int], sizes: Sequence[int], most: int) -> Iterator[list[int]]:
    """Give several items at a time, whose sizes add up to at most `most`, or one that is larger."""
    batch: list[int] = []
    total = 0
    for item, size in zip(items, sizes, strict=True):
        if batch and total + size > most:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += size
    if batch:
        yield batch


def _confirmed(part: Track, whole: Track, start: int, place: int, length: int) -> float | None:
    """Sample of the whole at which the part begins, if a near match proves to be the same sound.

    If a sound begins half a sample later, its onsets are rounded to other samples of the grid. They
    agree again when they are blurred. In a short segment, nearly regular onsets may agree on the
    grid by chance: there only blurred ones count.
    """
    step = part.step
    start, place, n = start * step, place * step, min(length * step, len(part.signal))
    n = min(n, len(part.signal) - start, len(whole.signal) - place)
    for track, other, brief in (
        (part, whole, _BRIEF * part.sfreq),
        (part.blurred, whole.blurred, np.inf),
    ):
        delay = _placed(track, other, start, place, n)
        if delay is not None and _is_the_same(part, whole, delay, start, n, brief):
            return delay
    return None


def _placed(part: Track, whole: Track, start: int, place: int, n: int) -> float | None:
    """Sample of the whole at which the part begins, to a fraction of one."""
    step = part.step
    lags = np.arange(max(-step, -place), min(step, len(whole.signal) - n - place) + 0.5, 0.5)
    at = 2 * place + np.round(2 * lags).astype(int)
    excerpt = part.signal[start : start + n]
    views = sliding_window_view(whole.twice, 2 * n - 1)[:, ::2]
    r = pearson(excerpt, views[at])
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


def _is_the_same(part: Track, whole: Track, delay: float, start: int, n: int, brief: float) -> bool:
    """Tell whether segments around an excerpt agree, those shorter than `brief` if blurred."""
    shift = int(np.floor(delay))
    first, last = max(0, -shift), min(len(part.signal), len(whole.signal) - shift)
    n_context = min(round(n * _SEGMENT / _PROBE), last - first)
    begins = start - (n_context - n) * np.arange(9) // 8
    segments = {(start, start + n), (first, last)} | {
        (b, b + n_context) for b in np.clip(begins, first, last - n_context)
    }
    sharp, blurred = (
        (a.signal, _advanced(b.signal, delay - shift))
        for a, b in ((part, whole), (part.blurred, whole.blurred))
    )
    for begin, end in segments:
        x, y = blurred if end - begin < brief else sharp
        if _rarity(x[begin:end], y[begin + shift : end + shift], _SAME) >= _EVIDENCE:
            return True
    # What a loud word outweighs shows in what is new from sample to sample.
    if len(part.power) != len(whole.power):
        return False
    promising = [
        (slice(begin, end), slice(begin + shift, end + shift))
        for begin, end in segments
        if _rarity(blurred[0][begin:end], blurred[1][begin + shift : end + shift], _SAME)
        >= _LITTLE * _EVIDENCE
    ]
    if not promising:
        return False
    x, y = (_whitened(z, part.power + whole.power) for z in sharp)
    return any(
        _SHARE * _rarity(x[in_part], y[in_whole], _CLEAN) >= _EVIDENCE
        for in_part, in_whole in promising
    )


def _rarity(x: np.ndarray, y: np.ndarray, least: float) -> float:
    """Decimal exponent of how rarely chance makes two segments agree as they do.

    It is zero if they correlate by less than `least`.
    """
    r = float(pearson(x, y))
    if r < least:
        return 0.0
    degrees = min(float(degrees_of_freedom(z[None])[0]) for z in (x, y))
    # A perfect match is not infinitely improbable: onsets lie on a grid of samples.
    return -degrees / 2 * np.log10(max(1 - r * r, _IMPERFECT))


def _whitened(signal: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Flatten the spectrum of a signal, given its power.

    Filtered onsets are sharp again and as few as before; in speech every syllable adds something.
    """
    if not power.any():
        return np.zeros_like(signal)  # silence
    size = next_fast_len(len(signal) + 2 * len(power), real=True)
    frequencies = np.linspace(0, len(power) - 1, size // 2 + 1)
    shape = np.interp(frequencies, np.arange(len(power)), power)
    return irfft(rfft(signal, size) / np.sqrt(shape + _FLOOR * power.max()), size)[: len(signal)]


def _centred(segments: np.ndarray) -> np.ndarray:
    """Subtract the mean of each segment; a constant one becomes exactly zero."""
    x = segments - segments.mean(axis=-1, keepdims=True)
    power = np.sum(x**2, axis=-1, keepdims=True)
    return np.where(power <= 1e-12 * np.sum(segments**2, axis=-1, keepdims=True), 0.0, x)


def _advanced(signal: np.ndarray, fraction: float) -> np.ndarray:
    """Move a signal ahead by a fraction of a sample."""
    if fraction == 0:
        return signal
    size = next_fast_len(len(signal) + 64, real=True)
    turn = np.exp(2j * np.pi * np.arange(size // 2 + 1) / size * fraction)
    return irfft(rfft(signal, size) * turn, size)[: len(signal)]
