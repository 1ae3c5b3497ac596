"""Waveforms as users give them: mixtures, utterances and cues."""

import os
from typing import Any

import numpy as np

from cocktailparty.recordings.audio.clips import AudioClip, read_clip
from deep.asam.memory import check_name

#: Shortest stimulus in seconds that tells anything of a voice.
SHORTEST = 0.25


def check_waveform(x: Any, name: str, sfreq: float, shortest: float = 0.0) -> np.ndarray:
    """Check a waveform, and read it where it is a file.

    Parameters
    ----------
    x : array-like of shape (n_samples,), path or AudioClip
        Waveform at the rate `sfreq`, of float or integer type; or a sound file, whose channels
        are averaged, and which is resampled if its rate is higher.
    name : str
        What it is, in errors.
    sfreq : float
        Rate in hertz.
    shortest : float
        Least length in seconds.

    Returns
    -------
    x : ndarray of float32, shape (n_samples,)
        Waveform; integers are brought to full scale 1.

    Raises
    ------
    ValueError
        If it is no waveform, too short, silent, holds a number that is not finite, or is of a file
        with a lower rate.
    OSError
        If a file is missing or broken; names it.
    """
    if isinstance(x, str | os.PathLike):
        x = AudioClip(os.fspath(x))
    if isinstance(x, AudioClip):
        name = f"{name} ({x.path})"
        x = _read(x, name, sfreq)
    x = np.asarray(x)
    if x.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {x.dtype}, expected a waveform of numbers")
    if x.ndim != 1:
        raise ValueError(
            f"{name} has shape {x.shape}, expected (n_samples,): average the channels of a stereo "
            "sound first, or take one"
        )
    if len(x) == 0 or len(x) < round(shortest * sfreq):
        raise ValueError(
            f"{name} lasts {len(x) / sfreq:.3g} s ({len(x)} samples at {sfreq:g} Hz), expected at "
            f"least {max(shortest, 1 / sfreq):.3g} s"
        )
    if x.dtype.kind in "iu":
        middle = 2 ** (8 * x.dtype.itemsize - 1)
        x = (x.astype(np.float64) - (middle if x.dtype.kind == "u" else 0)) / middle
    x = x.astype(np.float32)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if x.min() == x.max():
        raise ValueError(f"{name} is silent: all samples are {x[0]:g}")
    return x


def check_waveforms(X: Any, name: str, sfreq: float, shortest: float = 0.0) -> list[np.ndarray]:
    """Check a list of waveforms.

    Parameters
    ----------
    X : sequence of waveforms
        See `check_waveform`.
    name : str
        What they are, in errors.
    sfreq : float
        Rate in hertz.
    shortest : float
        Least length of each in seconds.

    Returns
    -------
    waveforms : list of ndarray of float32, shape (n_samples,)
        At least one.

    Raises
    ------
    ValueError
        If it is a single waveform, empty, or one of them cannot be used; says which.
    OSError
        If a file is missing or broken; names it.
    """
    single = isinstance(X, str | os.PathLike | AudioClip)
    if single or (isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind != "O"):
        raise ValueError(f"{name} must be a list of waveforms, got a single one: give [waveform]")
    if len(X) == 0:
        raise ValueError(f"{name} is empty, expected at least one waveform")
    return [check_waveform(x, f"{name}[{i}]", sfreq, shortest) for i, x in enumerate(X)]


def check_speakers(speakers: Any, n_utterances: int) -> list[str]:
    """Check who speaks.

    Parameters
    ----------
    speakers : sequence of str
        One name an utterance.
    n_utterances : int
        How many there are.

    Returns
    -------
    speakers : list of str
        At least two different names.

    Raises
    ------
    ValueError
        If there are more or fewer names than utterances, or all have the same.
    TypeError
        If a name is no string.
    """
    if isinstance(speakers, str):
        raise TypeError(f"speakers must be a list with a name for each utterance, got {speakers!r}")
    names = [check_name(name.item() if isinstance(name, np.generic) else name) for name in speakers]
    if len(names) != n_utterances:
        raise ValueError(f"{len(names)} speakers for {n_utterances} utterances, expected as many")
    if len(set(names)) < 2:
        raise ValueError(
            f"all utterances are of {names[0]!r}: a mixture needs at least two talkers"
        )
    return names


def check_cues(cue: Any, n_mixtures: int) -> list[Any]:
    """Check that there is a cue for each mixture.

    Parameters
    ----------
    cue : sequence of str or waveforms
        Names of talkers that are known, or stimuli. A text is always a name: a file is given as
        a path or an `AudioClip`.
    n_mixtures : int
        Number of mixtures.

    Returns
    -------
    cues : list
        As many as mixtures.

    Raises
    ------
    ValueError
        If there are more or fewer, or there is a single one.
    """
    if isinstance(cue, str | os.PathLike | AudioClip) or (
        isinstance(cue, np.ndarray) and cue.ndim == 1 and cue.dtype.kind in "fiu"
    ):
        raise ValueError("cue must be a list with one cue for each mixture: give [cue]")
    cues = list(cue)
    if len(cues) != n_mixtures:
        raise ValueError(f"{len(cues)} cues for {n_mixtures} mixtures, expected as many")
    return cues


def level(x: np.ndarray) -> np.ndarray:
    """Take the mean off a waveform and give it a mean power of 1.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Waveform that is not constant.

    Returns
    -------
    x : ndarray of float32, shape (n_samples,)
        Another one.
    """
    y = x.astype(np.float64) - x.mean(dtype=np.float64)
    return np.asarray(y / np.sqrt(np.mean(np.square(y))), dtype=np.float32)


def resampled(x: np.ndarray, sfreq: float, to: float, n_samples: int | None = None) -> np.ndarray:
    """Bring a waveform to another rate.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Waveform.
    sfreq, to : float
        Its rate, and the other one, in hertz.
    n_samples : int, optional
        Cut or fill it up to so many.

    Returns
    -------
    x : ndarray of float32
        Waveform; the same if the rate is.
    """
    if sfreq == to:
        return x
    from cocktailparty.features import resample

    y = np.asarray(resample(x[:, None], sfreq, to))[:n_samples, 0].astype(np.float32)
    return y if n_samples is None else np.pad(y, (0, n_samples - len(y)))


def _read(clip: AudioClip, name: str, sfreq: float) -> np.ndarray:
    rate, _ = clip.rate_and_length()
    if rate < sfreq:
        raise ValueError(
            f"{name} has a rate of {rate:g} Hz, which is less than sfreq={sfreq:g}: what is above "
            f"{rate / 2:g} Hz is missing in it"
        )
    return resampled(read_clip(clip), rate, sfreq)
