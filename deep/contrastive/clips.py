"""Clips as users give them, waveforms or files, and as examples of a training."""

import math
import os
from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np

from cocktailparty.recordings.audio.clips import AudioClip, read_clip
from deep.audio.augmentation import repeated
from deep.data.dealing import Dealing
from deep.data.examples import Examples

# Root mean square of every clip: that of speech at an ordinary level.
_LEVEL = 0.1


def check_clips(X: Any, sfreq: float, n_shortest: int) -> list[Any]:
    """Check clips before any work is done.

    Parameters
    ----------
    X : sequence of clips
        Waveforms of shape (n_samples,), of float or integer type; paths of sound files; or
        `AudioClip`, which is a part of one.
    sfreq : float
        Sampling rate of waveforms and files in hertz.
    n_shortest : int
        Shortest clip in samples.

    Returns
    -------
    clips : list of ndarray of float32 or AudioClip
        Files are looked at, and not read.

    Raises
    ------
    ValueError
        If there are none, or one is no waveform, holds a number that is not finite, is constant,
        too short, or has another rate; says which.
    FileNotFoundError
        If there is no such file.
    OSError
        If a file is broken; names it.
    """
    if isinstance(X, str | os.PathLike | AudioClip) or (
        hasattr(X, "ndim") and X.ndim == 1 and X.dtype.kind != "O"
    ):
        raise ValueError("X must be a list of clips, got a single one: give [clip]")
    if len(X) == 0:
        raise ValueError("X holds no clips: 0 samples, expected at least 1")
    return [_checked(clip, f"X[{i}]", sfreq, n_shortest) for i, clip in enumerate(X)]


def _checked(clip: Any, name: str, sfreq: float, n_shortest: int) -> Any:
    if isinstance(clip, str | os.PathLike):
        clip = AudioClip(os.fspath(clip))
    if isinstance(clip, AudioClip):
        rate, n_samples = clip.rate_and_length()
        if rate != sfreq:
            raise ValueError(
                f"{clip.path} has a rate of {rate:g} Hz, expected sfreq={sfreq:g}: resample the "
                "files to one rate, or set sfreq if all have this one"
            )
        _check_length(n_samples, f"{name} ({clip.path})", sfreq, n_shortest)
        return clip
    x = np.asarray(clip)
    if x.ndim != 1:
        raise ValueError(
            f"{name} has shape {x.shape}, expected (n_samples,): average the channels of a stereo "
            "clip first"
        )
    if x.dtype.kind not in "fiu":
        raise ValueError(f"{name} holds {x.dtype}, expected a waveform of numbers")
    return check_waveform(x, name, sfreq, n_shortest)


def check_waveform(x: np.ndarray, name: str, sfreq: float, n_shortest: int) -> np.ndarray:
    """Check a waveform, and make it float32.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Waveform.
    name : str
        What it is, in errors.
    sfreq : float
        Its rate in hertz.
    n_shortest : int
        Shortest length in samples.

    Returns
    -------
    x : ndarray of float32, shape (n_samples,)
        Integers are brought to full scale 1.

    Raises
    ------
    ValueError
        If a number is not finite, or the clip is constant or too short.
    """
    _check_length(len(x), name, sfreq, n_shortest)
    if x.dtype.kind in "iu":
        # Of unsigned samples, as in 8-bit files, the middle is silence.
        middle = 2 ** (8 * x.dtype.itemsize - 1)
        x = (x.astype(np.float64) - (middle if x.dtype.kind == "u" else 0)) / middle
    x = x.astype(np.float32)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity")
    if x.min() == x.max():
        raise ValueError(f"{name} is constant, so there is nothing to hear: leave it out")
    return x


def _check_length(n: int, name: str, sfreq: float, n_shortest: int) -> None:
    if n < n_shortest:
        raise ValueError(
            f"{name} has {n} samples, shorter than a frame of {n_shortest} samples at {sfreq:g} Hz"
        )


class Clips(Examples):
    """Clips as examples, of one length: longer ones are cut, shorter ones repeated.

    In training a longer clip is cut somewhere else each time, otherwise in its middle. A batch
    holds ``x`` and what is given with it. Every clip loses its mean and gets the same loudness.

    Parameters
    ----------
    clips : sequence of ndarray or AudioClip
        From `check_clips`. Files are read each time that they are needed.
    sfreq, rate : float
        Rate of the clips, and of the network, in hertz.
    n_samples : int
        Length in samples at the rate of the network.
    n_shortest : int
        As for `check_clips`.
    more : dict of str to ndarray of shape (n_examples, ...), optional
        Labels and the like.
    dealing : Dealing, optional
        Deals training batches.
    """

    def __init__(
        self, clips: Sequence[Any], sfreq: float, rate: float, n_samples: int, n_shortest: int,
        more: dict[str, np.ndarray] | None = None, dealing: Dealing | None = None,
    ) -> None:  # fmt: skip
        self.clips = [
            clip if isinstance(clip, AudioClip) else prepared(clip, sfreq, rate) for clip in clips
        ]
        self.sfreq, self.rate, self.n_samples, self.n_shortest = sfreq, rate, n_samples, n_shortest
        self.more = more or {}
        self._dealing = dealing

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def dealing(self) -> Dealing | None:
        """Rule by which examples are dealt into training batches.

        Returns
        -------
        dealing : Dealing or None
            As given.
        """
        return self._dealing

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Cut or repeat clips, and read those that are files.

        Parameters
        ----------
        indices : ndarray of int, shape (n_examples,)
            Which clips.
        rng : numpy.random.Generator or None
            Decides where a longer clip is cut; None for its middle.

        Returns
        -------
        batch : dict of str to ndarray of shape (n_examples, ...)
            Clips ``x`` of shape (n_examples, n_samples), and what was given with them.
        """
        batch = {name: values[indices] for name, values in self.more.items()}
        batch["x"] = np.stack([self._clip(int(i), rng) for i in indices])
        return batch

    def _clip(self, index: int, rng: np.random.Generator | None) -> np.ndarray:
        clip = self.clips[index]
        if isinstance(clip, AudioClip):
            x = check_waveform(read_clip(clip), f"{clip.path}", self.sfreq, self.n_shortest)
            clip = prepared(x, self.sfreq, self.rate)
        most = max(len(clip) - self.n_samples, 0)
        start = most // 2 if rng is None else int(rng.integers(most + 1))
        return repeated(clip, self.n_samples, start)

    def digest(self) -> str:
        """Hash clips and settings; of files, their names, sizes and dates.

        Returns
        -------
        digest : str
            Hash.
        """
        contents = [
            (clip, os.stat(clip.path).st_size, os.stat(clip.path).st_mtime)
            if isinstance(clip, AudioClip) else clip
            for clip in self.clips
        ]  # fmt: skip
        dealing = None if self._dealing is None else self._dealing.digest()
        return str(
            joblib.hash((contents, self.sfreq, self.rate, self.n_samples, self.more, dealing))
        )


def prepared(x: np.ndarray, sfreq: float, rate: float) -> np.ndarray:
    """Take the mean off a clip, bring it to the rate of the network and to one loudness.

    Parameters
    ----------
    x : ndarray of float32, shape (n_samples,)
        Clip.
    sfreq, rate : float
        Its rate, and that of the network, in hertz.

    Returns
    -------
    x : ndarray of float32
        With a root mean square of 0.1; of this clip alone, so that no other matters.
    """
    x = x - x.mean()
    if sfreq != rate:
        from cocktailparty.features import resample

        x = np.asarray(resample(x[:, None], sfreq, rate))[:, 0].astype(np.float32)
    power = float(np.mean(np.square(x, dtype=np.float64)))
    return np.asarray(x * np.float32(_LEVEL / math.sqrt(max(power, 1e-20))), dtype=np.float32)


def durations(clips: Sequence[Any], sfreq: float) -> np.ndarray:
    """Measure the durations of clips.

    Parameters
    ----------
    clips : sequence of ndarray or AudioClip
        From `check_clips`.
    sfreq : float
        Their rate in hertz.

    Returns
    -------
    durations : ndarray of shape (n_clips,)
        In seconds.
    """
    counts = [
        clip.rate_and_length()[1] if isinstance(clip, AudioClip) else len(clip) for clip in clips
    ]
    return np.array(counts) / sfreq
