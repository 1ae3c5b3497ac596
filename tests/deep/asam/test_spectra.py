import jax.numpy as jnp
import numpy as np
import pytest

from deep.asam.spectra import n_frames, spectra, waveform


@pytest.mark.parametrize("n", [1, 128, 1000])
def test_there_and_back_is_exact(n):
    x = np.random.default_rng(n).normal(size=n).astype(np.float32)
    z = spectra(jnp.asarray(x), 256)
    assert z.shape == (n_frames(n, 256), 2, 129)
    back = np.asarray(waveform(z, 256))
    np.testing.assert_allclose(back[:n], x, atol=2e-6)
    np.testing.assert_allclose(back[n:], 0, atol=2e-6)


def test_frames_are_windowed_transforms():
    x = np.random.default_rng(0).normal(size=64).astype(np.float32)
    z = np.asarray(spectra(jnp.asarray(x), 16))
    window = np.sin(np.pi * (np.arange(16) + 0.5) / 16)
    expected = np.fft.rfft(window * x[16:32])
    np.testing.assert_allclose(z[3, 0] + 1j * z[3, 1], expected, atol=1e-5)


def test_odd_frames_are_refused():
    with pytest.raises(ValueError, match="even number of at least 4, got 7"):
        spectra(jnp.ones(100), 7)
