import jax
import jax.numpy as jnp
import librosa
import numpy as np
import pytest

from deep.layers.stft import frames, power_spectrogram, stft


@pytest.mark.parametrize(("n", "n_fft", "hop"), [(1000, 256, 80), (999, 64, 64), (640, 128, 50)])
def test_spectra_are_those_of_librosa(rng, n, n_fft, hop):
    x = rng.normal(size=n).astype(np.float32)
    theirs = librosa.stft(x, n_fft=n_fft, hop_length=hop, pad_mode="reflect").T
    ours = stft(jnp.asarray(x), n_fft, hop)
    assert ours.shape == theirs.shape == (n // hop + 1, n_fft // 2 + 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    np.testing.assert_allclose(
        power_spectrogram(jnp.asarray(x), n_fft, hop), np.abs(theirs) ** 2, rtol=1e-4, atol=1e-4
    )


def test_frames_lie_a_hop_apart():
    assert frames(jnp.arange(7), 3, 2).tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]


def test_silence_has_a_gradient():
    slope = jax.grad(lambda x: power_spectrogram(x, 32, 16).sum())(jnp.zeros(64))
    assert not np.asarray(slope).any()
