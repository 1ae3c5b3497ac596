"""Clips as users give them, waveforms or files, and as training examples."""

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
    """Check clips before any work: float32 waveforms, and files as `AudioClip`, not yet read.

    `X` is a sequence of waveforms, (n_samples,), of float or integer type, paths of sound files, or
    `AudioClip`, a segment of one; all have the rate `sfreq` in hertz, and at least `n_shortest`
    samples.

    Raises `ValueError`, which says for which clip, if there are none, or one is no waveform, not
    finite, constant, too short or has another rate; `FileNotFoundError` or `OSError`, which names
    the file, if one is missing or broken.
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
    """Check a waveform, (n_samples,), called `name` in errors, and convert it to float32.

    Integers are brought to full scale 1. Raises `ValueError` if a number is not finite, or the clip
    is constant or shorter than `n_shortest` samples.
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
    """Clips as examples of one length: longer ones are cut, shorter ones repeated.

    In training a longer clip is cut somewhere else each time, otherwise in its middle. A batch
    holds ``x``, (n_examples, n_samples), and `more`, such as labels. Every clip loses its mean and
    gets the same loudness.

    `clips` come from `check_clips`; files are read each time that they are needed. `sfreq` and
    `rate` are those of the clips and of the network in hertz; `n_samples` counts at the latter.
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
        """Rule of the training batches, as given."""
        return self._dealing

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Cut or repeat clips, and read those that are files.

        `rng` decides where a longer clip is cut; None takes its middle.
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
        """Hash of clips and settings; of files, their names, sizes and dates."""
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
    """Remove the mean of a clip, bring it to the network's rate and to a root mean square of 0.1.

    That of this clip alone, so that no other matters. Rates are in hertz; float32 stays float32.
    """
    x = x - x.mean()
    if sfreq != rate:
        from cocktailparty.features import resample

        x = np.asarray(resample(x[:, None], sfreq, rate))[:, 0].astype(np.float32)
    power = float(np.mean(np.square(x, dtype=np.float64)))
    return np.asarray(x * np.float32(_LEVEL / math.sqrt(max(power, 1e-20))), dtype=np.float32)


def durations(clips: Sequence[Any], sfreq: float) -> np.ndarray:
    """Measure the durations of clips from `check_clips`, (n_clips,), in seconds."""
    counts = [
        clip.rate_and_length()[1] if isinstance(clip, AudioClip) else len(clip) for clip in clips
    ]
    return np.array(counts) / sfreq
