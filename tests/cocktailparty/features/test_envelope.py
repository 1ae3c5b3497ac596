from fractions import Fraction
from math import ceil

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.backend import gpu_available, is_cupy, to_device, to_numpy
from cocktailparty.features import (
    erb_frequencies,
    gammatone,
    mel_bank,
    onsets,
    resample,
    speech_envelope,
    stft,
)

METHODS = ["gammatone", "hilbert", "mel"]


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def speech_like(rng, sfreq, duration):
    """Noise below 3.5 kHz whose loudness varies slowly, as that of speech."""
    n_samples = int(sfreq * duration)
    time = np.arange(n_samples) / sfreq
    angles = 2 * np.pi * np.outer(time, [1.3, 2.9, 4.7]) + 6 * rng.random(3)
    loudness = np.sin(angles).sum(axis=1)
    carrier = scipy.signal.sosfilt(
        scipy.signal.butter(4, [200, 3500], "bandpass", fs=sfreq, output="sos"),
        rng.normal(size=n_samples),
    )
    return np.exp(loudness) * carrier


# Resampling


@pytest.mark.parametrize("sfreq_in", [8000, 16000, 44100])
def test_slow_modulation_survives_and_fast_is_suppressed(sfreq_in):
    time = np.arange(4 * sfreq_in) / sfreq_in
    inner = slice(64, -64)
    expected = np.sin(2 * np.pi * 3 * np.arange(256) / 64)
    for frequency, bound in [(3, 2e-4), (40, 2e-4)]:
        wave = resample(np.sin(2 * np.pi * frequency * time), sfreq_in, 64)
        error = wave - expected if frequency == 3 else wave
        assert np.abs(error[inner]).max() < bound


@pytest.mark.parametrize(
    ("sfreq_in", "sfreq_out"),
    [
        (44100, 64),
        (44100, 128.5),
        (22050, 100 / 3),
        (24414.0625, 64),
        (8000, 8000),
        (200.45454545, 64),
        (100, 250),
        (33.33333333, 250),
    ],
)
def test_samples_lie_at_the_same_moments(sfreq_in, sfreq_out):
    n_in = int(3 * sfreq_in)
    wave = resample(np.cos(2 * np.pi * 5 * np.arange(n_in) / sfreq_in), sfreq_in, sfreq_out)
    assert len(wave) == ceil(n_in * Fraction(sfreq_out) / Fraction(sfreq_in) - Fraction(1, 10**6))
    time = np.arange(len(wave)) / sfreq_out
    inner = (time > 0.7) & (time < 2.3)
    np.testing.assert_allclose(wave[inner], np.cos(2 * np.pi * 5 * time[inner]), atol=1e-3)


@given(
    n_times=st.integers(1, 500),
    sfreq_in=st.integers(1, 1000),
    sfreq_out=st.integers(1, 1000),
)
@settings(max_examples=50, deadline=None)
def test_length_is_rounded_up_and_columns_are_resampled_one_by_one(n_times, sfreq_in, sfreq_out):
    x = np.random.default_rng(n_times).normal(size=(n_times, 2))
    y = resample(x, sfreq_in, sfreq_out)
    assert y.shape == (-(-n_times * sfreq_out // sfreq_in), 2)
    np.testing.assert_allclose(y[:, 1], resample(x[:, 1], sfreq_in, sfreq_out), atol=1e-12)


def test_resampling_keeps_float32_and_its_input(rng):
    x = rng.normal(size=44100).astype(np.float32)
    x.flags.writeable = False
    y = resample(x, 44100, 64)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, resample(x.astype(float), 44100, 64), atol=1e-5)


# Envelopes


def test_gammatone_envelope_follows_the_definition(rng):
    audio = rng.normal(size=3 * 8000)
    bands = np.abs(gammatone(audio, 8000, erb_frequencies(150, 4000))) ** 0.6
    expected = scipy.signal.resample_poly(bands, 1, 125, axis=0, window=("kaiser", 7.857))
    envelope = speech_envelope(audio, 8000, 64, average=False)
    np.testing.assert_allclose(envelope, expected, atol=1e-4)
    np.testing.assert_allclose(
        speech_envelope(audio, 8000, 64)[:, 0], envelope.mean(axis=1), atol=1e-12
    )


def test_gammatone_envelope_of_a_modulated_tone_is_its_modulator():
    time = np.arange(4 * 16000) / 16000
    centre = erb_frequencies(150, 4000)[8]
    audio = (1 + 0.5 * np.sin(2 * np.pi * 3 * time)) * np.sin(2 * np.pi * centre * time)
    band = speech_envelope(audio, 16000, 64, power=1, average=False)[64:-64, 8]
    # A rectified sine has mean 2 / pi; the band answers by its group delay of 4.7 ms.
    moments = np.arange(64, 192) / 64 - 4 / (2 * np.pi * 1.019 * (24.7 + 0.107939 * centre))
    modulator = 1 + 0.5 * np.sin(2 * np.pi * 3 * moments)
    np.testing.assert_allclose(band * np.pi / 2, modulator, rtol=0.01)


@pytest.mark.parametrize("power", [1, 0.3])
def test_hilbert_envelope_of_a_modulated_tone_is_its_modulator(power):
    time = np.arange(4 * 44100) / 44100
    audio = (1 + 0.5 * np.sin(2 * np.pi * 3 * time)) * np.cos(2 * np.pi * 1000 * time)
    envelope = speech_envelope(audio, 44100, 64, method="hilbert", power=power)[32:-32, 0]
    modulator = 1 + 0.5 * np.sin(2 * np.pi * 3 * np.arange(32, 224) / 64)
    np.testing.assert_allclose(envelope, modulator**power, rtol=1e-3)


def test_mel_envelope_of_a_tone_is_its_amplitude_whatever_the_rate():
    for sfreq in (11025, 16000, 44100):
        audio = 0.3 * np.sin(2 * np.pi * 1520 * np.arange(2 * sfreq) / sfreq)
        bands = speech_envelope(audio, sfreq, 64, method="mel", power=1, average=False)[32:-32]
        assert bands.shape[1] == 28
        # Triangles sum to one, and a Hann window spreads a tone over bins that sum to two.
        np.testing.assert_allclose(bands.sum(axis=1), 2 * 0.3, rtol=0.02)


def test_blocks_of_the_mel_spectrogram_leave_no_seams(rng):
    audio = rng.normal(size=45 * 8000)
    whole = np.abs(stft(audio, 200, 40)) @ mel_bank(8000, 200) * 2 / 100
    expected = resample(whole**0.6, 200, 64)[: 45 * 64]
    envelope = speech_envelope(audio, 8000, 64, method="mel", average=False)
    np.testing.assert_allclose(envelope, expected, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("audio_sfreq", "sfreq"), [(8000, 64), (11025, 128.5), (44100, 100)])
def test_shape_sign_and_dtype(rng, method, audio_sfreq, sfreq):
    audio = speech_like(rng, audio_sfreq, 1.01)
    audio[len(audio) // 2 :] = 0  # the ringing of the resampling filter must not show
    audio.flags.writeable = False
    envelope = speech_envelope(audio, audio_sfreq, sfreq, method=method)
    assert envelope.shape == (ceil(len(audio) * sfreq / audio_sfreq), 1)
    assert envelope.dtype == np.float64
    assert envelope.min() >= 0
    single = speech_envelope(audio.astype(np.float32), audio_sfreq, sfreq, method=method)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, envelope, atol=1e-4 * envelope.max())


@pytest.mark.parametrize("method", METHODS)
def test_loudness_is_compressed_by_the_power(rng, method):
    audio = speech_like(rng, 8000, 1)
    soft, loud = (speech_envelope(a * audio, 8000, 64, method, power=0.3) for a in (1, 100))
    np.testing.assert_allclose(loud, 100**0.3 * soft, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_audio_rate_hardly_matters(rng, method):
    audio = speech_like(rng, 48000, 4)
    envelopes = [
        speech_envelope(resample(audio, 48000, rate), rate, 64, method)
        for rate in (8000, 16000, 22050, 48000)
    ]
    for envelope in envelopes[:-1]:
        assert correlation(envelope, envelopes[-1]) > 0.999
        assert envelope.mean() == pytest.approx(envelopes[-1].mean(), rel=0.02)


@pytest.mark.skipif(not gpu_available(), reason="needs CuPy and a CUDA GPU")
@pytest.mark.parametrize("method", METHODS)
def test_envelopes_of_device_arrays_stay_on_the_device(rng, method):
    audio = speech_like(rng, 16000, 2)
    envelope = speech_envelope(to_device(audio, "cuda"), 16000, 64, method, average=False)
    assert is_cupy(envelope)
    expected = speech_envelope(audio, 16000, 64, method, average=False)
    np.testing.assert_allclose(to_numpy(envelope), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "wavelet"}, r"one of \['gammatone', 'hilbert', 'mel'\], got 'wavelet'"),
        ({"power": 0}, "power must be a positive number, got 0"),
        ({"sfreq": 0}, "sfreq must be a positive number of hertz"),
        ({"sfreq": 8000}, "sfreq=8000 Hz must lie below audio_sfreq=8000 Hz"),
        ({"audio_sfreq": 6000}, "f_max=4000 Hz is too high for audio at 6000 Hz"),
        ({"audio_sfreq": 6000, "method": "mel"}, "set f_max=3000 or less"),
        ({"audio": np.full(800, 0.1)}, "audio is constant: is it silent"),
        ({"audio": np.ones((800, 2))}, r"audio must have shape \(n_samples,\)"),
        ({"audio": np.array([1.0, np.inf])}, "audio has 1 NaN or infinite"),
        ({"audio": []}, "audio must hold at least one sample"),
    ],
)
def test_bad_arguments_are_named(options, match):
    arguments = {"audio": np.arange(800.0), "audio_sfreq": 8000, "sfreq": 64} | options
    with pytest.raises(ValueError, match=match):
        speech_envelope(**arguments)


# Onsets


@pytest.mark.parametrize("make", [lambda x: resample(x, 128, 64), lambda x: onsets(x, 64)])
def test_channels_in_rows_are_refused(rng, make):
    with pytest.raises(ValueError, match=r"shape \(2, 640\).* pass its transpose"):
        make(rng.random((2, 640)))


def test_onsets_are_the_rectified_derivative():
    time = np.arange(640) / 64
    envelope = np.stack([1 - np.cos(2 * np.pi * time), 1 - np.cos(4 * np.pi * time)], axis=1)
    rise = onsets(envelope, 64)
    slope = 2 * np.pi * np.stack([np.sin(2 * np.pi * time), 2 * np.sin(4 * np.pi * time)], axis=1)
    assert rise.shape == envelope.shape
    np.testing.assert_allclose(rise, np.maximum(slope, 0), atol=1.3)
    np.testing.assert_array_equal(rise[:, 0], onsets(envelope[:, 0], 64))
    # All that rises falls again: over whole periods the rises add up to peak times periods.
    np.testing.assert_allclose(rise.sum(axis=0) / 64, [20, 40], rtol=1e-9)
    assert onsets(envelope.astype(np.float32), 64).dtype == np.float32


# Real speech


@pytest.fixture(scope="module")
def utterance(shared_data):
    path = sorted(shared_data("audio/librispeech/test-other").rglob("*.flac"))[0]
    soundfile = pytest.importorskip("soundfile")
    return soundfile.read(path, dtype="float32")


@pytest.mark.parametrize("method", METHODS)
def test_speech_at_half_the_rate_has_the_same_envelope(utterance, method):
    audio, sfreq = utterance
    halved = resample(audio, sfreq, sfreq / 2)
    full = speech_envelope(audio, sfreq, 64, method)
    assert correlation(full, speech_envelope(halved, sfreq / 2, 64, method)) > 0.98


def test_methods_agree_on_speech(utterance):
    envelopes = {method: speech_envelope(*utterance, 64, method) for method in METHODS}
    assert correlation(envelopes["gammatone"], envelopes["hilbert"]) > 0.75
    assert correlation(envelopes["gammatone"], envelopes["mel"]) > 0.9
