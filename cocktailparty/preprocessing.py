"""Band-pass filtering and resampling of signals and whole trials, zero-phase or causal."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from scipy.signal import firwin, kaiser_beta
from scipy.special import i0

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.causal import (
    CausalFilter,
    bandpass_sos,
    check_numpy,
    check_phase,
    memory,
    resampled,
)
from cocktailparty.features.waveform import check_samples, signal_library
from cocktailparty.provenance import passed_filter
from cocktailparty.streams import Stream, with_streams
from cocktailparty.suspicions import suspicions, warn_of
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial
from cocktailparty.trials import list_trials
from cocktailparty.validation import check_rate, same_rate

# Zero crossings on either side of the interpolation kernel, and the shape of its Kaiser window:
# as in `cocktailparty.features.resample`.
_CROSSINGS = 10
_BETA = kaiser_beta(80)


def preprocess(
    trials: Any,
    sfreq: float | None = None,
    l_freq: float | None = 1.0,
    h_freq: float | None = 9.0,
    phase: str = "zero",
    *,
    features: Sequence[int] | None = None,
    streams: Mapping[str, Stream] | None = None,
) -> list[Trial]:
    """Resample and band-pass trials that are already cut, EEG and stimuli alike.

    For trials that come from arrays or from a corpus. Where the continuous recording is at hand,
    `cocktailparty.recordings` lets the ends of a trial see the data beyond them; here they see the
    odd reflection of the trial.

    Parameters
    ----------
    trials : sequence of Trial
        Trials, also of several rates or sets of channels.
    sfreq : float, optional
        New sampling rate in hertz; None keeps the rate of each trial.
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz, see `bandpass`; None leaves that side open.
    phase : {"zero", "causal"}
        Filters that look at both sides of a sample, or only back, as those of a device that decodes
        while the sounds play, see `bandpass`; also those of the resampling.
    features : sequence of int, optional
        Features of the stimuli to keep; None for all.
    streams : mapping of str to Stream, optional
        Further bands to take from the same trials, at whole multiples of `sfreq`; they become
        `Trial.streams`.

    Returns
    -------
    processed : list of Trial
        New trials. Audio and labels are shared with the old ones; float32 stays float32.

    Raises
    ------
    ValueError
        If a frequency or feature is impossible, the phase unknown, a trial shorter than the
        filter, or its rate too low for a stream (the message says which rate is needed).

    Warns
    -----
    RecordingWarning
        If the EEG looks wrong, see `cocktailparty.suspicions`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> trial = Trial(rng.normal(size=(1280, 2)), rng.random((2, 1280)), sfreq=128)
    >>> preprocess([trial], sfreq=64)
    [Trial(10.0 s at 64 Hz, 2 channels, 2 stimuli x 1 feature, attended unknown)]
    """
    trials = list_trials(trials)
    check_phase(phase)
    for name, stream in (streams or {}).items():
        for trial in trials:
            stream.check_rate(trial.sfreq, f"stream {name!r}")
    others = {
        name: preprocess(
            trials, stream.sfreq, stream.l_freq, stream.h_freq, phase, features=stream.features
        )
        for name, stream in (streams or {}).items()
    }
    if features is not None:
        trials = [_with_features(trial, features) for trial in trials]
    rates = [trial.sfreq if sfreq is None else sfreq for trial in trials]
    for i, (trial, after) in enumerate(zip(trials, rates, strict=True)):
        check_rate(after, "sfreq")
        check_band(min(trial.sfreq, after), l_freq, h_freq)
        label = f"trials[{i}]" + (f" ({trial.name!r})" if trial.name else "")
        if phase == "zero":
            check_duration(trial.duration, after, l_freq, h_freq, label)
    with shown_once():
        processed = [
            _preprocessed(trial, rate, l_freq, h_freq, phase)
            for trial, rate in zip(trials, rates, strict=True)
        ]
    return with_streams(processed, **others) if others else processed


def bandpass(
    x: Any, sfreq: float, l_freq: float | None, h_freq: float | None, phase: str = "zero"
) -> Any:
    """Filter along time, by default with a linear-phase FIR filter whose delay is taken out.

    The default filter of MNE-Python: Hamming windows, transition bands of a quarter of the edge
    but at least 2 Hz (and at most what fits) outside the pass band, gain 1/2 in their middle, and
    odd reflection of the signal beyond its ends. ``phase="causal"`` takes Butterworth filters
    instead, of second order at the lower and fourth order at the upper edge (gain -3 dB), which
    never look ahead and start as if the first sample had been there forever.

    Parameters
    ----------
    x : array of shape (n_times, ...)
        Signals; NumPy or CuPy.
    sfreq : float
        Sampling rate in hertz.
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz; None leaves that side open.
    phase : {"zero", "causal"}
        Whether what comes after a sample counts; "causal" takes NumPy arrays.

    Returns
    -------
    array of shape (n_times, ...)
        Filtered signals; float32 if the input is, though computed in double precision.

    Raises
    ------
    ValueError
        If a frequency is impossible, the phase unknown, or the signal is empty, not finite, or not
        longer than the filter.

    References
    ----------
    Widmann, Schröger & Maess (2015), Digital filter design for electrophysiological data - a
    practical approach. doi:10.1016/j.jneumeth.2014.08.002

    Examples
    --------
    >>> import numpy as np
    >>> t = np.arange(640) / 64
    >>> slow, fast = np.sin(2 * np.pi * 4 * t), np.sin(2 * np.pi * 20 * t)
    >>> error = bandpass(slow + fast, 64, 1, 9) - slow
    >>> bool(np.abs(error[128:-128]).max() < 0.01)
    True
    """
    x = check_samples(x, "x")
    check_band(sfreq, l_freq, h_freq)
    check_phase(phase)
    if l_freq is None and h_freq is None:
        return x
    if phase == "causal":
        check_numpy(x, "x")
        columns = x.reshape(len(x), -1).astype(float)
        filtered = CausalFilter(bandpass_sos(sfreq, l_freq, h_freq)).push(columns)
        return filtered.reshape(x.shape).astype(x.dtype)
    check_duration(x.shape[0] / sfreq, sfreq, l_freq, h_freq, "the signal")
    xp = namespace(x)
    taps = xp.asarray(_taps(sfreq, l_freq, h_freq).reshape(-1, *[1] * (x.ndim - 1)))
    extended = _extended(xp.astype(x, xp.float64), taps.shape[0] // 2)
    filtered = signal_library(x).oaconvolve(extended, taps, mode="valid", axes=0)
    return xp.astype(filtered, x.dtype, copy=False)


def filter_reach(
    sfreq: float, l_freq: float | None, h_freq: float | None, phase: str = "zero"
) -> float:
    """Half length in seconds of the filter of `bandpass` at `sfreq` hertz; 0 without a filter.

    Filtered samples that lie more than twice this apart share no unfiltered sample: a split in
    time that is to be free of leaks leaves out at least that much between training and test.
    The response of the causal filter counts as over below a millionth of its peak.
    `l_freq` and `h_freq` are the edges of the pass band in hertz; a ValueError is raised if one is
    impossible or the phase unknown.

    Examples
    --------
    >>> filter_reach(64, l_freq=1, h_freq=9)
    1.640625
    """
    check_band(sfreq, l_freq, h_freq)
    check_phase(phase)
    if phase == "causal":
        return memory(sfreq, l_freq, h_freq) / 2
    return (_taps(sfreq, l_freq, h_freq).size // 2) / sfreq


def interpolate(x: Any, positions: Any, spacing: float = 1.0) -> Any:
    """Evaluate sampled signals anywhere between their samples.

    A Kaiser-windowed sinc, as in `cocktailparty.features.resample`, but at arbitrary positions:
    one step for another rate, a start between two samples, and a clock that drifts. The signals
    are continued beyond their ends by odd reflection.

    Parameters
    ----------
    x : array of shape (n_times, n_channels)
        Signals; NumPy or CuPy.
    positions : array-like of shape (n_positions,)
        Where to evaluate them, in samples: 0 is the first sample, 0.5 half way to the second.
    spacing : float
        Distance of the positions in samples. Above 1, what would alias is filtered out first: gain
        1/2 at half the new rate, at most -80 dB from 0.63 of it.

    Returns
    -------
    array of shape (n_positions, n_channels)
        Values; float32 if the input is.

    Raises
    ------
    ValueError
        If a position lies outside the signal, or the signal is shorter than the kernel.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(0.2 * np.arange(100))[:, None]
    >>> bool(np.isclose(interpolate(wave, [40.5])[0, 0], np.sin(0.2 * 40.5), atol=1e-4))
    True
    """
    x = check_samples(x, "x")
    positions = to_numpy(positions, "positions").astype(float)
    n_times, reach = x.shape[0], interpolation_reach(spacing)
    if positions.size and not -0.5 <= positions.min() <= positions.max() <= n_times:
        raise ValueError(
            f"positions {positions.min():g} to {positions.max():g} lie outside the signal of "
            f"{n_times} samples"
        )
    if n_times <= reach:
        raise ValueError(f"x has {n_times} samples, interpolation needs at least {reach + 1}")
    nearest = np.rint(positions).astype(int)
    inside = positions.size and 0 <= nearest.min() <= nearest.max() < n_times
    xp = namespace(x)
    if spacing == 1 and inside and np.array_equal(nearest, positions):
        return xp.take(x, xp.asarray(nearest), axis=0)  # the samples themselves, bit by bit
    extended = _extended(xp.astype(x, xp.float64), reach)
    values = xp.empty((positions.size, x.shape[1]), dtype=x.dtype)
    around = np.arange(-reach, reach + 1)
    for first in range(0, positions.size, 1024):  # bounds the memory that the weights take
        block = positions[first : first + 1024]
        nearest = np.clip(np.rint(block).astype(int), 0, n_times - 1)
        weights = _kernel((around + (nearest - block)[:, None]) / max(spacing, 1.0))
        for i, (row, start) in enumerate(zip(xp.asarray(weights), nearest.tolist(), strict=True)):
            values[first + i, :] = row @ extended[start : start + around.size, :]
    return values


def interpolation_reach(spacing: float) -> int:
    """Count the samples on either side that `interpolate` looks at, for a spacing in samples.

    Examples
    --------
    >>> interpolation_reach(4)
    41
    """
    return ceil(_CROSSINGS * max(spacing, 1.0)) + 1


def check_band(sfreq: float, l_freq: float | None, h_freq: float | None) -> None:
    """Check that a pass band (edges in hertz, or None) fits below half the sampling rate in hertz.

    Raises a ValueError if a value is not positive, too high, or the edges are not in order.

    Examples
    --------
    >>> check_band(64, 1, 40)
    Traceback (most recent call last):
    ...
    ValueError: h_freq=40 Hz must lie below half the sampling rate of 64 Hz
    """
    check_rate(sfreq, "sfreq")
    for edge, what in ((l_freq, "l_freq"), (h_freq, "h_freq")):
        if edge is not None:
            check_rate(edge, what)
            if edge >= sfreq / 2:
                raise ValueError(
                    f"{what}={edge:g} Hz must lie below half the sampling rate of {sfreq:g} Hz"
                )
    if l_freq is not None and h_freq is not None and l_freq >= h_freq:
        raise ValueError(f"l_freq={l_freq:g} Hz must lie below h_freq={h_freq:g} Hz")


def check_duration(
    duration: float, sfreq: float, l_freq: float | None, h_freq: float | None, what: str
) -> None:
    """Raise a ValueError if a signal of `duration` seconds is not longer than the filter.

    `sfreq` is the rate in hertz at which the filter runs, `what` the name of the signal in the
    message.

    Examples
    --------
    >>> check_duration(2, 64, 1, 9, "trial 'a'")
    Traceback (most recent call last):
    ...
    ValueError: trial 'a' lasts 2 s, but the filter needs more than 3.28 s: use longer trials, or
    raise l_freq or set it to None for a shorter filter
    """
    shortest = 2 * filter_reach(sfreq, l_freq, h_freq)
    if duration <= shortest:
        raise ValueError(
            f"{what} lasts {duration:.3g} s, but the filter needs more than {shortest:.3g} s: use "
            "longer trials, or raise l_freq or set it to None for a shorter filter"
        )


def _with_features(trial: Trial, features: Sequence[int]) -> Trial:
    chosen = list(features)
    if not chosen or not all(0 <= k < trial.n_features for k in chosen):
        raise ValueError(
            f"features={chosen} must be indices of the {trial.n_features} features of the stimuli"
        )
    parts = [trial.stimuli[:, :, k : k + 1] for k in chosen]
    return trial.replace(stimuli=namespace(trial.stimuli).concat(parts, axis=2))


def _preprocessed(
    trial: Trial, sfreq: float, l_freq: float | None, h_freq: float | None, phase: str
) -> Trial:
    xp = namespace(trial.eeg, trial.stimuli)
    stimuli = xp.permute_dims(trial.stimuli, (1, 0, 2))
    columns = xp.reshape(stimuli, (trial.n_times, trial.n_stimuli * trial.n_features))
    x = xp.concat([trial.eeg, columns], axis=1)
    if phase == "causal":
        check_numpy(x, "the trial")
        x = resampled(x, np.arange(len(x)) / trial.sfreq, trial.sfreq, sfreq)[1]
    elif not same_rate(sfreq, trial.sfreq):
        step = trial.sfreq / sfreq
        x = interpolate(x, np.arange(ceil(trial.n_times / step)) * step, step)
    x = bandpass(x, sfreq, l_freq, h_freq, phase)
    eeg, columns = x[:, : trial.n_channels], x[:, trial.n_channels :]
    names = trial.channel_names or [str(i) for i in range(trial.n_channels)]
    doubts = suspicions(to_numpy(trial.eeg), to_numpy(eeg), names, trial.sfreq, l_freq, h_freq)
    warn_of(doubts)
    known = list(dict.fromkeys([*trial.provenance.get("warnings", ()), *doubts]))
    provenance = {**trial.provenance, **({"warnings": known} if known else {})}
    stimuli = xp.reshape(columns, (x.shape[0], trial.n_stimuli, trial.n_features))
    return trial.replace(
        eeg=xp.astype(eeg, trial.eeg.dtype, copy=False),
        stimuli=xp.astype(xp.permute_dims(stimuli, (1, 0, 2)), trial.stimuli.dtype, copy=False),
        sfreq=sfreq,
        provenance=passed_filter(provenance, trial.sfreq, sfreq, l_freq, h_freq, phase=phase),
    )


@lru_cache(maxsize=8)
def _taps(sfreq: float, l_freq: float | None, h_freq: float | None) -> np.ndarray:
    """Impulse response: the low-pass of the upper edge minus that of the lower one."""
    upper = lower = None
    if h_freq is not None:
        width = min(max(0.25 * h_freq, 2.0), sfreq / 2 - h_freq)
        upper = _lowpass(h_freq + width / 2, width, sfreq)
    if l_freq is not None:
        width = min(max(0.25 * l_freq, 2.0), l_freq)
        lower = _lowpass(l_freq - width / 2, width, sfreq)
    half = max(taps.size // 2 for taps in (upper, lower, np.ones(1)) if taps is not None)
    response = np.zeros(2 * half + 1)
    if upper is None:
        response[half] = 1.0
    else:
        response += np.pad(upper, half - upper.size // 2)
    if lower is not None:
        response -= np.pad(lower, half - lower.size // 2)
    return response


def _lowpass(middle: float, width: float, sfreq: float) -> np.ndarray:
    # 3.3 / width seconds is what a Hamming window takes for a transition of that width.
    n_taps = round(3.3 / width * sfreq)
    n_taps += 1 - n_taps % 2
    taps: np.ndarray = firwin(n_taps, middle, window="hamming", fs=sfreq)
    return taps


def _kernel(t: np.ndarray) -> np.ndarray:
    """Windowed sinc at t, in zero crossings; each row sums to one, so that an offset is kept."""
    inside = np.clip(1 - (t / _CROSSINGS) ** 2, 0, None)
    weights = np.sinc(t) * np.where(inside > 0, i0(_BETA * np.sqrt(inside)), 0)
    normalised: np.ndarray = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def _extended(x: Any, n: int) -> Any:
    """Continue a signal by `n` samples at both ends, reflected about the end points."""
    xp = namespace(x)
    before = 2 * x[:1, ...] - xp.flip(x[1 : n + 1, ...], axis=0)
    after = 2 * x[-1:, ...] - xp.flip(x[-n - 1 : -1, ...], axis=0)
    return xp.concat([before, x, after], axis=0)
