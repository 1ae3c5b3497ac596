"""Checks of waveforms, and the signal library that can filter them."""

import importlib
from types import ModuleType
from typing import Any

from cocktailparty.backend import as_array, is_cupy, namespace
from cocktailparty.validation import check_rate


def check_samples(x: Any, what: str) -> Any:
    """Check that an array, or what `as_array` makes one of, holds finite real numbers.

    Returns them as float32 if they came so, else as float64. Raises a ValueError that names the
    argument, `what`, if the array is empty, or its numbers are masked, not real or not finite.

    Examples
    --------
    >>> check_samples([1, 2], "audio")
    array([1., 2.])
    """
    x = as_array(x, what)
    xp = namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "integral")):
        raise ValueError(f"{what} must hold real numbers, got dtype {x.dtype}")
    if 0 in x.shape or x.ndim == 0:
        raise ValueError(f"{what} must hold at least one sample, got shape {tuple(x.shape)}")
    if x.dtype not in (xp.float32, xp.float64):
        x = xp.astype(x, xp.float64)
    finite = xp.isfinite(x)
    if not bool(xp.all(finite)):
        n_bad = int(xp.sum(xp.astype(~finite, xp.int64)))
        raise ValueError(f"{what} has {n_bad} NaN or infinite sample(s): cut or repair them first")
    return x


def check_waveform(audio: Any, audio_sfreq: float) -> Any:
    """Check that audio is one channel of finite samples, (n_samples,), at a rate in hertz.

    Returns the samples as `check_samples` does, and raises a ValueError like it.

    Examples
    --------
    >>> check_waveform([[0.1, 0.2], [0.3, 0.1]], 16000)
    Traceback (most recent call last):
    ...
    ValueError: audio must have shape (n_samples,), got (2, 2): pass one channel, audio[:, 0], or
    their mean, audio.mean(axis=1)
    """
    check_rate(audio_sfreq, "audio_sfreq")
    audio = check_samples(audio, "audio")
    if audio.ndim != 1:
        raise ValueError(
            f"audio must have shape (n_samples,), got {tuple(audio.shape)}: pass one channel, "
            "audio[:, 0], or their mean, audio.mean(axis=1)"
        )
    return audio


def signal_library(x: Any) -> ModuleType:
    """Choose `scipy.signal`, or `cupyx.scipy.signal` for a CuPy array.

    SciPy hands CuPy arrays on only under an environment variable that must be set before its
    import.

    Examples
    --------
    >>> import numpy as np
    >>> signal_library(np.ones(3)).__name__
    'scipy.signal'
    """
    return importlib.import_module("cupyx.scipy.signal" if is_cupy(x) else "scipy.signal")
