"""Corruption of sounds: noise, pitch, tempo, narrow bands, clipping and reverberation."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import joblib
import numpy as np

from cocktailparty.files import replacing
from cocktailparty.third_party_warnings import shown_once

# librosa 1.0 warns of arguments that it passes to itself.
_OF_LIBROSA = [r"The `(hop_length|n_fft)` parameter is deprecated"]

#: Ranges from which a clip's severity is drawn, at level 1 and at level 2. Of the kinds with noise
#: it is the signal-to-noise ratio in decibels, of "pitch" the shift in semitones and of "stretch"
#: the change of tempo in per cent, to either side; of "band" the upper edge as a share of half
#: the rate, of "clipping" the share of samples that is cut, of "reverberation" the time in seconds
#: in which a room's echo falls by 60 dB.
LEVELS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "gaussian": ((6.0, 7.0), (5.0, 7.0)),
    "uniform": ((6.0, 7.0), (5.0, 7.0)),
    "coloured": ((6.0, 7.0), (5.0, 7.0)),
    "recorded": ((5.0, 6.0), (5.0, 7.0)),
    "pitch": ((4.0, 5.0), (5.0, 7.0)),
    "stretch": ((4.0, 6.0), (8.0, 12.0)),
    "band": ((0.4, 0.5), (0.25, 0.35)),
    "clipping": ((0.05, 0.1), (0.2, 0.3)),
    "reverberation": ((0.3, 0.4), (0.6, 0.8)),
}


def corrupted(
    clips: Sequence[np.ndarray],
    sfreq: float,
    kind: str,
    level: int | tuple[float, float] = 2,
    *,
    seed: int = 0,
    noise: np.ndarray | None = None,
    cache: str | os.PathLike | None = None,
) -> list[np.ndarray]:
    """Corrupt clips, each in its own way.

    Parameters
    ----------
    clips : sequence of ndarray of shape (n_samples,)
        Waveforms, of any lengths. They stay as they are.
    sfreq : float
        Their rate in hertz.
    kind : str
        A name in `LEVELS`: "gaussian", "uniform", "coloured" or "recorded" noise, "pitch",
        "stretch", "band", "clipping" or "reverberation".
    level : {1, 2} or tuple of float
        Mild or severe, see `LEVELS`; or any range, such as ``(10, 10)`` for 10 dB.
    seed : int
        Decides all that is random. What happens to a clip depends on its place in the sequence, and
        not on the other clips.
    noise : ndarray of shape (n_samples,), optional
        Recording at the same rate, for "recorded"; each clip gets another segment of it.
    cache : path, optional
        Folder where results are kept; made if it is missing. A file appears when it is complete.

    Returns
    -------
    corrupted : list of ndarray of float32
        As long as the clips, except for "stretch".

    Raises
    ------
    ValueError
        If kind or level is unknown, noise is missing, shorter than a clip, or given for another
        kind, or a clip cannot be used; says which.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> clip = np.sin(np.arange(800) / 5)
    >>> noisy = corrupted([clip], 8000, "gaussian", (10, 10))[0]
    >>> round(float(10 * np.log10(np.mean(clip**2) / np.mean((noisy - clip) ** 2))), 2)
    10.0
    """
    low, high = _range(kind, level)
    if (kind == "recorded") != (noise is not None):
        raise ValueError(
            "kind='recorded' needs noise, a recording at the rate of the clips"
            if noise is None
            else f"noise is for kind='recorded', got kind={kind!r}"
        )
    arrays = [_checked(clip, f"clips[{i}]") for i, clip in enumerate(clips)]
    if noise is not None:
        noise = _checked(noise, "noise")
        longest = max(map(len, arrays), default=0)
        if len(noise) < longest:
            raise ValueError(
                f"noise has {len(noise)} samples, fewer than the longest clip of {longest}"
            )
    file = None
    if cache is not None:
        name = joblib.hash((arrays, float(sfreq), kind, low, high, seed, noise))
        Path(cache).mkdir(parents=True, exist_ok=True)
        file = Path(cache) / f"{name}.npz"
        if file.exists():
            return _read(file)
    corrupted = []
    for i, x in enumerate(arrays):
        rng = np.random.default_rng([seed, i])
        severity = float(rng.uniform(low, high))
        if kind == "recorded":
            assert noise is not None
            start = int(rng.integers(len(noise) - len(x) + 1))
            y = with_ratio(x, noise[start : start + len(x)], severity)
        else:
            y = _KINDS[kind](x, float(sfreq), severity, rng)
        corrupted.append(y.astype(np.float32))
    if file is not None:
        _write(file, corrupted)
    return corrupted


def with_ratio(x: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Add noise to a waveform, both (n_samples,), at a ratio of the mean powers in decibels.

    The mean of the noise is removed, as nobody hears it.
    """
    noise = noise - noise.mean()
    power = np.mean(np.square(noise))
    if not power > 0:
        return x
    gain = np.sqrt(np.mean(np.square(x)) / power) * 10 ** (-decibels / 20)
    return np.asarray(x + gain * noise)


def _gaussian(x: np.ndarray, sfreq: float, ratio: float, rng: np.random.Generator) -> np.ndarray:
    return with_ratio(x, rng.normal(size=len(x)), ratio)


def _uniform(x: np.ndarray, sfreq: float, ratio: float, rng: np.random.Generator) -> np.ndarray:
    return with_ratio(x, rng.uniform(-1, 1, len(x)), ratio)


def _coloured(x: np.ndarray, sfreq: float, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Noise between brown and blue, as in `deep.audio.augmentation.with_noise`."""
    slope = rng.uniform(-2.0, 0.5)
    spectrum = np.fft.rfft(rng.normal(size=len(x)))
    frequencies = np.maximum(np.arange(len(spectrum)), 1) / (len(x) // 2)
    return with_ratio(x, np.fft.irfft(spectrum * frequencies ** (slope / 2), len(x)), ratio)


def _pitch(x: np.ndarray, sfreq: float, semitones: float, rng: np.random.Generator) -> np.ndarray:
    from librosa.effects import pitch_shift

    steps = semitones * rng.choice([-1, 1])
    with shown_once(_OF_LIBROSA):
        return np.asarray(pitch_shift(x, sr=sfreq, n_steps=steps, n_fft=_n_fft(x, sfreq)))


def _stretch(x: np.ndarray, sfreq: float, percent: float, rng: np.random.Generator) -> np.ndarray:
    from librosa.effects import time_stretch

    rate = 1 + percent / 100 * rng.choice([-1, 1])
    with shown_once(_OF_LIBROSA):
        return np.asarray(time_stretch(x, rate=rate, n_fft=_n_fft(x, sfreq)))


def _n_fft(x: np.ndarray, sfreq: float) -> int:
    """Frames of about 50 ms, and not longer than the clip."""
    return min(int(2 ** round(np.log2(0.05 * sfreq))), int(2 ** np.floor(np.log2(len(x)))))


def _band(x: np.ndarray, sfreq: float, share: float, rng: np.random.Generator) -> np.ndarray:
    from scipy.signal import butter, sosfiltfilt

    sos = butter(6, share, output="sos")
    # Padding is longer than nothing and shorter than the shortest clip.
    return np.asarray(sosfiltfilt(sos, x, padlen=min(21, len(x) - 1)))


def _clipping(x: np.ndarray, sfreq: float, share: float, rng: np.random.Generator) -> np.ndarray:
    most = np.quantile(np.abs(x), 1 - share)
    return np.clip(x, -most, most)


def _reverberation(
    x: np.ndarray, sfreq: float, seconds: float, rng: np.random.Generator
) -> np.ndarray:
    from scipy.signal import fftconvolve

    time = np.arange(int(seconds * sfreq) + 1) / sfreq
    echo = rng.normal(size=len(time)) * 10 ** (-3 * time / seconds)
    # The direct sound and its room are equally strong.
    echo *= 1 / np.sqrt(np.sum(np.square(echo)))
    echo[0] = 1.0
    return np.asarray(fftconvolve(x, echo)[: len(x)])


_KINDS: dict[str, Callable[[np.ndarray, float, float, np.random.Generator], np.ndarray]] = {
    "gaussian": _gaussian, "uniform": _uniform, "coloured": _coloured, "pitch": _pitch,
    "stretch": _stretch, "band": _band, "clipping": _clipping, "reverberation": _reverberation,
}  # fmt: skip


def _range(kind: str, level: int | tuple[float, float]) -> tuple[float, float]:
    if kind not in LEVELS:
        raise ValueError(f"kind must be one of {sorted(LEVELS)}, got {kind!r}")
    if level in (1, 2):
        return LEVELS[kind][int(level) - 1]
    if isinstance(level, tuple) and len(level) == 2 and level[0] <= level[1]:
        return float(level[0]), float(level[1])
    raise ValueError(f"level must be 1, 2 or a range (low, high), got {level!r}")


def _checked(x: np.ndarray, name: str) -> np.ndarray:
    x = np.asarray(x)
    if x.ndim != 1 or x.dtype.kind not in "f" or not len(x):
        raise ValueError(
            f"{name} is {x.dtype} of shape {x.shape}, expected a waveform of floats of shape "
            "(n_samples,)"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return x.astype(float)


def _write(file: Path, clips: list[np.ndarray]) -> None:
    ends = np.cumsum([len(x) for x in clips])
    with replacing(file) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, samples=np.concatenate([np.empty(0, np.float32), *clips]), ends=ends)


def _read(file: Path) -> list[np.ndarray]:
    with np.load(file, allow_pickle=False) as content:
        ends = content["ends"]
        return np.split(content["samples"], ends[:-1]) if len(ends) else []
