"""Short-time Fourier transform with an exact inverse, for NumPy and CuPy alike."""

from math import ceil
from typing import Any

import numpy as np
from scipy.signal import get_window

from cocktailparty.backend import as_array, namespace
from cocktailparty.features.waveform import check_samples


def stft(audio: Any, n_fft: int = 1024, hop: int = 256, window: Any = "hann") -> Any:
    """Compute the short-time Fourier transform.

    Frame k is centred on sample k * hop, frequency f lies at f / n_fft of the sampling rate. The
    audio is taken as silent beyond its ends; the last centre lies on or after the last sample.

    Parameters
    ----------
    audio : array of shape (..., n_samples)
        Waveforms; NumPy or CuPy.
    n_fft : int
        Length of a frame in samples.
    hop : int
        Step from frame to frame in samples, at most `n_fft`.
    window : str or tuple
        Window as named by `scipy.signal.get_window`.

    Returns
    -------
    complex array of shape (..., n_frames, n_fft // 2 + 1)
        Spectrogram with n_frames = ceil((n_samples - 1) / hop) + 1; complex64 for float32.

    Raises
    ------
    ValueError
        If the audio is empty or not finite, or window and hop leave samples that no inverse could
        recover.

    See Also
    --------
    istft : The inverse.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=16000)
    >>> spectrum = stft(noise)
    >>> spectrum.shape
    (64, 513)
    >>> bool(np.allclose(istft(spectrum, 16000), noise, rtol=0, atol=1e-12))
    True
    """
    taper = _checked_window(n_fft, hop, window)
    audio = check_samples(audio, "audio")
    xp = namespace(audio)
    *batch, n_samples = audio.shape
    n_frames, n_shifts = _n_frames(n_samples, hop), ceil(n_fft / hop)
    before = n_fft // 2
    after = (n_frames - 1 + n_shifts) * hop - n_samples - before
    padded = xp.concat(
        [
            xp.zeros((*batch, before), dtype=audio.dtype),
            audio[..., : n_samples + min(after, 0)],
            xp.zeros((*batch, max(after, 0)), dtype=audio.dtype),
        ],
        axis=-1,
    )
    # A frame is n_shifts blocks of one hop in a row, so frames need neither strides nor indices.
    blocks = xp.reshape(padded, (*batch, -1, hop))
    frames = xp.concat(
        [blocks[..., i : i + n_frames, :] for i in range(n_shifts)],
        axis=-1,
    )[..., :n_fft]
    return xp.fft.rfft(frames * xp.asarray(taper, dtype=audio.dtype))


def istft(
    spectrum: Any, n_samples: int, n_fft: int = 1024, hop: int = 256, window: Any = "hann"
) -> Any:
    """Invert the short-time Fourier transform.

    Among all waveforms, the one whose `stft` lies nearest to `spectrum` in the least-squares
    sense: frames are windowed again, added up and divided by the summed squared window. A
    spectrogram that `stft` made gives its waveform back exactly, ends included.

    Parameters
    ----------
    spectrum : complex array of shape (..., n_frames, n_fft // 2 + 1)
        Spectrogram, possibly modified; NumPy or CuPy.
    n_samples : int
        Length of the waveform in samples.
    n_fft, hop, window : int, int, str or tuple
        As given to `stft`.

    Returns
    -------
    array of shape (..., n_samples)
        Waveforms; float32 for complex64.

    Raises
    ------
    ValueError
        If the shape of the spectrogram does not follow from the other arguments, or window and
        hop leave samples that cannot be recovered.

    References
    ----------
    Griffin & Lim (1984), Signal estimation from modified short-time Fourier transform.
    doi:10.1109/TASSP.1984.1164317

    Examples
    --------
    >>> import numpy as np
    >>> click = np.array([0.0, 1.0, 0.0])
    >>> istft(stft(click, n_fft=4, hop=2), 3, n_fft=4, hop=2).round(12) + 0.0
    array([0., 1., 0.])
    """
    taper = _checked_window(n_fft, hop, window)
    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")
    n_frames = _n_frames(n_samples, hop)
    expected = (n_frames, n_fft // 2 + 1)
    spectrum = as_array(spectrum, "spectrum")
    if tuple(spectrum.shape[-2:]) != expected:
        raise ValueError(
            f"spectrum has shape {tuple(spectrum.shape)}, expected (..., {expected[0]}, "
            f"{expected[1]}) for n_samples={n_samples}, n_fft={n_fft}, hop={hop}: pass the values "
            "that stft was given"
        )
    xp = namespace(spectrum)
    frames = xp.fft.irfft(spectrum, n=n_fft)
    taper = xp.asarray(taper, dtype=frames.dtype)
    inside = slice(n_fft // 2, n_fft // 2 + n_samples)
    weight = _overlap_add(xp.broadcast_to(taper**2, (n_frames, n_fft)), hop)
    return _overlap_add(frames * taper, hop)[..., inside] / weight[inside]


def _n_frames(n_samples: int, hop: int) -> int:
    return ceil((n_samples - 1) / hop) + 1


def _checked_window(n_fft: int, hop: int, window: Any) -> np.ndarray:
    """Window of n_fft samples, or the error that names what makes it unfit."""
    for name, value in (("n_fft", n_fft), ("hop", hop)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a positive number of samples, got {value!r}")
    if hop > n_fft:
        raise ValueError(f"hop={hop} must not exceed n_fft={n_fft}: samples would be skipped")
    try:
        taper: np.ndarray = get_window(window, n_fft)
    except ValueError as error:
        raise ValueError(
            f"window must be one that scipy.signal.get_window knows, got {window!r}"
        ) from error
    # Every sample, also at the ends, lies between two frame centres: `offset` after the one and
    # hop - offset before the next. Together they must see it, well above rounding errors.
    offset = np.arange(hop)
    power = np.pad(taper**2, hop)
    seen = power[hop + n_fft // 2 + offset] + power[n_fft // 2 + offset]
    if seen.min() < 1e-6 * power.max():
        raise ValueError(
            f"hop={hop} is too long for a {window!r} window of n_fft={n_fft}: some samples get "
            "(almost) no weight and could not be recovered; use a hop of n_fft // 2 or less"
        )
    return taper


def _overlap_add(frames: Any, hop: int) -> Any:
    """Sum frames (..., n_frames, n_fft) that lie one hop apart."""
    xp = namespace(frames)
    *batch, n_frames, n_fft = frames.shape
    n_shifts = ceil(n_fft / hop)
    blocks = xp.zeros((*batch, n_frames - 1 + n_shifts, hop), dtype=frames.dtype)
    for i in range(n_shifts):
        part = frames[..., i * hop : (i + 1) * hop]
        blocks[..., i : i + n_frames, : part.shape[-1]] += part
    return xp.reshape(blocks, (*batch, -1))
