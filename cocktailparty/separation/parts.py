"""Checks of the parts of a mixture, whatever made them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cocktailparty.features import resample
from cocktailparty.validation import check_finite, check_rate, float_array, same_rate

# Numbers of parts, and by what share their lengths may differ from the mixture's.
FEWEST, MOST, _DIFFERENT = 2, 8, 0.01


def check_parts(
    parts: Sequence[Any], mixture: np.ndarray, sfreq: float
) -> tuple[np.ndarray, list[str]]:
    """Bring 2 to 8 parts of a mixture to its rate, length, channels and type.

    Parts, like the mixture, are (n_samples,) or (n_samples, n_audio_channels), at the rate of the
    mixture (`sfreq`, in hertz) unless given as (array, rate). The result is (n_parts, n_samples) or
    (n_parts, n_samples, n_audio_channels), mono parts of a mixture with channels being in all of
    them, and notes on what was done and what is odd.

    Raises
    ------
    ValueError
        If there are too few or too many parts, one has other channels, is not finite or more than
        1 % longer or shorter than the mixture, fewer than two of them sound, or all are the same.

    Examples
    --------
    >>> mixture = np.sin(np.arange(8000.0))
    >>> parts, notes = check_parts([mixture, (np.ones(4000), 4000)], mixture, 8000)
    >>> parts.shape, notes
    ((2, 8000), ['Part 2 was resampled from 4000 to 8000 Hz.'])
    """
    if not FEWEST <= len(parts) <= MOST:
        raise ValueError(
            f"parts must be {FEWEST} to {MOST} sounds, got {len(parts)}: one of them is chosen, so "
            "what else plays has to be among them"
        )
    notes: list[str] = []
    fitted = np.stack(
        [_fitted(part, mixture, sfreq, f"Part {i + 1}", notes) for i, part in enumerate(parts)]
    )
    sounding = np.flatnonzero(np.any(fitted.reshape(len(fitted), -1), axis=1))
    if np.any(mixture) and len(sounding) < FEWEST:
        raise ValueError(
            f"only {len(sounding)} of {len(parts)} parts sounds: there is nothing to choose among"
        )
    notes += [
        f"Part {i + 1} is silent: it cannot be chosen."
        for i in range(len(fitted))
        if i not in sounding
    ]
    copies = _copies(fitted[sounding])
    if len(sounding) >= FEWEST and len(copies) == len(sounding) - 1:
        raise ValueError("all parts are the same sound: there is nothing to choose among")
    notes += [
        f"Parts {sounding[i] + 1} and {sounding[j] + 1} are the same sound." for i, j in copies
    ]
    return fitted, notes


def remainder(mixture: np.ndarray, missing: np.ndarray) -> float:
    """Level in decibels, relative to the mixture, of what is `missing` from the sum of its parts.

    Minus infinity if nothing is missing, or only rounding.

    Examples
    --------
    >>> remainder(np.ones(4), np.full(4, 0.1))
    -20.0
    """
    power, left = (float(np.sum(np.square(x, dtype=np.float64))) for x in (mixture, missing))
    if left <= 1e-12 * power:
        return -np.inf
    return round(float(10 * np.log10(left / power)), 3) if power else np.inf


def _fitted(part: Any, mixture: np.ndarray, sfreq: float, name: str, notes: list[str]) -> Any:
    """One part at the rate, length and channels of the mixture."""
    rate = sfreq
    if isinstance(part, tuple):
        part, rate = part
        check_rate(rate, f"the rate of {name.lower()}")
    part = np.asarray(float_array(part, name))
    if part.ndim not in (1, 2) or part.shape[0] == 0:
        raise ValueError(
            f"{name} must have shape (n_samples,) or (n_samples, n_audio_channels), got "
            f"{tuple(part.shape)}"
        )
    check_finite(part, name)
    lasts, expected = len(part) / rate, len(mixture) / sfreq
    if abs(lasts - expected) > _DIFFERENT * expected:
        raise ValueError(
            f"{name} lasts {lasts:g} s but the mixture {expected:g} s: parts begin and end with it"
        )
    if not same_rate(rate, sfreq):
        part = resample(part, rate, sfreq)
        notes.append(f"{name} was resampled from {rate:g} to {sfreq:g} Hz.")
    n_samples = len(mixture)
    # Resampling rounds the length: that is nothing to tell.
    if abs(len(part) - n_samples) > 1:
        done = "cut" if len(part) > n_samples else "filled with silence"
        notes.append(f"{name} was {done} at its end, by {abs(len(part) - n_samples)} samples.")
    part = part[:n_samples]
    part = np.pad(part, [(0, n_samples - len(part))] + [(0, 0)] * (part.ndim - 1))
    if mixture.ndim == 1 and part.ndim == 2:
        if part.shape[1] > 1:
            notes.append(f"{name} has {part.shape[1]} channels; their mean was taken.")
        part = part.mean(axis=1)
    elif mixture.ndim == 2:
        part = part[:, None] if part.ndim == 1 else part
        if part.shape[1] not in (1, mixture.shape[1]):
            raise ValueError(
                f"{name} has {part.shape[1]} channels but the mixture {mixture.shape[1]}"
            )
        part = np.broadcast_to(part, mixture.shape)
    return part.astype(mixture.dtype)


def _copies(parts: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of parts that differ in loudness alone: each with the first of its kind."""
    if not len(parts):
        return []
    flat = parts.reshape(len(parts), -1).astype(np.float64)
    gram = flat @ flat.T
    norms = np.sqrt(np.diag(gram))
    same = gram > (1 - 1e-9) * np.outer(norms, norms)
    return [(int(np.argmax(same[j])), j) for j in range(len(parts)) if np.argmax(same[j]) < j]
