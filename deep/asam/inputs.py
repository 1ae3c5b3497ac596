"""Checks of waveforms as users give them: mixtures, utterances and cues."""

import os
from typing import Any

import numpy as np

from cocktailparty.recordings.audio.clips import AudioClip, read_clip
from deep.asam.memory import check_name

#: Shortest stimulus in seconds that tells anything of a voice.
SHORTEST = 0.25


def check_waveform(x: Any, name: str, sfreq: float, shortest: float = 0.0) -> np.ndarray:
    """Check a waveform, and read it if it is a file: float32, (n_samples,).

    `x` is an array at the rate `sfreq` in hertz, of float or integer type (integers are brought to
    full scale 1); or a path or `AudioClip`, whose channels are averaged, and which is resampled if
    its rate is higher. `shortest` is the smallest length in seconds, `name` what it is called in
    errors.

    Raises `ValueError` if it is no waveform, too short, silent, not finite, or a file with a lower
    rate; `OSError`, naming the file, if that is missing or broken.
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
    """Check a list of waveforms, see `check_waveform`.

    Raises `ValueError` also if it is a single waveform or empty.
    """
    single = isinstance(X, str | os.PathLike | AudioClip)
    if single or (isinstance(X, np.ndarray) and X.ndim == 1 and X.dtype.kind != "O"):
        raise ValueError(f"{name} must be a list of waveforms, got a single one: give [waveform]")
    if len(X) == 0:
        raise ValueError(f"{name} is empty, expected at least one waveform")
    return [check_waveform(x, f"{name}[{i}]", sfreq, shortest) for i, x in enumerate(X)]


def check_speakers(speakers: Any, n_utterances: int) -> list[str]:
    """Check the names of who speaks in each utterance: at least two different ones.

    Raises `ValueError` if there are more or fewer names than utterances, or all are the same;
    `TypeError` if one is no string.
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
    """Check that there is one cue for each mixture: a name, or a stimulus.

    A text is always a name: a file is given as a path object or an `AudioClip`. Raises `ValueError`
    if there are more or fewer, or a single one that is no list.
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
    """Remove the mean of a waveform, and give it a mean power of 1: float32.

    The waveform must not be constant.
    """
    y = x.astype(np.float64) - x.mean(dtype=np.float64)
    return np.asarray(y / np.sqrt(np.mean(np.square(y))), dtype=np.float32)


def resampled(x: np.ndarray, sfreq: float, to: float, n_samples: int | None = None) -> np.ndarray:
    """Bring a waveform, (n_samples,), from one rate to another, in hertz.

    The same array if they are equal. With `n_samples` the result is cut or filled up to this
    length.
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
