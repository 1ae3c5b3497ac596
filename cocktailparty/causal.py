"""Filters and resampling that never look ahead, and go on where the last samples stopped.

What they return does not depend on the pieces in which a signal comes, to the last bit: a recording
that is filtered as a whole, and one that is filtered as it arrives, are the same.
"""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from scipy.signal import butter, sosfilt, sosfilt_zi

from cocktailparty.validation import same_rate

#: Filters of `bandpass`, `preprocess` and `speech_envelope`: look at both sides, or only back.
PHASES = ("zero", "causal")
# Orders of the Butterworth filters at the lower and the upper edge of the band.
_ORDERS = 2, 4
# The low-pass against aliasing has its edge (-3 dB) where the zero-phase one begins to fall.
_ANTIALIASING_ORDER, _ANTIALIASING_EDGE = 6, 0.375
# Share of its peak below which an impulse response counts as over.
_OVER = 1e-6
# Tolerance for moments of samples, in samples of the result.
_ALIKE = 1e-6


def check_phase(phase: str) -> None:
    """Raise a ValueError if `phase` is none of `PHASES`.

    Examples
    --------
    >>> check_phase("linear")
    Traceback (most recent call last):
    ...
    ValueError: phase must be 'zero' or 'causal', got 'linear'
    """
    if phase not in PHASES:
        raise ValueError(f"phase must be 'zero' or 'causal', got {phase!r}")


def check_numpy(x: Any, what: str) -> None:
    """Raise a ValueError that names the argument `what` if an array is not on the CPU.

    Examples
    --------
    >>> check_numpy(np.ones(3), "x")
    """
    if not isinstance(x, np.ndarray):
        raise ValueError(
            f"phase='causal' takes NumPy arrays, but {what} is a {type(x).__module__} array: "
            "take it to the CPU first"
        )


@lru_cache(maxsize=8)
def bandpass_sos(sfreq: float, l_freq: float | None, h_freq: float | None) -> np.ndarray:
    """Design the causal band-pass, (n_sections, 6), for a rate and edges in hertz.

    Butterworth filters, of second order at the lower and of fourth order at the upper edge (None
    leaves a side open): gain -3 dB at the edges.

    Examples
    --------
    >>> bandpass_sos(64, 1, 9).shape
    (3, 6)
    """
    sections = []
    if l_freq is not None:
        sections.append(butter(_ORDERS[0], l_freq, "highpass", output="sos", fs=sfreq))
    if h_freq is not None:
        sections.append(butter(_ORDERS[1], h_freq, "lowpass", output="sos", fs=sfreq))
    return np.concatenate(sections) if sections else np.empty((0, 6))


@lru_cache(maxsize=8)
def memory(sfreq: float, l_freq: float | None, h_freq: float | None) -> float:
    """Measure how long the causal band-pass remembers a sample, in seconds.

    After that, its response to an impulse stays below a millionth of its peak.

    Examples
    --------
    >>> 2 < memory(64, 1, 9) < 4
    True
    """
    sos = bandpass_sos(sfreq, l_freq, h_freq)
    if not len(sos):
        return 0.0
    slowest = min(edge for edge in (l_freq, h_freq) if edge is not None)
    impulse = np.zeros(ceil(10 * sfreq / slowest))
    impulse[0] = 1.0
    response = np.abs(sosfilt(sos, impulse))
    return float(np.flatnonzero(response > _OVER * response.max())[-1] + 1) / sfreq


class CausalFilter:
    """Cascade of second-order sections that goes on from piece to piece.

    `sos` are the sections, (n_sections, 6). The filter starts as if the first sample had been there
    forever, so that an offset makes no step.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> whole = CausalFilter(bandpass_sos(64, 1, 9)).push(x)
    >>> pieces = CausalFilter(bandpass_sos(64, 1, 9))
    >>> np.array_equal(whole, np.concatenate([pieces.push(x[:33]), pieces.push(x[33:])]))
    True
    """

    def __init__(self, sos: np.ndarray) -> None:
        self._sos = sos
        self._state: np.ndarray | None = None

    def push(self, rows: np.ndarray) -> np.ndarray:
        """Filter further samples, (n_times, n_columns)."""
        if not len(self._sos) or not len(rows):
            return rows
        if self._state is None:
            self._state = sosfilt_zi(self._sos)[:, :, None] * rows[0]
        filtered, self._state = sosfilt(self._sos, rows, axis=0, zi=self._state)
        return np.asarray(filtered)

    def state(self) -> dict[str, Any]:
        """Return all that the filter remembers, see `restore`."""
        return {"sections": None if self._state is None else self._state.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another filter was when it gave its `state`."""
        sections = state["sections"]
        self._state = None if sections is None else np.array(sections)


class CausalSampler:
    """Evaluation of a signal with time stamps at the moments ``k / sfreq``, k whole.

    Where the signal is sampled faster than that, a Butterworth low-pass of sixth order (-3 dB at
    3/8 of `sfreq`) goes before. Between two samples the value comes from a cubic polynomial through
    the two before and the two after, so that it is known two samples of the signal later.

    `rate` is the nominal rate of the signal in hertz, `sfreq` that of the result. A signal without
    gaps is expected.

    Examples
    --------
    >>> import numpy as np
    >>> sampler = CausalSampler(128, 64)
    >>> first, values = sampler.push(np.ones((10, 1)), 5.0 + np.arange(10) / 128)
    >>> first, len(values), len(sampler.finish()[1])
    (320, 4, 1)
    """

    def __init__(self, rate: float, sfreq: float) -> None:
        self._rate, self._sfreq = rate, sfreq
        slower = sfreq < rate and not same_rate(rate, sfreq)
        edge = _ANTIALIASING_EDGE * sfreq
        self._filter = CausalFilter(
            butter(_ANTIALIASING_ORDER, edge, output="sos", fs=rate) if slower else np.empty((0, 6))
        )
        self._rows = np.empty((0, 0))
        self._times = np.empty(0)
        self._next = 0

    def push(self, rows: np.ndarray, times: np.ndarray) -> tuple[int, np.ndarray]:
        """Take further samples, (n_times, n_columns), and their times in seconds, (n_times,).

        Times rise. Returns the first k of what is known now, and the values there, of shape
        (n_moments, n_columns).
        """
        if not len(rows):
            return self._next, np.empty((0, rows.shape[1]))
        filtered = self._filter.push(rows)
        if not len(self._times):
            self._next = ceil(times[0] * self._sfreq - _ALIKE)
            self._rows, self._times = filtered[:1], times[:1] - 1 / self._rate
        return self._evaluated(filtered, times)

    def finish(self) -> tuple[int, np.ndarray]:
        """Return what is left up to the end of the last sample, which is held there."""
        if not len(self._times):
            return self._next, np.empty((0, 0))
        after = self._times[-1] + np.arange(1, 3) / self._rate
        return self._evaluated(np.repeat(self._rows[-1:], 2, axis=0), after)

    def _evaluated(self, rows: np.ndarray, times: np.ndarray) -> tuple[int, np.ndarray]:
        rows = np.concatenate([self._rows, rows])
        times = np.concatenate([self._times, times])
        self._rows, self._times = rows[-3:].copy(), times[-3:].copy()
        first = self._next
        self._next = max(first, ceil(times[-2] * self._sfreq - _ALIKE))
        moments = np.arange(first, self._next) / self._sfreq
        i = np.searchsorted(times, moments + _ALIKE / self._sfreq, side="right") - 1
        f = np.clip((moments - times[i]) / (times[i + 1] - times[i]), 0.0, 1.0)[:, None]
        # Polynomials of Lagrange for samples at -1, 0, 1 and 2.
        values = (
            (-f * (f - 1) * (f - 2) / 6) * rows[i - 1]
            + ((f + 1) * (f - 1) * (f - 2) / 2) * rows[i]
            + (-(f + 1) * f * (f - 2) / 2) * rows[i + 1]
            + ((f + 1) * f * (f - 1) / 6) * rows[i + 2]
        )
        return first, values

    def state(self) -> dict[str, Any]:
        """Return all that the sampler remembers, see `restore`."""
        return {
            "filter": self._filter.state(),
            "rows": self._rows.copy(),
            "times": self._times.copy(),
            "next": self._next,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another sampler was when it gave its `state`."""
        self._filter.restore(state["filter"])
        self._rows, self._times = np.array(state["rows"]), np.array(state["times"])
        self._next = int(state["next"])


def resampled(x: np.ndarray, times: np.ndarray, rate: float, sfreq: float) -> tuple[int, Any]:
    """Evaluate a whole signal at ``k / sfreq``, as `CausalSampler` does piece by piece.

    `x` is (n_times, n_columns), `times` are its moments in seconds, `rate` its rate in hertz.
    Returns the first k and the values, (n_moments, n_columns).

    Examples
    --------
    >>> import numpy as np
    >>> resampled(np.ones((256, 1)), np.arange(256) / 128, 128, 64)[1].shape
    (128, 1)
    """
    sampler = CausalSampler(rate, sfreq)
    first, values = sampler.push(np.asarray(x, dtype=float), times)
    return first, np.concatenate([values, sampler.finish()[1]])
