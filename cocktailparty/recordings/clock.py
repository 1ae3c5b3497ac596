"""Drift between the clocks of EEG amplifier and sound card."""

from typing import Any, NamedTuple

import numpy as np

from cocktailparty.backend import to_numpy


class ClockDrift(NamedTuple):
    """Line that turns the sound card's time into the amplifier's.

    Attributes
    ----------
    scale : float
        Seconds that pass on the EEG's clock in one second of the sound's.
    offset : float
        Time on the EEG's clock at time 0 of the sound, in seconds.
    residual : float
        Largest distance of a trigger from the line, in seconds. One sample of the EEG is ordinary;
        more tells of a trigger that is missing, doubled or late.
    """

    scale: float
    offset: float
    residual: float


def clock_drift(onsets_eeg: Any, onsets_audio: Any) -> ClockDrift:
    """Compare the times that two clocks gave to the same triggers.

    Clocks that differ by 50 parts in a million, which is common, part by 30 ms in ten minutes:
    more than an EEG sample, and enough to blur a response. The line
    t_eeg = offset + scale * t_audio is fitted by least squares.

    Parameters
    ----------
    onsets_eeg : array-like of shape (n_triggers,)
        Times of the triggers in the EEG recording, in seconds.
    onsets_audio : array-like of shape (n_triggers,)
        Times of the same triggers in the sound, in seconds.

    Returns
    -------
    drift : ClockDrift
        Give its `offset` and `scale` as `onset` and `eeg_clock` to
        `cocktailparty.recordings.trial_from_raw`.

    Raises
    ------
    ValueError
        If the two differ in number, there are fewer than two, or times are not finite and rising.

    Examples
    --------
    >>> audio = [0.0, 100.0, 200.0, 300.0]
    >>> eeg = [5.0, 105.02, 205.04, 305.06]
    >>> drift = clock_drift(eeg, audio)
    >>> round(drift.scale, 9), round(drift.offset, 9)
    (1.0002, 5.0)
    """
    eeg = _checked_times(onsets_eeg, "onsets_eeg")
    audio = _checked_times(onsets_audio, "onsets_audio")
    if len(eeg) != len(audio):
        raise ValueError(
            f"onsets_eeg has {len(eeg)} triggers but onsets_audio has {len(audio)}: leave out "
            "those that only one of the two saw"
        )
    # Centred, so that a recording that starts at a large time loses no digits.
    x, y = audio - audio.mean(), eeg - eeg.mean()
    scale = float(x @ y / (x @ x))
    residual = float(np.abs(y - scale * x).max())
    return ClockDrift(scale, float(eeg.mean() - scale * audio.mean()), residual)


def _checked_times(times: Any, what: str) -> np.ndarray:
    times = to_numpy(times, what).astype(float)
    if times.ndim != 1 or times.size < 2:
        raise ValueError(f"{what} must hold the times of at least 2 triggers, got {times.shape}")
    if not np.all(np.isfinite(times)) or np.any(np.diff(times) <= 0):
        raise ValueError(f"{what} must be finite and rising")
    checked: np.ndarray = times
    return checked
