"""Speech envelopes: the slow fluctuations of a sound, which the brain follows."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import kaiser_beta
from scipy.signal.windows import hann, kaiser

from cocktailparty.backend import namespace
from cocktailparty.causal import check_numpy, check_phase
from cocktailparty.features.causal_envelope import CausalEnvelope
from cocktailparty.features.filterbank import (
    check_bands,
    erb_frequencies,
    filter_bands,
    gammatone_sos,
    mel_bank,
)
from cocktailparty.features.stft import stft
from cocktailparty.features.waveform import check_samples, check_waveform, signal_library
from cocktailparty.validation import check_rate, check_time_first


def speech_envelope(
    audio: Any,
    audio_sfreq: float,
    sfreq: float,
    method: str = "gammatone",
    power: float = 0.6,
    *,
    average: bool = True,
    f_min: float = 150.0,
    f_max: float = 4000.0,
    phase: str = "zero",
) -> Any:
    """Extract the envelope of a sound at the sampling rate of the EEG.

    Magnitudes of bands are compressed by a power law, as loudness is in the ear, averaged over
    bands and resampled against aliasing.

    Parameters
    ----------
    audio : array of shape (n_samples,)
        Waveform; NumPy or CuPy.
    audio_sfreq, sfreq : float
        Sampling rates of the audio and of the envelope, which is lower, in hertz.
    method : {"gammatone", "hilbert", "mel"}
        Where the magnitudes come from: "gammatone" rectifies the bands of a gammatone bank (1.5
        ERB apart) and keeps their delay of a few milliseconds; "hilbert" takes the broadband
        analytic signal; "mel" takes 28 bands of a short-time spectrum (25 ms, Hann).
    power : float
        Exponent of the power law: 0.6 as in the KU Leuven chain, 0.3 as in the DTU chain.
    average : bool
        Average the compressed bands into one feature; otherwise each band is a feature.
    f_min, f_max : float
        Range of the bands in hertz. Every band, half its bandwidth included, must lie below half
        of `audio_sfreq`; the default fits audio at 8 kHz and above. Ignored by "hilbert".
    phase : {"zero", "causal"}
        Filter of the resampling: linear-phase with its delay taken out, or one that does not look
        ahead, as a device that hears the sound at this moment has to (about 26 ms late at 64 Hz).
        "causal" takes NumPy arrays and method "gammatone".

    Returns
    -------
    array of shape (n_times, n_features)
        Envelope, nonnegative, with n_times = ceil(n_samples * sfreq / audio_sfreq); float32 if the
        audio is.

    Raises
    ------
    ValueError
        If the audio is not one channel of finite samples or is constant, a rate or the power is
        not positive, the envelope would not be slower than the audio, the method or the phase is
        unknown, or a band reaches past half the sampling rate of the audio.

    References
    ----------
    Biesmans, Das, Francart & Bertrand (2017), Auditory-inspired speech envelope extraction
    methods for improved EEG-based auditory attention detection. doi:10.1109/TNSRE.2016.2571900

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=2 * 16000)
    >>> speech_envelope(noise, 16000, 64).shape
    (128, 1)
    >>> speech_envelope(noise, 16000, 64, average=False).shape
    (128, 15)
    """
    audio = check_waveform(audio, audio_sfreq)
    check_rate(sfreq, "sfreq")
    if sfreq >= audio_sfreq:
        raise ValueError(
            f"sfreq={sfreq:g} Hz must lie below audio_sfreq={audio_sfreq:g} Hz: are the two "
            "rates swapped?"
        )
    if method not in METHODS:
        raise ValueError(f"method must be one of {sorted(METHODS)}, got {method!r}")
    if not 0 < power < np.inf:
        raise ValueError(f"power must be a positive number, got {power!r}")
    check_phase(phase)
    xp = namespace(audio)
    if bool(xp.max(audio) == xp.min(audio)):
        raise ValueError("audio is constant: is it silent, or the wrong channel?")
    if phase == "causal":
        check_numpy(audio, "audio")
        causal = CausalEnvelope(
            audio_sfreq, sfreq, 1, method, power, average=average, f_min=f_min, f_max=f_max
        )
        times = np.arange(len(audio)) / audio_sfreq
        values = [causal.push(audio[:, None], times)[1], causal.finish()[1]]
        return np.concatenate(values)[:, 0].astype(audio.dtype)
    rate, magnitudes = METHODS[method](audio, audio_sfreq, f_min, f_max)
    bands = (magnitude**power for magnitude in magnitudes)
    n_times = ceil(audio.shape[0] * _ratio(sfreq, audio_sfreq))
    features = [
        resample(band, rate, sfreq)[:n_times] for band in ([_mean(bands)] if average else bands)
    ]
    # The resampling filter rings: after a loud stop it swings below zero by a trace.
    return xp.clip(xp.stack(features, axis=-1), min=0)


def onsets(envelope: Any, sfreq: float) -> Any:
    """Extract the rising flanks of an envelope: its half-wave rectified derivative.

    Parameters
    ----------
    envelope : array of shape (n_times,) or (n_times, n_features)
        Envelope; NumPy or CuPy.
    sfreq : float
        Its sampling rate in hertz.

    Returns
    -------
    array of the same shape
        Rise since the sample before, in units of the envelope per second; 0 where it falls and
        at the first sample.

    Raises
    ------
    ValueError
        If the envelope is empty, not finite or in rows, or the rate not positive.

    Examples
    --------
    >>> onsets([0.0, 1.0, 3.0, 2.0], sfreq=10)
    array([ 0., 10., 20.,  0.])
    """
    check_rate(sfreq, "sfreq")
    envelope = check_samples(envelope, "envelope")
    if envelope.ndim == 2:
        check_time_first(envelope.shape, "envelope")
    xp = namespace(envelope)
    rise = (envelope[1:, ...] - envelope[:-1, ...]) * sfreq
    return xp.clip(xp.concat([xp.zeros_like(envelope[:1, ...]), rise], axis=0), min=0)


def resample(x: Any, sfreq_in: float, sfreq_out: float) -> Any:
    """Resample along time with an anti-aliasing filter.

    A zero-phase polyphase filter by the exact ratio of the rates, or where that has more than a
    million parts, by the nearest that has not (off by less than 1e-9 for audio and EEG rates,
    microseconds in an hour). The gain is 1 up to 3/8 of the lower rate (24 Hz for 64 Hz), 1/2 at
    half of it and below -79 dB from 5/8 of it (40 Hz). The signal is taken as zero beyond its ends,
    so that an offset fades over the outermost 10 samples.

    Parameters
    ----------
    x : array of shape (n_times, ...)
        Signal; NumPy or CuPy.
    sfreq_in, sfreq_out : float
        Sampling rates in hertz, before and after.

    Returns
    -------
    array of shape (ceil(n_times * sfreq_out / sfreq_in), ...)
        Resampled signal, starting at the same moment; float32 if the input is.

    Raises
    ------
    ValueError
        If the signal is empty, not finite or in rows, or a rate not positive.

    Examples
    --------
    >>> import numpy as np
    >>> resample(np.ones((44100, 2)), 44100, 64).shape
    (64, 2)
    """
    check_rate(sfreq_in, "sfreq_in")
    check_rate(sfreq_out, "sfreq_out")
    x = check_samples(x, "x")
    if x.ndim == 2:
        check_time_first(x.shape, "x")
    ratio = _ratio(sfreq_out, sfreq_in)
    taps = namespace(x).asarray(
        _antialiasing_filter(max(ratio.numerator, ratio.denominator)), dtype=x.dtype
    )
    return signal_library(x).resample_poly(
        x, ratio.numerator, ratio.denominator, axis=0, window=taps
    )


def _ratio(sfreq_out: float, sfreq_in: float) -> Fraction:
    # Inverted where needed, so that neither of the two parts can grow past the limit.
    ratio = Fraction(float(sfreq_out)) / Fraction(float(sfreq_in))
    if ratio > 1:
        return 1 / (1 / ratio).limit_denominator(1_000_000)
    return ratio.limit_denominator(1_000_000)


@lru_cache(maxsize=1)  # the bands of one envelope share it, and its design can outlast its use
def _antialiasing_filter(factor: int) -> np.ndarray:
    time = np.arange(-10 * factor, 10 * factor + 1)
    taps: np.ndarray = np.sinc(time / factor) * kaiser(time.size, kaiser_beta(80))
    return taps / taps.sum()


def _mean(bands: Iterator[Any]) -> Any:
    total, n_bands = next(bands), 1
    for band in bands:
        total += band
        n_bands += 1
    return total / n_bands


# A method turns (audio, audio_sfreq, f_min, f_max) into the rate of its magnitudes and an iterator
# over bands: only one band of a long recording need be in memory.


def _gammatone(
    audio: Any, audio_sfreq: float, f_min: float, f_max: float
) -> tuple[float, Iterator[Any]]:
    frequencies = erb_frequencies(f_min, f_max)
    check_bands(frequencies, audio_sfreq, f_max)
    xp = namespace(audio)
    subbands = filter_bands(audio, gammatone_sos(frequencies, audio_sfreq))
    return audio_sfreq, (xp.abs(subband) for subband in subbands)


def _hilbert(
    audio: Any, audio_sfreq: float, f_min: float, f_max: float
) -> tuple[float, Iterator[Any]]:
    n_samples = audio.shape[0]
    analytic = signal_library(audio).hilbert(audio, N=next_fast_len(n_samples))[:n_samples]
    return audio_sfreq, iter([namespace(audio).abs(analytic)])


def _mel(audio: Any, audio_sfreq: float, f_min: float, f_max: float) -> tuple[float, Iterator[Any]]:
    xp = namespace(audio)
    n_fft, hop = round(0.025 * audio_sfreq), round(0.005 * audio_sfreq)
    bank = mel_bank(audio_sfreq, n_fft, f_min=f_min, f_max=f_max)
    # Divided by this, a sinusoid has its own amplitude whatever the sampling rate.
    bank = xp.asarray(bank * 2 / hann(n_fft, sym=False).sum(), dtype=audio.dtype)
    n_frames = ceil((audio.shape[0] - 1) / hop) + 1
    block, margin = 4096, ceil(n_fft / hop)
    blocks = []
    for first in range(0, n_frames, block):
        start = max(first - margin, 0)
        segment = audio[start * hop : (first + block + margin) * hop]
        magnitude = xp.abs(stft(segment, n_fft, hop)[first - start : first - start + block])
        blocks.append(magnitude[: n_frames - first] @ bank)
    magnitudes = xp.concat(blocks, axis=0)
    return audio_sfreq / hop, (magnitudes[:, i] for i in range(bank.shape[1]))


METHODS: dict[str, Callable[[Any, float, float, float], tuple[float, Iterator[Any]]]] = {
    "gammatone": _gammatone,
    "hilbert": _hilbert,
    "mel": _mel,
}
