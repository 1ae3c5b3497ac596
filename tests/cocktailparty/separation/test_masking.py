import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.features import stft
from cocktailparty.separation.masking import (
    component_products,
    magnitude,
    separate_waveform,
    spectrogram,
    wiener_masks,
)


def model(rng, audio, n_components=3, n_fft=64, hop=16):
    _, n_frames, n_freqs = spectrogram(audio, n_fft, hop).shape
    return rng.random((n_frames, n_components)), rng.random((n_components, n_freqs))


@settings(max_examples=40)
@given(
    n_samples=st.integers(1, 700),
    n_channels=st.integers(0, 3),
    n_parts=st.integers(1, 4),
    hop=st.sampled_from([13, 16, 32]),
    single=st.booleans(),
    seed=st.integers(0, 99),
)
def test_parts_sum_to_the_mixture(n_samples, n_channels, n_parts, hop, single, seed):
    rng = np.random.default_rng(seed)
    audio = rng.normal(size=(n_samples, n_channels) if n_channels else n_samples)
    activations, components = model(rng, audio, hop=hop)
    activations[rng.random(len(activations)) < 0.3] = 0  # frames where no component sounds
    weights = rng.random((n_parts, 3))
    weights /= weights.sum(axis=0)
    if single:
        audio, activations, components, weights = (
            x.astype(np.float32) for x in (audio, activations, components, weights)
        )
    parts = separate_waveform(audio, activations, components, weights, 64, hop)
    assert parts.shape == (n_parts, *audio.shape)
    assert parts.dtype == audio.dtype
    np.testing.assert_allclose(parts.sum(axis=0), audio, atol=1e-5 if single else 1e-12)


def test_real_mixture_at_its_own_rate_in_stereo(shared_data, rng):
    audio, rate = soundfile.read(shared_data("separation/rock_4stems/mixture.flac"))
    audio = audio[:rate]
    activations, components = model(rng, audio, n_fft=2822, hop=689)
    weights = [1.0, 0.3, 0.0]
    attended, rest = separate_waveform(audio, activations, components, weights, 2822, 689)
    assert attended.shape == audio.shape
    np.testing.assert_allclose(attended + rest, audio, atol=1e-12)
    swapped = separate_waveform(audio[:, ::-1], activations, components, weights, 2822, 689)
    np.testing.assert_allclose(swapped[0], attended[:, ::-1], atol=1e-12)


def test_a_component_takes_its_own_frequencies(rng):
    time = np.arange(4000) / 8000
    low, high = np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 3000 * time)
    n_frames = stft(low, 256, 64).shape[0]
    components = np.stack([np.arange(129) < 64, np.arange(129) >= 64]) * 1.0
    found = separate_waveform(low + high, np.ones((n_frames, 2)), components, [0.0, 1.0], 256, 64)
    np.testing.assert_allclose(found[0, 300:-300], high[300:-300], atol=1e-3)
    np.testing.assert_allclose(found[1, 300:-300], low[300:-300], atol=1e-3)


def test_masks_against_the_formula(rng):
    activations, components = rng.random((5, 3)), rng.random((3, 4))
    weights = rng.random((2, 3))
    found = wiener_masks(activations, components, weights)
    for p, n, f in np.ndindex(2, 5, 4):
        parts = activations[n] * components[:, f]
        assert found[p, n, f] == pytest.approx(weights[p] @ parts / parts.sum())
    activations[2] = 0
    silent = wiener_masks(activations, components, weights)[:, 2]
    np.testing.assert_allclose(silent, np.repeat(weights.mean(axis=1)[:, None], 4, axis=1))


def test_products_of_components_against_their_waveforms(rng):
    audio = rng.normal(size=1000)
    activations, components = model(rng, audio)
    activations[3] = 0
    spectrum = spectrogram(audio, 64, 16)
    masked = spectrum * wiener_masks(activations, components, np.eye(3))
    masked[:, 3] = 0
    expected = np.einsum("inf,jnf->ij", masked, masked.conj()).real
    found = component_products(magnitude(spectrum), activations, components)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_channels_in_antiphase_do_not_cancel(rng):
    audio = rng.normal(size=500)
    np.testing.assert_allclose(
        magnitude(spectrogram(np.stack([audio, -audio], axis=1), 64, 16)),
        np.abs(stft(audio, 64, 16)),
    )


def test_bad_arrays_are_refused(rng):
    audio = rng.normal(size=500)
    a, c = model(rng, audio)
    for arguments, message in (
        ((audio, a[1:], c, np.ones(3)), "describe .* but the audio has"),
        ((audio, a, c[:2], np.ones(3)), "do not belong together"),
        ((audio, a, c, np.ones(4)), "do not belong together"),
        ((audio, -a, c, np.ones(3)), "activations must not be negative"),
        ((audio, a, c * np.nan, np.ones(3)), "components has .* NaN"),
        ((audio, a, c, np.full((2, 3), 1.5)), "none may exceed 1"),
        ((audio[None, None], a, c, np.ones(3)), "audio must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            separate_waveform(*arguments, 64, 16)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e15])
def test_single_precision_at_any_loudness(rng, scale):
    spectra = rng.normal(size=(2, 30, 9)) + 1j * rng.normal(size=(2, 30, 9))
    a, w = rng.random((30, 3)), rng.random((3, 9))
    quiet = magnitude((spectra * scale).astype(np.complex64))
    assert quiet.dtype == np.float32
    np.testing.assert_allclose(quiet.astype(float) / scale, magnitude(spectra), rtol=1e-5)
    gram = component_products(quiet, a.astype("f4"), (w * scale).astype("f4"))
    expected = component_products(magnitude(spectra), a, w)
    np.testing.assert_allclose(gram / scale**2, expected, rtol=1e-4)
