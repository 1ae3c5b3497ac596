"""Sounds given as files, waveforms or features."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from cocktailparty.features import speech_envelope
from cocktailparty.features.waveform import check_samples, check_waveform


def read_audio(path: str | PathLike[str], *, mono: bool = True) -> tuple[np.ndarray, float]:
    """Read an audio file.

    Parameters
    ----------
    path : path
        File of any format that libsndfile reads: wav, flac, ogg, mp3 and others.
    mono : bool
        Average the channels of a stereo file.

    Returns
    -------
    audio : ndarray of float32, shape (n_samples,) or (n_samples, n_audio_channels)
        Waveform, full scale 1; the second shape only if `mono` is False.
    sfreq : float
        Its sampling rate in hertz.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is broken, holds no samples, or is of an unknown format.

    Examples
    --------
    >>> read_audio("no/such.wav")
    Traceback (most recent call last):
    ...
    FileNotFoundError: audio file no/such.wav does not exist: check the path
    """
    path = Path(path)
    with _named_errors(path) as soundfile:
        audio, sfreq = soundfile.read(path, dtype="float32", always_2d=True)
    if not audio.size:
        raise OSError(f"audio file {path} holds no samples: was it copied completely?")
    return audio.mean(axis=1) if mono else audio, float(sfreq)


def audio_duration(path: str | PathLike[str]) -> float:
    """Look up how long the sound of a file lasts, without reading its samples.

    Parameters
    ----------
    path : path
        File of any format that libsndfile reads.

    Returns
    -------
    duration : float
        Seconds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If the file is broken, or is of an unknown format.
    """
    path = Path(path)
    with _named_errors(path) as soundfile:
        return float(soundfile.info(path).duration)


def waveform(sound: Any) -> tuple[Any, float]:
    """Take a sound, given as a file or as a pair of waveform and rate, as that pair.

    Parameters
    ----------
    sound : path or (array, float)
        Audio file, or waveform of shape (n_samples,) and its rate in hertz.

    Returns
    -------
    audio : array of shape (n_samples,)
        Waveform.
    sfreq : float
        Its sampling rate in hertz.

    Raises
    ------
    TypeError
        If it is neither.
    ValueError
        If the waveform is not one channel of finite samples.
    OSError
        If the file is missing or broken.
    """
    if isinstance(sound, str | PathLike):
        return read_audio(sound)
    if not isinstance(sound, tuple) or len(sound) != 2:
        raise TypeError(
            "a sound must be a path or a pair (waveform, sampling rate), got "
            f"{type(sound).__name__}"
        )
    audio, sfreq = sound
    return check_waveform(audio, sfreq), float(sfreq)


def sound_features(sound: Any, sfreq: float, envelope: Callable[..., Any] = speech_envelope) -> Any:
    """Turn a sound into the features that are compared with EEG.

    Parameters
    ----------
    sound : path, (array, float) or array
        Audio file; waveform (n_samples,) and its rate in hertz; or features that are passed
        through, (n_times,) or (n_times, n_features), sampled at `sfreq`.
    sfreq : float
        Sampling rate of the features in hertz.
    envelope : callable
        Takes (audio, audio_sfreq, sfreq), returns features (n_times, n_features).

    Returns
    -------
    features : array of shape (n_times, n_features)
        Features of the sound.

    Raises
    ------
    TypeError
        If `sound` is none of these.
    ValueError
        If the samples are not finite numbers in the expected shape.
    OSError
        If the file is missing or broken.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=16000)
    >>> sound_features((noise, 8000), sfreq=64).shape
    (128, 1)
    """
    if isinstance(sound, str | PathLike):
        try:
            features = envelope(*read_audio(sound), sfreq)
        except ValueError as error:
            raise ValueError(f"audio file {sound}: {error}") from error
    elif isinstance(sound, tuple):
        features = envelope(*waveform(sound), sfreq)
    elif hasattr(sound, "dtype"):
        features = sound
    else:
        raise TypeError(
            "a sound must be a path, a pair (waveform, sampling rate) or an array of features, "
            f"got {type(sound).__name__}"
        )
    features = check_samples(features, "features")
    if features.ndim not in (1, 2):
        raise ValueError(
            f"features must have shape (n_times,) or (n_times, n_features), got {features.shape}"
        )
    return features[:, None] if features.ndim == 1 else features


@contextmanager
def _named_errors(path: Path) -> Iterator[ModuleType]:
    """Lend the soundfile library to work on one file, which its errors then name."""
    import soundfile

    if not path.is_file():
        raise FileNotFoundError(f"audio file {path} does not exist: check the path")
    try:
        yield soundfile
    except soundfile.LibsndfileError as error:
        raise OSError(
            f"audio file {path} cannot be read ({error.error_string}): it is broken or of a format "
            "that libsndfile does not know; convert it to wav or flac"
        ) from error
