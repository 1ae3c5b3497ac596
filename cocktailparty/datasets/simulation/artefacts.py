"""What EEG holds besides answers: pink noise, alpha rhythm, blinks, and noisy channels."""

from dataclasses import dataclass

import numpy as np

from cocktailparty.datasets.simulation.listeners import dipole_potential, pink_noise

# Root mean square of the pink noise below 32 Hz, in volts, and the frequency in hertz at which its
# power begins to fall as 1/f.
AMPLITUDE = 15e-6
_REFERENCE, _CORNER = 32.0, 0.5
# Visual cortex, and the two eyes, in units of the head radius.
_OCCIPITAL = ((-0.2, -0.7, 0.1), (0.2, -0.7, 0.1))
_EYES = ((-0.3, 0.95, -0.35), (0.3, 0.95, -0.35))
# Directions of their dipoles: outwards, and up, since the lid that closes leads upwards.
_BACK, _UP = (0.0, -1.0, 0.2), (0.0, 0.3, 1.0)
# Alpha: size at the channel where it is largest, as a root mean square in volts; length of its
# bursts in seconds.
_ALPHA, _BURST = 12e-6, 1.0
# Blinks: size at the channel where they are largest in volts, length in seconds, times a minute.
_BLINK, _CLOSED, _A_MINUTE = 120e-6, 0.3, 15.0


@dataclass(frozen=True, eq=False)
class Background:
    """Noise of one subject.

    Attributes
    ----------
    positions : ndarray of shape (n_channels, 3)
        Electrodes, in units of the head radius.
    channel_gains : ndarray of shape (n_channels,)
        Size of the pink noise of each channel, 1 on average.
    own_noise : ndarray of shape (n_channels,)
        Root mean square of the white noise of each electrode up to 32 Hz, in volts.
    alpha_frequency : float
        In hertz.
    alpha_size : float
        Relative to that of an average subject.
    blink_rate : float
        Blinks a minute.
    """

    positions: np.ndarray
    channel_gains: np.ndarray
    own_noise: np.ndarray
    alpha_frequency: float
    alpha_size: float
    blink_rate: float

    @classmethod
    def draw(cls, positions: np.ndarray, rng: np.random.Generator) -> "Background":
        """Draw a subject.

        Alpha of 10 Hz, within 1 Hz, and of half to double the size; 15 blinks a minute, within a
        factor of two; channels that differ by 20 %, and by a factor of two in their own noise.
        """
        n_channels = len(positions)
        return cls(
            positions,
            rng.lognormal(sigma=0.2, size=n_channels),
            1e-6 * rng.lognormal(sigma=0.7, size=n_channels),
            float(rng.normal(10.0, 1.0)),
            float(rng.lognormal(sigma=0.6)),
            float(_A_MINUTE * rng.lognormal(sigma=0.5)),
        )

    def noise(self, n_times: int, sfreq: float, rng: np.random.Generator) -> np.ndarray:
        """Simulate noise, (n_times, n_channels), in volts."""
        # The same density at every rate: more hertz hold more noise.
        logs = [1 + np.log(top / _CORNER) for top in (sfreq / 2, _REFERENCE)]
        pink = (
            AMPLITUDE * np.sqrt(logs[0] / logs[1]) * pink_noise(n_times, sfreq, self.positions, rng)
        )
        own = np.sqrt(sfreq / 2 / _REFERENCE) * self.own_noise
        noise = self.channel_gains * pink + own * rng.normal(size=pink.shape)
        noise += np.outer(
            self._alpha(n_times, sfreq, rng), _pattern(self.positions, _OCCIPITAL, _BACK)
        )
        noise += np.outer(self._blinks(n_times, sfreq, rng), _pattern(self.positions, _EYES, _UP))
        return np.asarray(noise)

    def _alpha(self, n_times: int, sfreq: float, rng: np.random.Generator) -> np.ndarray:
        """Rhythm that waxes and wanes: noise of a band as narrow as its bursts are long."""
        freqs = np.fft.rfftfreq(n_times, 1 / sfreq)
        shape = np.exp(-0.5 * ((freqs - self.alpha_frequency) * _BURST * 2) ** 2)
        spectrum = shape * rng.normal(size=(len(freqs), 2)).view(complex)[:, 0]
        rhythm = np.fft.irfft(spectrum, n_times)
        size = max(float(rhythm.std()), np.finfo(float).tiny)
        return np.asarray(_ALPHA * self.alpha_size / size * rhythm)

    def _blinks(self, n_times: int, sfreq: float, rng: np.random.Generator) -> np.ndarray:
        n_blinks = rng.poisson(self.blink_rate / 60 * n_times / sfreq)
        starts = rng.integers(n_times, size=n_blinks)
        sizes = _BLINK * rng.lognormal(sigma=0.3, size=n_blinks)
        shape = np.hanning(max(round(_CLOSED * sfreq), 3))
        impulses = np.bincount(starts, sizes, n_times)
        return np.convolve(impulses, shape)[:n_times]


def _pattern(
    positions: np.ndarray,
    sources: tuple[tuple[float, float, float], ...],
    direction: tuple[float, float, float],
) -> np.ndarray:
    """Potential of dipoles, 1 at the channel where it is largest."""
    moment = np.array(direction)
    total = np.sum([dipole_potential(positions, np.array(s), moment) for s in sources], axis=0)
    return np.asarray(total / np.abs(total).max())
