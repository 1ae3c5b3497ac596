"""Filter banks spaced as on the cochlea: gammatone in time, mel on spectra."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.features.waveform import check_waveform, signal_library
from cocktailparty.validation import check_rate

# Equivalent rectangular bandwidth of the normal ear: ERB = _ERB_AT_ZERO + _ERB_SLOPE * frequency.
_ERB_AT_ZERO = 24.7
_ERB_SLOPE = 24.7 * 0.00437


def erb_bandwidths(frequencies: Any) -> np.ndarray:
    """Compute the equivalent rectangular bandwidth of the auditory filter at each frequency.

    ERB(f) = 24.7 (0.00437 f + 1).

    Parameters
    ----------
    frequencies : array-like
        Centre frequencies in hertz.

    Returns
    -------
    ndarray
        Bandwidths in hertz, same shape.

    References
    ----------
    Glasberg & Moore (1990), Derivation of auditory filter shapes from notched-noise data.
    doi:10.1016/0378-5955(90)90170-T

    Examples
    --------
    >>> erb_bandwidths([100.0, 1000.0]).round(1)
    array([ 35.5, 132.6])
    """
    return _ERB_AT_ZERO + _ERB_SLOPE * to_numpy(frequencies, "frequencies").astype(float)


def erb_frequencies(f_min: float, f_max: float, spacing: float = 1.5) -> np.ndarray:
    """Space frequencies evenly on the ERB-rate scale.

    The ERB-rate is the integral of 1 / ERB(f): one step of 1 is one bandwidth. As many steps as
    fit are centred between the two ends, as in the chain of the KU Leuven data set (1.5 ERB from
    150 to 4000 Hz: 15 bands).

    Parameters
    ----------
    f_min, f_max : float
        Ends of the range in hertz.
    spacing : float
        Step in units of ERB.

    Returns
    -------
    ndarray of shape (n_bands,)
        Rising centre frequencies in hertz, within [f_min, f_max].

    Raises
    ------
    ValueError
        If not 0 < f_min <= f_max, or the spacing is not positive.

    References
    ----------
    Glasberg & Moore (1990), Derivation of auditory filter shapes from notched-noise data.
    doi:10.1016/0378-5955(90)90170-T

    Examples
    --------
    >>> erb_frequencies(150, 4000).round()
    array([ 179.,  250.,  334.,  433.,  550.,  687.,  848., 1037., 1259., 1521., 1828., 2190.,
           2615., 3115., 3703.])
    """
    _check_range(f_min, f_max)
    if not 0 < spacing < np.inf:
        raise ValueError(f"spacing must be a positive number of ERB, got {spacing!r}")
    low, high = (np.log1p(_ERB_SLOPE / _ERB_AT_ZERO * f) / _ERB_SLOPE for f in (f_min, f_max))
    n_steps = int((high - low) / spacing)
    first = low + (high - low - n_steps * spacing) / 2
    rates = first + spacing * np.arange(n_steps + 1)
    frequencies: np.ndarray = np.expm1(rates * _ERB_SLOPE) * _ERB_AT_ZERO / _ERB_SLOPE
    return frequencies


def gammatone_sos(frequencies: Any, sfreq: float) -> np.ndarray:
    """Design fourth-order gammatone filters as cascades of second-order sections.

    The impulse response is t^3 exp(-2 pi b t) cos(2 pi f t) with b = 1.019 ERB(f), except that n^3
    is n^3 - n at the n-th sample. As in Slaney's design, four sections share their poles (one
    transfer function of order eight would lose them to rounding, for low frequencies at high
    sampling rates) and each has gain one at the centre frequency. Slaney's carrier runs two
    samples behind its envelope; here the zeros are turned so that it does not, which matters above
    an eighth of the sampling rate.

    Parameters
    ----------
    frequencies : array-like of shape (n_bands,)
        Centre frequencies in hertz.
    sfreq : float
        Sampling rate in hertz.

    Returns
    -------
    ndarray of shape (n_bands, 4, 6)
        Second-order sections of each band, for `scipy.signal.sosfilt`.

    Raises
    ------
    ValueError
        If a frequency does not lie between 0 and half the sampling rate.

    References
    ----------
    Slaney (1993), An efficient implementation of the Patterson-Holdsworth auditory filter bank,
    Apple Computer Technical Report 35.

    Examples
    --------
    >>> gammatone_sos([200.0, 1000.0], sfreq=16000).shape
    (2, 4, 6)
    """
    check_rate(sfreq, "sfreq")
    frequencies = to_numpy(frequencies, "frequencies").astype(float)
    if frequencies.ndim != 1 or frequencies.size == 0:
        raise ValueError(f"frequencies must have shape (n_bands,), got {frequencies.shape}")
    if not np.all((frequencies > 0) & (frequencies < sfreq / 2)):
        raise ValueError(
            f"frequencies must lie between 0 and sfreq / 2 = {sfreq / 2:g} Hz, "
            f"got {frequencies.min():g} to {frequencies.max():g} Hz"
        )
    angle = 2 * np.pi * frequencies[:, None] / sfreq
    decay = np.exp(-2 * np.pi * 1.019 * erb_bandwidths(frequencies)[:, None] / sfreq)
    # With p = decay exp(1j angle), Re[exp(2j angle) / (1 - p / z)^4] has these four real zeros.
    turn = (np.pi * (np.arange(4) + 0.5) - 2 * angle) / 4
    zero = np.stack([np.sin(turn), -decay * np.sin(turn + angle)], axis=-1)
    sos = np.zeros((frequencies.size, 4, 6))
    sos[:, :2, 1:3] = zero[:, :2]  # late by a sample each, which makes up for the two of the phase
    sos[:, 2:, 0:2] = zero[:, 2:]
    sos[..., 3] = 1
    sos[..., 4] = -2 * decay * np.cos(angle)
    sos[..., 5] = decay**2
    delay = np.exp(-1j * angle[..., None] * np.arange(3))
    gain = np.abs(np.sum(sos[..., :3] * delay, axis=-1) / np.sum(sos[..., 3:] * delay, axis=-1))
    sos[..., :3] /= gain[..., None]
    return sos


def gammatone(audio: Any, audio_sfreq: float, frequencies: Any) -> Any:
    """Filter audio with a bank of gammatone filters.

    The filters are causal and their delay (the longer the lower the band: 12 ms at 150 Hz, 1 ms
    at 4 kHz) is left in, as in the ear.

    Parameters
    ----------
    audio : array of shape (n_samples,)
        Waveform; NumPy or CuPy.
    audio_sfreq : float
        Sampling rate in hertz.
    frequencies : array-like of shape (n_bands,)
        Centre frequencies in hertz, for instance from `erb_frequencies`.

    Returns
    -------
    array of shape (n_samples, n_bands)
        Subband signals; float32 if the audio is, though filtered in float64.

    Raises
    ------
    ValueError
        If the audio is not one channel of finite samples, or a frequency is not below half the
        sampling rate.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=16000)
    >>> gammatone(noise, 16000, erb_frequencies(150, 4000)).shape
    (16000, 15)
    """
    audio = check_waveform(audio, audio_sfreq)
    sos = gammatone_sos(frequencies, audio_sfreq)
    subbands = namespace(audio).empty((audio.shape[0], sos.shape[0]), dtype=audio.dtype)
    for i, subband in enumerate(filter_bands(audio, sos)):
        subbands[:, i] = subband
    return subbands


def filter_bands(audio: Any, sos: np.ndarray) -> Iterator[Any]:
    """Filter a checked waveform, (n_samples,), band by band, holding one band in memory at a time.

    `sos` are second-order sections, (n_bands, n_sections, 6). Yields one subband at a time,
    (n_samples,), of the audio's dtype.
    """
    xp, library = namespace(audio), signal_library(audio)
    # The offset is lost in rounding where there is sound. In digital silence it keeps the decaying
    # states from turning subnormal, with which processors reckon up to a hundred times slower.
    double = xp.astype(audio, xp.float64) + 1e-20 * xp.max(xp.abs(audio))
    for sections in sos:
        subband = library.sosfilt(xp.asarray(sections), double)
        yield xp.astype(subband, audio.dtype, copy=False)


def check_bands(frequencies: np.ndarray, audio_sfreq: float, f_max: float) -> None:
    """Raise a ValueError if the highest of the bands reaches past half the rate of the audio.

    `frequencies`, (n_bands,), are the rising centres, `f_max` the end of the range that they were
    chosen from, and `audio_sfreq` the rate, all in hertz.

    Examples
    --------
    >>> check_bands(erb_frequencies(150, 4000), 8000, 4000)
    """
    edge = frequencies[-1] + erb_bandwidths(frequencies[-1]) / 2
    if edge > audio_sfreq / 2:
        raise ValueError(
            f"f_max={f_max:g} Hz is too high for audio at {audio_sfreq:g} Hz: the band at "
            f"{frequencies[-1]:.0f} Hz reaches up to {edge:.0f} Hz, past half the rate; lower "
            "f_max to 0.4 times the rate or less"
        )


def mel_bank(
    sfreq: float, n_fft: int, n_bands: int = 28, f_min: float = 150.0, f_max: float = 4000.0
) -> np.ndarray:
    """Design triangular bands of peak one, evenly spaced on Slaney's mel scale.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    n_fft : int
        Length of the Fourier transform in samples.
    n_bands : int
        Number of bands.
    f_min, f_max : float
        Lower edge of the first and upper edge of the last band in hertz.

    Returns
    -------
    ndarray of shape (n_fft // 2 + 1, n_bands)
        Weight of each frequency in each band: `spectrum @ bank` sums a spectrum into bands.

    Raises
    ------
    ValueError
        If the range does not lie between 0 and half the sampling rate, or a band is too narrow to
        hold any frequency of the transform.

    Examples
    --------
    >>> mel_bank(16000, n_fft=400).shape
    (201, 28)
    """
    check_rate(sfreq, "sfreq")
    _check_range(f_min, f_max)
    if f_max > sfreq / 2:
        raise ValueError(
            f"f_max={f_max:g} Hz is above half the sampling rate: set f_max={sfreq / 2:g} or less"
        )
    if n_fft < 2 or n_bands < 1:
        raise ValueError(f"n_fft={n_fft} must be at least 2 and n_bands={n_bands} at least 1")
    from librosa.filters import mel

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters detected")
        bank = mel(
            sr=sfreq, n_fft=n_fft, n_mels=n_bands, fmin=f_min, fmax=f_max, norm=None, dtype=float
        ).T
    if not np.all(np.any(bank > 0, axis=0)):
        raise ValueError(
            f"{n_bands} bands from {f_min:g} to {f_max:g} Hz are too narrow for the resolution of "
            f"{sfreq / n_fft:g} Hz: lower n_bands, widen the range or raise n_fft={n_fft}"
        )
    return bank


def _check_range(f_min: float, f_max: float) -> None:
    check_rate(f_min, "f_min")
    check_rate(f_max, "f_max")
    if f_min > f_max:
        raise ValueError(f"f_min={f_min:g} Hz lies above f_max={f_max:g} Hz")
