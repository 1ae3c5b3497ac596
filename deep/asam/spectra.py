"""Spectra with a sine window and their inverse, as products with cheap gradients."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np


def n_frames(n_samples: int, n_fft: int) -> int:
    """Count the frames of `n_fft` samples, half of it apart, that cover each sample twice."""
    return -(-n_samples // (n_fft // 2)) + 1


def spectra(x: jax.Array, n_fft: int) -> jax.Array:
    """Real and imaginary parts of the spectra of a waveform: (n_frames, 2, n_fft // 2 + 1).

    The waveform, of any length, has silence around it; frames of an even length `n_fft` overlap by
    half.

    Examples
    --------
    >>> x = jax.random.normal(jax.random.key(0), (1000,))
    >>> z = spectra(x, 256)
    >>> z.shape, bool(jnp.allclose(waveform(z, 256)[:1000], x, atol=1e-5))
    ((9, 2, 129), True)
    """
    hop = n_fft // 2
    rows = n_frames(len(x), n_fft)
    padded = jnp.pad(x, (hop, (rows + 1) * hop - hop - len(x)))
    halves = padded.reshape(rows + 1, hop)
    # Each frame is two neighbouring halves: nothing has to be gathered.
    framed = jnp.concatenate([halves[:-1], halves[1:]], axis=1)
    analysis, _ = _bases(n_fft)
    return (framed @ jnp.asarray(analysis, x.dtype)).reshape(rows, 2, hop + 1)


def waveform(z: jax.Array, n_fft: int) -> jax.Array:
    """Invert `spectra`, also after a mask: ((n_frames - 1) * n_fft // 2,).

    The end of the last half frame is padding.
    """
    hop = n_fft // 2
    _, synthesis = _bases(n_fft)
    framed = z.reshape(len(z), n_fft + 2) @ jnp.asarray(synthesis, z.dtype)
    return (framed[1:, :hop] + framed[:-1, hop:]).reshape(-1)


@lru_cache(maxsize=8)
def _bases(n_fft: int) -> tuple[np.ndarray, np.ndarray]:
    """Products of window and Fourier transform, (n_fft, n_fft + 2), and back."""
    if n_fft < 4 or n_fft % 2:
        raise ValueError(f"n_fft must be an even number of at least 4, got {n_fft}")
    time = np.arange(n_fft)
    # Its squares sum to 1 over the two frames of each sample.
    window = np.sin(np.pi * (time + 0.5) / n_fft)
    angle = 2 * np.pi * time[:, None] * np.arange(n_fft // 2 + 1) / n_fft
    analysis = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)
    # All frequencies except the outer two stand for two of the full transform.
    twice = np.full(n_fft // 2 + 1, 2.0)
    twice[[0, -1]] = 1.0
    synthesis = (analysis * np.tile(twice, 2)).T / n_fft
    return (window[:, None] * analysis).astype(np.float32), (synthesis * window).astype(np.float32)
