"""Triggers that mark when a sound played: in the EEG, and in a track that played along with it."""

from typing import Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.recordings.clock import ClockDrift, clock_drift

# What belongs to the trigger input; higher bits of the Status channel describe the amplifier.
_INPUT_BITS = 0xFFFF
# Clocks that differ by more are no clocks: some triggers were paired with the wrong ones.
_LARGEST_DRIFT = 0.01


def pulse_onsets(track: Any, sfreq: float) -> np.ndarray:
    """Find the starts of the pulses of a trigger track.

    Parameters
    ----------
    track : array-like of shape (n_samples,)
        Near 0 between the pulses, near 1 in them.
    sfreq : float
        Its sampling rate in hertz.

    Returns
    -------
    onsets : ndarray of shape (n_pulses,)
        Times in seconds.

    Examples
    --------
    >>> pulse_onsets([1, 1, 0, 0, 1, 0], sfreq=2)
    array([0., 2.])
    """
    return _starts(to_numpy(track, "track") > 0.5, before=False) / sfreq


def biosemi_onsets(status: Any, sfreq: float) -> np.ndarray:
    """Find the triggers in the Status channel of a BioSemi recording.

    A trigger is a segment in which the lower 16 bits differ from their value at rest, which is the
    most frequent one of 1 to 255. A trigger that is on when the recording starts has no onset.

    Parameters
    ----------
    status : array-like of shape (n_samples,)
        The channel as numbers of up to 24 bits.
    sfreq : float
        Its sampling rate in hertz.

    Returns
    -------
    onsets : ndarray of shape (n_triggers,)
        Times in seconds.

    Raises
    ------
    ValueError
        If no sample has a value at which the trigger input can rest.

    Examples
    --------
    >>> biosemi_onsets([253, 253, 254, 254, 253, 253, 252, 253], sfreq=2)
    array([1., 3.])
    """
    values = to_numpy(status, "status").astype(np.int64) & _INPUT_BITS
    counts = np.bincount(values[(values > 0) & (values < 256)])
    if not counts.size:
        raise ValueError(
            "the Status channel never has a value of 1 to 255 in its lower 16 bits, at which the "
            f"trigger input rests: it has {np.unique(values)[:5].tolist()}"
        )
    return _starts(values != counts.argmax(), before=True) / sfreq


def align_clocks(onsets_eeg: Any, onsets_audio: Any, tolerance: float = 0.005) -> ClockDrift:
    """Find the line between two clocks although one of them may have missed triggers at the ends.

    The shorter series is laid along the longer one. Exactly one way of doing so has to put all
    its triggers on a line.

    Parameters
    ----------
    onsets_eeg : array-like of shape (n_eeg,)
        Times of the triggers in the EEG recording, in seconds.
    onsets_audio : array-like of shape (n_audio,)
        Times of the triggers in the sound, in seconds.
    tolerance : float
        Largest distance of a trigger from the line, in seconds.

    Returns
    -------
    drift : ClockDrift
        The line.

    Raises
    ------
    ValueError
        If less than half of the triggers of the sound are in the EEG, or they fit in no way or in
        several.

    See Also
    --------
    cocktailparty.recordings.clock_drift : For triggers of which none is missing.

    Examples
    --------
    >>> drift = align_clocks([13.0, 14.5, 17.0], [1.0, 3.0, 4.5, 7.0])
    >>> round(drift.scale, 9), round(drift.offset, 9)
    (1.0, 10.0)
    """
    eeg = to_numpy(onsets_eeg, "onsets_eeg").astype(float)
    audio = to_numpy(onsets_audio, "onsets_audio").astype(float)
    counted = f"the EEG has {len(eeg)} triggers, the sound {len(audio)}"
    n_common = min(len(eeg), len(audio))
    if n_common < max(2, len(audio) / 2):
        raise ValueError(f"{counted}: too few to align them")
    fits = []
    for shift in range(abs(len(eeg) - len(audio)) + 1):
        in_eeg, in_audio = (shift, 0) if len(eeg) > len(audio) else (0, shift)
        drift = clock_drift(eeg[in_eeg : in_eeg + n_common], audio[in_audio : in_audio + n_common])
        if drift.residual <= tolerance and abs(drift.scale - 1) <= _LARGEST_DRIFT:
            fits.append(drift)
    if len(fits) != 1:
        raise ValueError(
            f"{counted}: they fit together in {len(fits)} ways instead of one, so "
            "that EEG and sound cannot be aligned"
        )
    return fits[0]


def _starts(on: np.ndarray, before: bool) -> np.ndarray:
    previous = np.concatenate([[before], on[:-1]])
    return np.flatnonzero(on & ~previous)
