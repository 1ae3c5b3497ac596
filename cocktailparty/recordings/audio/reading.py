"""Sounds given as files, waveforms or features."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cocktailparty.backend import is_pandas
from cocktailparty.features import speech_envelope
from cocktailparty.features.waveform import check_samples, check_waveform
from cocktailparty.recordings.audio.streams import streams

# What a converter makes of these is not where it was in the original: FFmpeg's output, measured.
_LATE = "convert the original to wav or flac, for what is decoded from such a file comes {}"
_REMEDIES = {
    **dict.fromkeys((".aac", ".ts"), _LATE.format("1024 samples late")),
    ".wma": _LATE.format("2048 samples early"),
    **dict.fromkeys(
        (".m4a", ".mp4"),
        "convert the original to wav or flac; a converter that ignores the file's edit list gives "
        "the sound 1024 samples late",
    ),
}


def read_audio(path: str | PathLike[str], *, mono: bool = True) -> tuple[np.ndarray, float]:
    """Read an audio file to its end.

    Files that were cut off are refused, also those whose header is right. Joined files (ogg, flac,
    mp3) are read one after another. The frames of mp3 and mp2 files are counted where no header
    states their number, and what encoder and decoder put in front of the sound is taken away: 481
    samples of mp2, 1105 of mp3 by LAME, or what the header says.

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
        If the file is broken, incomplete, holds no samples, or is of an unknown format.

    Warns
    -----
    RuntimeWarning
        If it is not known how many samples the encoder of an mp3 file put in front of the sound,
        or whether a file of a rare format is whole.

    Examples
    --------
    >>> read_audio("no/such.wav")
    Traceback (most recent call last):
    ...
    FileNotFoundError: audio file no/such.wav does not exist: check the path
    """
    path = Path(path)
    with _named_errors(path):
        joined = streams(path)
        decoded = [stream.read() for stream in joined]
        stated = sum(stream.length()[0] for stream in joined)
    held = sum(len(samples) for samples, _ in decoded)
    if held != stated:
        raise OSError(
            f"audio file {path} is damaged: {held} of its {stated} samples could be read, and what "
            "follows those that are lost would be at a wrong time; copy it again"
        )
    sfreq = decoded[0][1]
    forms = {(rate, samples.shape[1]) for samples, rate in decoded}
    if len(forms) > 1:
        raise OSError(
            f"audio file {path} joins sounds of different rates or channels, (hertz, channels): "
            f"{sorted(forms)}; convert it to wav"
        )
    audio = (
        np.concatenate([samples for samples, _ in decoded]) if len(decoded) > 1 else decoded[0][0]
    )
    if not audio.size:
        raise OSError(f"audio file {path} holds no samples: was it copied completely?")
    return audio.mean(axis=1) if mono else audio, float(sfreq)


def audio_duration(path: str | PathLike[str]) -> float:
    """Look up how many seconds the sound of a file lasts, mostly without decoding it.

    Raises a FileNotFoundError if there is no such file, an OSError if it is broken, incomplete, or
    of an unknown format.
    """
    path = Path(path)
    with _named_errors(path):
        lengths = [stream.length() for stream in streams(path)]
    return sum(n_samples / sfreq for n_samples, sfreq in lengths)


def waveform(sound: Any) -> tuple[Any, float]:
    """Take a sound, a file or a pair of waveform (n_samples,) and its rate in hertz, as that pair.

    Raises a TypeError if it is neither, a ValueError if the waveform is not one channel of finite
    samples, an OSError if the file is missing or broken.
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
    """Turn a sound into features (n_times, n_features) at `sfreq` hertz that are compared with EEG.

    `sound` is an audio file; a waveform (n_samples,) with its rate in hertz; or features that are
    passed through, (n_times,) or (n_times, n_features). `envelope` takes (audio, audio_sfreq,
    sfreq). Raises a TypeError if it is none of these, a ValueError if the samples are not finite
    numbers in the expected shape, an OSError if the file is missing or broken.

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
    elif hasattr(sound, "dtype") or is_pandas(sound):
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


def equal_features(
    sounds: Sequence[Any], sfreq: float, envelope: Callable[..., Any], where: str
) -> list[np.ndarray]:
    """List the features (n_times, n_features) of sounds, see `sound_features`.

    Raises a ValueError, which opens with `where`, if some have more features than others.
    """
    features = [sound_features(sound, sfreq, envelope) for sound in sounds]
    widths = sorted({feature.shape[1] for feature in features})
    if len(widths) > 1:
        raise ValueError(f"{where}sounds have different numbers of features: {widths}")
    return features


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Work on one file, which the errors of libsndfile then name."""
    import soundfile

    if not path.is_file():
        raise FileNotFoundError(f"audio file {path} does not exist: check the path")
    try:
        yield
    except soundfile.LibsndfileError as error:
        remedy = _REMEDIES.get(path.suffix.lower(), "convert it to wav or flac")
        raise OSError(
            f"audio file {path} cannot be read ({error.error_string}): it is broken or of a format "
            f"that libsndfile does not know; {remedy}"
        ) from error
