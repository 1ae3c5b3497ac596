import array_api_strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.backend import gpu_available, is_cupy, to_device, to_numpy
from cocktailparty.features import istft, stft


@given(
    n_samples=st.integers(1, 400),
    n_fft=st.integers(2, 64),
    overlap=st.floats(2, 70),
    window=st.sampled_from(["hann", "hamming", "blackman", "cosine", "boxcar"]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=150, deadline=None)
def test_inverse_restores_any_audio_ends_included(n_samples, n_fft, overlap, window, seed):
    hop = max(1, int(n_fft / overlap))
    audio = np.random.default_rng(seed).normal(size=n_samples)
    restored = istft(stft(audio, n_fft, hop, window), n_samples, n_fft, hop, window)
    np.testing.assert_allclose(restored, audio, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("n_fft", "hop", "window"),
    [(1024, 256, "hann"), (512, 384, "hann"), (300, 300, "boxcar"), (301, 77, ("kaiser", 8.0))],
)
def test_float32_stays_float32(rng, n_fft, hop, window):
    audio = rng.normal(size=(2, 5000)).astype(np.float32)
    spectrum = stft(audio, n_fft, hop, window)
    restored = istft(spectrum, 5000, n_fft, hop, window)
    assert spectrum.dtype == np.complex64
    assert restored.dtype == np.float32
    np.testing.assert_allclose(restored, audio, rtol=0, atol=5e-6)


@pytest.mark.parametrize(("n_fft", "hop"), [(16, 4), (15, 4), (16, 7), (32, 32)])
def test_frames_follow_the_definition(rng, n_fft, hop):
    audio = rng.normal(size=50)
    window = ("kaiser", 2.0)
    spectrum = stft(audio, n_fft, hop, window)
    taper = np.i0(2 * np.sqrt(1 - (2 * np.arange(n_fft) / n_fft - 1) ** 2)) / np.i0(2.0)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft)
    assert spectrum.shape == (-(-49 // hop) + 1, n_fft // 2 + 1)
    for k, frame in enumerate(spectrum):
        where = k * hop - n_fft // 2 + np.arange(n_fft)
        inside = (where >= 0) & (where < 50)
        excerpt = np.where(inside, audio[np.clip(where, 0, 49)], 0)
        np.testing.assert_allclose(frame, fourier @ (taper * excerpt), atol=1e-12)


def test_agrees_with_librosa(rng):
    librosa = pytest.importorskip("librosa")
    audio = rng.normal(size=4000)
    peer = librosa.stft(audio, n_fft=256, hop_length=64, pad_mode="constant").T
    np.testing.assert_allclose(stft(audio, 256, 64)[: len(peer)], peer, atol=1e-10)


def test_batches_are_transformed_one_by_one(rng):
    audio = rng.normal(size=(2, 3, 500))
    spectrum = stft(audio, 64, 16)
    assert spectrum.shape == (2, 3, 33, 33)
    np.testing.assert_array_equal(spectrum[1, 2], stft(audio[1, 2], 64, 16))
    np.testing.assert_array_equal(
        istft(spectrum, 500, 64, 16)[1, 2], istft(spectrum[1, 2], 500, 64, 16)
    )


def test_inverse_of_a_modified_spectrogram_is_the_nearest_waveform(rng):
    # Nearest: what is left of the target is orthogonal to the spectrogram of every waveform.
    target = rng.normal(size=(8, 33)) + 1j * rng.normal(size=(8, 33))
    target[:, [0, -1]] = target[:, [0, -1]].real
    residual = target - stft(istft(target, 110, 64, 16), 64, 16)
    both_sides = np.full(33, 2.0)
    both_sides[[0, -1]] = 1
    other = stft(rng.normal(size=(20, 110)), 64, 16)
    products = np.sum(both_sides * (other.conj() * residual).real, axis=(-1, -2))
    np.testing.assert_allclose(products, 0, atol=1e-9)
    assert np.linalg.norm(residual) > 1


def test_any_array_library(rng):
    audio = rng.normal(size=(2, 300))
    strict = array_api_strict.asarray(audio)
    spectrum = stft(strict, 64, 16)
    np.testing.assert_allclose(np.asarray(spectrum), stft(audio, 64, 16), atol=1e-12)
    np.testing.assert_allclose(np.asarray(istft(spectrum, 300, 64, 16)), audio, atol=1e-12)


@pytest.mark.skipif(not gpu_available(), reason="needs CuPy and a CUDA GPU")
def test_device_arrays_stay_on_the_device(rng):
    audio = rng.normal(size=(2, 5000))
    spectrum = stft(to_device(audio, "cuda"))
    restored = istft(spectrum, 5000)
    assert is_cupy(spectrum)
    assert is_cupy(restored)
    np.testing.assert_allclose(to_numpy(spectrum), stft(audio), atol=1e-10)
    np.testing.assert_allclose(to_numpy(restored), audio, atol=1e-12)


def test_inputs_are_not_modified(rng):
    audio = rng.normal(size=300)
    audio.flags.writeable = False
    spectrum = stft(audio, 64, 16)
    spectrum.flags.writeable = False
    istft(spectrum, 300, 64, 16)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_fft": 64, "hop": 64}, "hop=64 is too long for a 'hann' window of n_fft=64"),
        ({"n_fft": 256, "hop": 255}, "hop=255 is too long"),
        ({"n_fft": 64, "hop": 65}, "hop=65 must not exceed n_fft=64"),
        ({"n_fft": 64, "hop": 0}, "hop must be a positive number of samples, got 0"),
        ({"n_fft": 64.0}, "n_fft must be a positive number of samples, got 64.0"),
        ({"window": "hanning-ish"}, "window must be one that .* got 'hanning-ish'"),
    ],
)
def test_unfit_windows_are_refused_both_ways(options, match):
    with pytest.raises(ValueError, match=match):
        stft(np.ones(100), **options)
    with pytest.raises(ValueError, match=match):
        istft(np.ones((3, 33), complex), 100, **options)


@pytest.mark.parametrize(
    ("shape", "n_samples", "match"),
    [
        ((3, 33), 0, "n_samples must be at least 1, got 0"),
        ((3, 33), 50, r"spectrum has shape \(3, 33\), expected \(..., 5, 33\) for n_samples=50"),
        ((5, 32), 50, r"expected \(..., 5, 33\)"),
        ((33,), 50, r"expected \(..., 5, 33\)"),
    ],
)
def test_spectrograms_of_another_transform_are_refused(shape, n_samples, match):
    with pytest.raises(ValueError, match=match):
        istft(np.ones(shape, complex), n_samples, n_fft=64, hop=16)


def test_missing_samples_are_refused():
    with pytest.raises(ValueError, match="audio has 1 NaN"):
        stft(np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match="audio must hold at least one sample"):
        stft(np.zeros((2, 0)))
