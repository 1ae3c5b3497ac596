"""Random variation of sounds in training, drawn anew for each view of each clip."""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """How clips are varied in training.

    Attributes
    ----------
    shift : float
        Clips are moved in time by up to this share of their length to either side, around.
    gain : float
        They become louder or softer by up to so many decibels.
    noise : tuple of float or None
        Smallest and largest signal-to-noise ratio in decibels of coloured noise that is added to
        half of the views; None for none.
    stretch : tuple of float
        Largest change of tempo, and of the frequencies, as shares.
    n_masks : int
        Number of masks over times, and as many over frequencies, see `masked`.
    mask_sizes : tuple of float
        Largest width of a mask as a share of the times, and of the frequencies.
    """

    shift: float = 0.1
    gain: float = 6.0
    noise: tuple[float, float] | None = None
    stretch: tuple[float, float] = (0.1, 0.1)
    n_masks: int = 1
    mask_sizes: tuple[float, float] = (0.15, 0.15)

    def of_waveform(self, x: jax.Array, key: jax.Array) -> jax.Array:
        """Vary a waveform.

        Parameters
        ----------
        x : jax.Array of shape (n_samples,)
            Clip.
        key : jax.Array
            Random key.

        Returns
        -------
        x : jax.Array of shape (n_samples,)
            Another one.
        """
        keys = jax.random.split(key, 4)
        if self.shift:
            most = int(self.shift * len(x))
            x = jnp.roll(x, jax.random.randint(keys[0], (), -most, most + 1))
        if self.noise is not None:
            noisy = with_noise(x, keys[1], self.noise)
            x = jnp.where(jax.random.bernoulli(keys[2]), noisy, x)
        if self.gain:
            decibels = jax.random.uniform(keys[3], (), minval=-self.gain, maxval=self.gain)
            x = x * 10 ** (decibels / 20)
        return x

    def of_spectrogram(self, x: jax.Array, key: jax.Array) -> jax.Array:
        """Vary a spectrogram.

        Parameters
        ----------
        x : jax.Array of shape (n_frames, n_mels)
            Levels.
        key : jax.Array
            Random key.

        Returns
        -------
        x : jax.Array of shape (n_frames, n_mels)
            Other ones.
        """
        keys = jax.random.split(key)
        if any(self.stretch):
            x = stretched(x, keys[0], self.stretch)
        if self.n_masks and any(self.mask_sizes):
            x = masked(x, keys[1], self.n_masks, self.mask_sizes)
        return x


def with_noise(x: jax.Array, key: jax.Array, snr: tuple[float, float]) -> jax.Array:
    """Add coloured noise, whose level falls or rises steadily over the octaves.

    Parameters
    ----------
    x : jax.Array of shape (n_samples,)
        Waveform.
    key : jax.Array
        Decides noise, colour (power from f**-2, brown, to f**0.5, between white and blue) and
        level.
    snr : tuple of float
        Smallest and largest ratio of the mean powers in decibels.

    Returns
    -------
    noisy : jax.Array of shape (n_samples,)
        Sum.
    """
    keys = jax.random.split(key, 3)
    n = len(x)
    slope = jax.random.uniform(keys[0], (), minval=-2.0, maxval=0.5)
    frequencies = jnp.maximum(jnp.arange(n // 2 + 1, dtype=x.dtype), 1) / (n // 2)
    spectrum = jnp.fft.rfft(jax.random.normal(keys[1], (n,), x.dtype))
    noise = jnp.fft.irfft(spectrum * frequencies ** (slope / 2), n)
    ratio = jax.random.uniform(keys[2], (), minval=snr[0], maxval=snr[1])
    power = jnp.square(x).mean() / jnp.maximum(jnp.square(noise).mean(), 1e-20)
    return x + noise * jnp.sqrt(power) * 10 ** (-ratio / 20)


def stretched(x: jax.Array, key: jax.Array, shares: tuple[float, float]) -> jax.Array:
    """Change tempo and frequencies, by interpolation along both axes.

    Parameters
    ----------
    x : jax.Array of shape (n_frames, n_mels)
        Levels.
    key : jax.Array
        Decides how far.
    shares : tuple of float
        Largest change of each axis; the middle frame and the lowest band stay.

    Returns
    -------
    x : jax.Array of shape (n_frames, n_mels)
        Levels; where a sound would end too early, its last frame or band is held.
    """
    factors = [
        1 + jax.random.uniform(k, (), minval=-share, maxval=share)
        for k, share in zip(jax.random.split(key), shares, strict=True)
    ]
    times = _interpolation(x.shape[0], factors[0], fixed=(x.shape[0] - 1) / 2)
    bands = _interpolation(x.shape[1], factors[1])
    return times @ x @ bands.T


def _interpolation(n: int, factor: jax.Array, fixed: float = 0.0) -> jax.Array:
    """Matrix that reads a sequence at another pace around a fixed place."""
    places = jnp.clip(fixed + (jnp.arange(n) - fixed) * factor, 0, n - 1)
    return jnp.maximum(1 - jnp.abs(places[:, None] - jnp.arange(n)), 0)


def masked(x: jax.Array, key: jax.Array, n_masks: int, sizes: tuple[float, float]) -> jax.Array:
    """Hide some times and some frequencies behind the mean of the clip (SpecAugment [1]_).

    Parameters
    ----------
    x : jax.Array of shape (n_frames, n_mels)
        Levels.
    key : jax.Array
        Decides what is hidden.
    n_masks : int
        Number of masks on each axis.
    sizes : tuple of float
        Largest width of a mask as a share of each axis.

    Returns
    -------
    x : jax.Array of shape (n_frames, n_mels)
        Levels. Those that are hidden have the clip's mean, and so tell nothing of its loudness.

    References
    ----------
    .. [1] Park et al. (2019), "SpecAugment: a simple data augmentation method for automatic
       speech recognition", Interspeech, https://doi.org/10.21437/Interspeech.2019-2680.
    """
    mean = x.mean()
    for axis, (n, share) in enumerate(zip(x.shape, sizes, strict=True)):
        for k in jax.random.split(jax.random.fold_in(key, axis), n_masks):
            keys = jax.random.split(k)
            width = jax.random.uniform(keys[0], ()) * share * n
            start = jax.random.uniform(keys[1], ()) * (n - width)
            places = jnp.arange(n)
            hidden = (places >= start) & (places < start + width)
            x = jnp.where(hidden[:, None] if axis == 0 else hidden, mean, x)
    return x


def repeated(x: np.ndarray, n_samples: int, start: int = 0) -> np.ndarray:
    """Cut a clip to a length, or repeat it until it is so long.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Clip.
    n_samples : int
        Wanted length.
    start : int
        First sample; of a clip that is repeated, where in it to begin.

    Returns
    -------
    x : ndarray of shape (n_samples,)
        Cut or repeated clip.

    Examples
    --------
    >>> repeated(np.arange(3), 7, 1).tolist(), repeated(np.arange(9), 3, 2).tolist()
    ([1, 2, 0, 1, 2, 0, 1], [2, 3, 4])
    """
    if len(x) >= n_samples + start:
        return x[start : start + n_samples]
    times = math.ceil((n_samples + start) / len(x))
    return np.tile(x, times)[start : start + n_samples]
