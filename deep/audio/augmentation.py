"""Random variation of training sounds, drawn anew for each view of each clip."""

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
        Largest circular shift in time, to either side, as a share of the clip.
    gain : float
        Largest change of level in decibels.
    noise : tuple of float or None
        Smallest and largest signal-to-noise ratio in decibels of coloured noise, which is added to
        half of the views; None for none.
    stretch : tuple of float
        Largest change of tempo, and of the frequencies, as shares.
    n_masks : int
        Number of masks over times, and of masks over frequencies, see `masked`.
    mask_sizes : tuple of float
        Largest width of a mask as a share of the times, and of the frequencies.
    """

    shift: float = 0.1
    gain: float = 6.0
    noise: tuple[float, float] | None = None
    stretch: tuple[float, float] = (0.1, 0.1)
    n_masks: int = 1
    mask_sizes: tuple[float, float] = (0.15, 0.15)

    def draw(self, key: jax.Array) -> jax.Array:
        """Draw all numbers of one view except its noise: (n_numbers,), between 0 and 1.

        They are drawn at once: each separate draw takes a second to compile.
        """
        return jax.random.uniform(key, (5 + 4 * self.n_masks,))

    def of_waveform(self, x: jax.Array, numbers: jax.Array, key: jax.Array) -> jax.Array:
        """Vary a waveform, (n_samples,), by `numbers` from `draw`; the key is for the noise."""
        if self.shift:
            most = int(self.shift * len(x))
            x = jnp.roll(x, jnp.floor(numbers[0] * (2 * most + 1)).astype(int) - most)
        if self.noise is not None:
            x = jnp.where(numbers[1] < 0.5, with_noise(x, key, self.noise), x)
        if self.gain:
            x = x * 10 ** ((2 * numbers[2] - 1) * self.gain / 20)
        return x

    def of_spectrogram(self, x: jax.Array, numbers: jax.Array) -> jax.Array:
        """Vary the levels of a spectrogram, (n_frames, n_mels), by `numbers` from `draw`."""
        if any(self.stretch):
            x = stretched(x, numbers[3:5], self.stretch)
        if self.n_masks and any(self.mask_sizes):
            x = masked(x, numbers[5:], self.mask_sizes)
        return x


def with_noise(x: jax.Array, key: jax.Array, snr: tuple[float, float]) -> jax.Array:
    """Add coloured noise to a waveform, (n_samples,), its level sloping steadily over the octaves.

    The key decides noise, colour (power from f**-2, brown, to f**0.5, between white and blue) and
    level; `snr` is the smallest and the largest ratio of the mean powers in decibels.
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


def stretched(x: jax.Array, numbers: jax.Array, shares: tuple[float, float]) -> jax.Array:
    """Change tempo and frequencies of levels, (n_frames, n_mels), by interpolation along both axes.

    `numbers`, (2,), between 0 and 1, place each axis between slowest and fastest; `shares` are the
    largest changes. The middle frame and the lowest band stay; where a sound would end too early,
    its last frame or band is held.
    """
    factors = 1 + (2 * numbers - 1) * jnp.array(shares)
    times = _interpolation(x.shape[0], factors[0], fixed=(x.shape[0] - 1) / 2)
    bands = _interpolation(x.shape[1], factors[1])
    return times @ x @ bands.T


def _interpolation(n: int, factor: jax.Array, fixed: float = 0.0) -> jax.Array:
    """Matrix that reads a sequence at another pace around a fixed place."""
    places = jnp.clip(fixed + (jnp.arange(n) - fixed) * factor, 0, n - 1)
    return jnp.maximum(1 - jnp.abs(places[:, None] - jnp.arange(n)), 0)


def masked(x: jax.Array, numbers: jax.Array, sizes: tuple[float, float]) -> jax.Array:
    """Hide some times and frequencies behind the mean of the clip (SpecAugment [1]_).

    `x` are levels, (n_frames, n_mels). `numbers`, (4 * n_masks,), between 0 and 1, give width and
    place of masks over times and over frequencies, in turn; `sizes` are the largest widths as
    shares of each axis. With the clip's mean a mask tells nothing of its loudness.

    References
    ----------
    .. [1] Park et al. (2019), "SpecAugment: a simple data augmentation method for automatic
       speech recognition", Interspeech, https://doi.org/10.21437/Interspeech.2019-2680.
    """
    mean = x.mean()
    for mask in numbers.reshape(-1, 2, 2):
        for axis, (n, share) in enumerate(zip(x.shape, sizes, strict=True)):
            width = mask[axis, 0] * share * n
            start = mask[axis, 1] * (n - width)
            places = jnp.arange(n)
            hidden = (places >= start) & (places < start + width)
            x = jnp.where(hidden[:, None] if axis == 0 else hidden, mean, x)
    return x


def repeated(x: np.ndarray, n_samples: int, start: int = 0) -> np.ndarray:
    """Cut a clip, (n,), to `n_samples` from `start` on, or repeat it until it is long enough.

    Examples
    --------
    >>> repeated(np.arange(3), 7, 1).tolist(), repeated(np.arange(9), 3, 2).tolist()
    ([1, 2, 0, 1, 2, 0, 1], [2, 3, 4])
    """
    if len(x) >= n_samples + start:
        return x[start : start + n_samples]
    times = math.ceil((n_samples + start) / len(x))
    return np.tile(x, times)[start : start + n_samples]
