"""Log-mel spectrograms within a network."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deep.layers.stft import power_spectrogram


class LogMel(eqx.Module):
    """Level in mel bands: (n_samples,) -> (n_frames, n_mels), in decibels.

    Centred frames with a Hann window, reflected at the ends; power; triangular filters of the
    Auditory Toolbox (Slaney), as in librosa; ten times the decimal logarithm. It holds no arrays:
    nothing of it is trained or saved.

    Parameters
    ----------
    sfreq : float
        Sampling rate in hertz.
    n_fft, hop : int
        Length of a frame, and distance between frames, in samples.
    n_mels : int
        Number of bands.
    f_min, f_max : float
        Lower edge of the lowest and upper edge of the highest band in hertz.
    floor : float
        Smaller powers are raised to this.

    Raises
    ------
    ValueError
        If the bands do not fit between 0 and half the sampling rate, or one holds no bin.

    Examples
    --------
    >>> LogMel(8000, 256, 80, 40, 50, 4000)(jnp.ones(800)).shape
    (11, 40)
    """

    sfreq: float = eqx.field(static=True)
    n_fft: int = eqx.field(static=True)
    hop: int = eqx.field(static=True)
    n_mels: int = eqx.field(static=True)
    f_min: float = eqx.field(static=True)
    f_max: float = eqx.field(static=True)
    floor: float = eqx.field(static=True)

    def __init__(
        self, sfreq: float, n_fft: int, hop: int, n_mels: int, f_min: float, f_max: float,
        floor: float = 1e-10,
    ) -> None:  # fmt: skip
        if not 0 <= f_min < f_max <= sfreq / 2:
            raise ValueError(
                f"mel bands from {f_min:g} to {f_max:g} Hz do not fit below half the sampling rate "
                f"of {sfreq:g} Hz"
            )
        if not mel_filters(sfreq, n_fft, n_mels, f_min, f_max).any(axis=0).all():
            raise ValueError(
                f"{n_mels} mel bands from {f_min:g} to {f_max:g} Hz are too narrow for frames of "
                f"{n_fft} samples at {sfreq:g} Hz: take fewer bands or longer frames"
            )
        self.sfreq, self.n_fft, self.hop, self.n_mels = sfreq, n_fft, hop, n_mels
        self.f_min, self.f_max, self.floor = f_min, f_max, floor

    def __call__(self, x: jax.Array) -> jax.Array:
        """Compute the levels."""
        x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        power = power_spectrogram(x, self.n_fft, self.hop)
        bank = mel_filters(self.sfreq, self.n_fft, self.n_mels, self.f_min, self.f_max)
        power = power @ jnp.asarray(bank, power.dtype)
        return 10 / np.log(10) * jnp.log(jnp.maximum(power, self.floor))


@lru_cache(maxsize=16)
def mel_filters(sfreq: float, n_fft: int, n_mels: int, f_min: float, f_max: float) -> np.ndarray:
    """Weights of spectral bins in each mel band, (n_fft // 2 + 1, n_mels), read-only.

    It is the transposed matrix of librosa; `f_min` and `f_max` are the outer edges in hertz.
    """
    import warnings

    from librosa.filters import mel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty bands, which `LogMel` refuses
        bank = mel(sr=sfreq, n_fft=n_fft, n_mels=n_mels, fmin=f_min, fmax=f_max)
    filters = np.ascontiguousarray(bank.T)
    filters.flags.writeable = False
    return filters
