"""Steering by a guide: the one of given parts of a mixture that follows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cocktailparty.separation.alignment import frame_grid, in_band, on_frames
from cocktailparty.separation.artefacts import without_artefacts
from cocktailparty.separation.evidence import Attention, attend
from cocktailparty.separation.masking import magnitude, spectrogram
from cocktailparty.separation.parts import check_parts, remainder
from cocktailparty.validation import check_finite, check_rate, float_array

# A guide may be this early or late, in seconds.
LAGS = -0.2, 0.5

# The ear, and what follows it, compresses loudness.
_POWER = 0.6


@dataclass(frozen=True)
class FunctionSeparator:
    """A separator made of a function.

    A separator is anything with ``separate(mixture, sfreq)`` that returns 2 to 8 parts of the
    mixture, in any order, at the same rate: a factorisation, a trained network.

    Parameters
    ----------
    function : callable
        Takes samples and rate, returns the parts.

    Examples
    --------
    A network of torch, say, takes (1, n_samples) and gives (1, n_parts, n_samples):

    >>> def split(mixture, sfreq):
    ...     return model(torch.from_numpy(mixture)[None].float())[0].detach().numpy()
    >>> separator = FunctionSeparator(split)
    """

    function: Callable[[np.ndarray, float], Any]

    def separate(self, mixture: np.ndarray, sfreq: float) -> Any:
        """Split a mixture.

        Parameters
        ----------
        mixture : ndarray of shape (n_samples,) or (n_samples, n_audio_channels)
            Mixture.
        sfreq : float
            Its sampling rate in hertz.

        Returns
        -------
        array of shape (n_parts, n_samples) or (n_parts, n_samples, n_audio_channels)
            Parts that the function returns.
        """
        return self.function(mixture, sfreq)


@dataclass(frozen=True, eq=False)
class Steered:
    """Attended sound and rest of a mixture, and the reasons.

    Attributes
    ----------
    sounds : ndarray of shape (2, n_samples) or (2, n_samples, n_audio_channels)
        Attended and rest; their sum is the mixture.
    attention : Attention
        The chosen part, with its uncertainty.
    lag : float
        Seconds that the guide is late.
    artefacts : list of tuple of two floats
        Beginning and end of each artefact of the guide in seconds; they were cut down.
    remainder : float
        Power of the mixture that is in no part, relative to the mixture, in decibels; minus
        infinity if the parts add up to it.
    notes : list of str
        Sentences on what was done to the parts, and other things that a user should know.
    """

    sounds: np.ndarray
    attention: Attention
    lag: float
    artefacts: list[tuple[float, float]]
    remainder: float
    notes: list[str] = field(default_factory=list)


def steer(
    mixture: Any,
    mixture_sfreq: float,
    parts: Sequence[Any],
    guide: Any,
    sfreq: float,
    *,
    lag: float | None = None,
    window: float = 0.064,
) -> Steered:
    """Choose the part of a mixture that follows a guide, as boldly as the evidence allows.

    Parameters
    ----------
    mixture : array of shape (n_samples,) or (n_samples, n_audio_channels)
        Mixture.
    mixture_sfreq : float
        Its sampling rate in hertz.
    parts : sequence of array or of tuple of (array, rate)
        2 to 8 sounds; see `cocktailparty.separation.parts.check_parts`. They need not add up to the
        mixture: what is missing belongs to no part.
    guide : array of shape (n_times,) or (n_times, n_features)
        How loud the attended sound is, with any offset and scale, such as a reconstruction from
        EEG; the mean over features is taken.
    sfreq : float
        Sampling rate of the guide in hertz.
    lag : float, optional
        Seconds that the guide is late; None to search from -0.2 to 0.5 s, which costs evidence.
    window : float
        Length of the analysis window in seconds.

    Returns
    -------
    Steered
        Attended sound, rest, and why.

    Raises
    ------
    ValueError
        If the parts are no parts of this mixture, a value is not finite, or guide and mixture
        differ in length.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> loudness = np.repeat(rng.random((2, 160)) ** 3, 1000, axis=1)
    >>> kick, hat = loudness * rng.normal(size=(2, 160000))
    >>> found = steer(kick + hat, 8000, [kick, hat], loudness[1, ::125], 64)
    >>> found.attention.chosen, found.lag, bool(np.allclose(found.sounds[0], hat, atol=0.05))
    (array([1]), 0.0, True)
    """
    check_rate(mixture_sfreq, "mixture_sfreq")
    mixture = np.asarray(float_array(mixture, "mixture"))
    check_finite(mixture, "mixture")
    guide = check_guide(guide, sfreq, len(mixture) / mixture_sfreq)
    sounds, notes = check_parts(parts, mixture, mixture_sfreq)
    guide, artefacts = without_artefacts(guide, sfreq)
    n_fft, hop = frame_grid(mixture_sfreq, sfreq, window)
    frame_rate = mixture_sfreq / hop
    loudness = np.stack(
        [magnitude(spectrogram(sound, n_fft, hop)).sum(axis=1) for sound in sounds], axis=1
    )
    loudness = np.asarray(loudness, dtype=np.float64) ** _POWER
    lags = lag_frames(lag, frame_rate)
    frames = on_frames(guide, sfreq, frame_rate, len(loudness))
    flat = sounds.reshape(len(sounds), -1).astype(np.float64)
    loudness = in_band(loudness, frames)
    attention = attend(frames, loudness, flat @ flat.T, single=True, lags=lags)
    missing = mixture - sounds.sum(axis=0)
    weights = attention.weights.astype(mixture.dtype)
    # What is in no part goes to the attended sound as far as all parts do.
    attended = np.tensordot(weights, sounds, 1) + weights.min() * missing
    if artefacts:
        notes.append(artefact_note(artefacts))
    return Steered(
        np.stack([attended, mixture - attended]),
        attention,
        float(attention.lag / frame_rate) if lag is None else float(lag),
        artefacts,
        remainder(mixture, missing),
        notes,
    )


def lag_frames(lag: float | None, frame_rate: float) -> np.ndarray:
    """Translate a lag in seconds into frames; None becomes all from -0.2 to 0.5 s.

    A lag that is not a number from -10 to 10 is a ValueError.

    Examples
    --------
    >>> lag_frames(0.05, 64), lag_frames(None, 10)
    (array([3]), array([-2, -1,  0,  1,  2,  3,  4,  5]))
    """
    if lag is None:
        return np.arange(round(LAGS[0] * frame_rate), round(LAGS[1] * frame_rate) + 1)
    if isinstance(lag, (bool, str)) or not abs(lag) <= 10:
        raise ValueError(f"lag must be a number of seconds from -10 to 10, or None, got {lag!r}")
    return np.array([round(lag * frame_rate)])


def check_guide(guide: Any, sfreq: float, duration: float) -> np.ndarray:
    """Check a guide, (n_times,) or (n_times, n_features) at `sfreq` hertz, against a mixture.

    Returns its mean over features in float64. An impossible shape or rate, a value that is not
    finite or a length other than the mixture's `duration` in seconds is a ValueError.

    Examples
    --------
    >>> check_guide([[1.0, 3.0], [2.0, 4.0]], 2, 1.0)
    array([2., 3.])
    """
    check_rate(sfreq, "sfreq")
    guide = float_array(guide, "guide")
    if guide.ndim not in (1, 2) or 0 in guide.shape:
        raise ValueError(
            f"guide must have shape (n_times,) or (n_times, n_features), got {tuple(guide.shape)}"
        )
    check_finite(guide, "guide")
    lasts = guide.shape[0] / sfreq
    if abs(lasts - duration) > 2 / sfreq:
        raise ValueError(
            f"guide lasts {lasts:g} s ({guide.shape[0]} values at {sfreq:g} Hz) but the audio "
            f"{duration:g} s: align and crop them, or give the right sfreq"
        )
    guide = np.asarray(guide, dtype=np.float64)
    checked: np.ndarray = guide if guide.ndim == 1 else guide.mean(axis=1)
    return checked


def artefact_note(artefacts: Sequence[tuple[float, float]]) -> str:
    """Write a sentence on the artefacts of a guide, given by beginning and end in seconds.

    Examples
    --------
    >>> artefact_note([(1.0, 1.2)])
    '1 artefact of the guide was cut down, at 1.0 s.'
    """
    starts = ", ".join(f"{start:.1f}" for start, _ in artefacts[:5])
    more = ", ..." if len(artefacts) > 5 else ""
    what = (
        "1 artefact of the guide was"
        if len(artefacts) == 1
        else (f"{len(artefacts)} artefacts of the guide were")
    )
    return f"{what} cut down, at {starts}{more} s."
