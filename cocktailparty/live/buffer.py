"""Streams of samples with time stamps, brought onto one grid of moments."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from cocktailparty.causal import CausalFilter, CausalSampler, bandpass_sos
from cocktailparty.features.causal_envelope import CausalEnvelope


class SteadyClock:
    """Times of a stream on a line: without jitter, and with gaps where samples were lost.

    The line is fitted to the stamps so far, whatever the pieces in which they come, and follows a
    clock that is off by up to 1000 parts in a million or drifts. Stamps that jump ahead by more
    than the jitter are a gap; those that lie before what was heard already are refused.

    Examples
    --------
    >>> import numpy as np
    >>> clock = SteadyClock(100)
    >>> kept, gaps, times = clock.push(np.r_[0:1:0.01, 3:4:0.01])
    >>> len(times), np.flatnonzero(gaps).tolist()
    (200, [100])
    """

    def __init__(self, rate: float) -> None:
        self._rate, self._state, self._recent = float(rate), np.zeros(12), np.zeros(2048)

    def push(self, stamps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take further stamps in seconds, (n,).

        Returns which are kept, bool (n,); and of these whether a gap is before them, bool
        (n_kept,), and their times, (n_kept,), which rise.
        """
        from cocktailparty.live.clock_numba import straighten

        stamps = np.ascontiguousarray(stamps, dtype=float)
        out, kept = np.empty(len(stamps)), np.empty(len(stamps), dtype=np.int8)
        straighten(stamps, self._rate, self._state, self._recent, out, kept)
        keep = kept > 0
        return keep, kept[keep] > 1, out[keep]

    def state(self) -> dict[str, Any]:
        """Return all that the clock remembers, see `restore`."""
        return {"line": self._state.copy(), "recent": self._recent.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another clock was when it gave its `state`."""
        self._state, self._recent = np.array(state["line"]), np.array(state["recent"])


class Grid:
    """Rows at the moments k, of which the oldest are forgotten; some are lost."""

    def __init__(self, n_columns: int) -> None:
        self.first: int | None = None
        self.stop = 0
        self._start = 0
        self._rows = np.empty((0, n_columns))
        self._lost = np.empty(0, dtype=bool)

    def put(self, first: int, rows: np.ndarray) -> None:
        """Add the rows of the moments from `first` on; those in between are lost."""
        if not len(rows):
            return
        if self.first is None:
            self.first = self.stop = self._start = first
        skip = max(self.stop - first, 0)
        rows, first = rows[skip:], first + skip
        missing = first - self.stop
        blank = np.zeros((missing, self._rows.shape[1]))
        self._rows = np.concatenate([self._rows, blank, rows])
        self._lost = np.concatenate(
            [self._lost, np.ones(missing, dtype=bool), np.zeros(len(rows), dtype=bool)]
        )
        self.stop = first + len(rows)

    def get(self, first: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return rows, (n, n_columns), zero where they are lost, and bool (n,) where they are."""
        part = slice(first - self._start, stop - self._start)
        return self._rows[part].copy(), self._lost[part].copy()

    def forget(self, before: int) -> None:
        """Drop the moments before one."""
        n = before - self._start
        if n > 0:
            self._rows, self._lost = self._rows[n:].copy(), self._lost[n:].copy()
            self._start = before

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, see `restore`."""
        names = ("first", "stop", "_start")
        kept = {name: getattr(self, name) for name in names}
        return {**kept, "_rows": self._rows.copy(), "_lost": self._lost.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another was when it gave its `state`."""
        self.__dict__.update(state)
        self._rows, self._lost = np.array(self._rows), np.array(self._lost)


class PreparedStream:
    """Samples in, filtered rows at the moments ``origin + k / sfreq`` out.

    `make` gives something with `push`, `state` and `restore` that evaluates samples at these
    moments (`CausalSampler`, `CausalEnvelope`); `band` are the sections of the filter at the new
    rate. After a gap both begin anew.
    """

    def __init__(self, rate: float, make: Any, band: np.ndarray, n_columns: int) -> None:
        self._clock, self._make, self._band = SteadyClock(rate), make, band
        self._sampler, self._filter = make(), CausalFilter(band)
        self.grid = Grid(n_columns)
        self.n_refused = 0

    def push(self, samples: np.ndarray, stamps: np.ndarray, origin: float) -> None:
        """Take samples, (n, n_columns), with their time stamps in seconds, (n,)."""
        keep, gaps, times = self._clock.push(stamps)
        self.n_refused += int(len(keep) - keep.sum())
        samples = samples[keep]
        for part in _between(gaps):
            if part.start < part.stop and gaps[part.start]:
                self._restart()
            self._take(samples[part], times[part] - origin)

    def finish(self) -> None:
        """Take what is left up to the end of the last sample."""
        first, values = self._sampler.finish()
        self._put(first, values)

    def _take(self, samples: np.ndarray, times: np.ndarray) -> None:
        if len(samples):
            self._put(*self._sampler.push(samples, times))

    def _put(self, first: int, values: np.ndarray) -> None:
        if len(values):
            self.grid.put(first, self._filter.push(values.reshape(len(values), -1)))

    def _restart(self) -> None:
        self._sampler, self._filter = self._make(), CausalFilter(self._band)

    def state(self) -> dict[str, Any]:
        """Return all that is remembered, see `restore`."""
        parts = {"clock": self._clock, "sampler": self._sampler, "filter": self._filter}
        states = {name: part.state() for name, part in {**parts, "grid": self.grid}.items()}
        return {**states, "n_refused": self.n_refused}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another was when it gave its `state`."""
        self._clock.restore(state["clock"])
        self._sampler.restore(state["sampler"])
        self._filter.restore(state["filter"])
        self.grid.restore(state["grid"])
        self.n_refused = int(state["n_refused"])


def eeg_stream(model: Any, rate: float) -> PreparedStream:
    """Prepare EEG at `rate` hertz, channels and references, as a trained model wants it."""
    n_references = len(model.reference) if isinstance(model.reference, list) else 0
    return PreparedStream(
        rate,
        lambda: CausalSampler(rate, model.sfreq),
        bandpass_sos(model.sfreq, model.l_freq, model.h_freq),
        model.n_channels + n_references,
    )


def sound_stream(model: Any, rate: float, n_sounds: int) -> PreparedStream:
    """Prepare the envelopes of sounds at `rate` hertz as a trained model wants them."""

    def make() -> CausalEnvelope:
        return CausalEnvelope(rate, model.sfreq, n_sounds, **model.envelope)

    return PreparedStream(
        rate,
        make,
        bandpass_sos(model.sfreq, model.l_freq, model.h_freq),
        n_sounds * make().n_features,
    )


def _between(gaps: np.ndarray) -> Iterator[slice]:
    """Pieces of samples that begin where there is a gap."""
    edges = [0, *(i for i in np.flatnonzero(gaps).tolist() if i), len(gaps)]
    for start, stop in pairwise(edges):
        yield slice(start, stop)
