"""Short-time Fourier transform of a waveform within a network."""

import jax
import jax.numpy as jnp
import numpy as np


def frames(x: jax.Array, size: int, hop: int) -> jax.Array:
    """Cut a waveform of `size` samples or more into frames: (1 + (n_samples - size) // hop, size).

    Examples
    --------
    >>> frames(jnp.arange(5), 3, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    starts = np.arange(0, len(x) - size + 1, hop)
    return x[starts[:, None] + np.arange(size)]


def stft(x: jax.Array, n_fft: int, hop: int) -> jax.Array:
    """Spectra of centred frames with a Hann window; the waveform is reflected at its ends.

    Parameters
    ----------
    x : jax.Array of shape (n_samples,)
        Waveform, longer than half a frame.
    n_fft, hop : int
        Length of a frame, and distance between frames, in samples.

    Returns
    -------
    spectra : jax.Array of complex, shape (n_samples // hop + 1, n_fft // 2 + 1)
        As librosa computes them with ``pad_mode="reflect"``, time first.

    Examples
    --------
    >>> stft(jnp.ones(1000), 256, 100).shape
    (11, 129)
    """
    padded = jnp.pad(x, n_fft // 2, mode="reflect")
    # Periodic: one sample more, of which the last is left out.
    window = np.hanning(n_fft + 1)[:-1]
    return jnp.fft.rfft(frames(padded, n_fft, hop) * jnp.asarray(window, x.dtype))


def power_spectrogram(x: jax.Array, n_fft: int, hop: int) -> jax.Array:
    """Squared magnitudes of `stft`.

    Parameters
    ----------
    x : jax.Array of shape (n_samples,)
        Waveform, longer than half a frame.
    n_fft, hop : int
        Length of a frame, and distance between frames, in samples.

    Returns
    -------
    power : jax.Array of shape (n_samples // hop + 1, n_fft // 2 + 1)
        Power by frame and frequency.

    Examples
    --------
    >>> power_spectrogram(jnp.ones(1000), 256, 100).shape
    (11, 129)
    """
    spectra = stft(x, n_fft, hop)
    # Not the square of abs(), whose gradient is NaN at silence.
    return jnp.square(spectra.real) + jnp.square(spectra.imag)
