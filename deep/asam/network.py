"""The default network: dilated convolutions, steered by the vector of a voice."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.asam.spectra import spectra, waveform
from deep.layers import Conv1d, LayerNorm, Linear

# Its arguments are those of its base class, where type checkers do not look.
_conv: Any = Conv1d
# Power of a bin that counts as silence, for waveforms with a mean power of 1.
_SILENT = 1e-4


class Selected(NamedTuple):
    """Outputs of a network for a mixture and several voices.

    `waveforms` have shape (n_voices, n_samples); `presence`, (n_voices, n_frames), are log odds
    that they are in the mixture, frame by frame; `masks`, (n_voices, n_frames, n_freqs), are the
    factors of the magnitude of each bin.
    """

    waveforms: jax.Array
    presence: jax.Array
    masks: jax.Array


class DilatedLayer(eqx.Module):
    """Dilated convolution over time with a norm and a shortcut: (n_times, n), same shape.

    It sums three frames that are `dilation` apart. A voice, a vector of length `n_voice` or none
    for 0, gives scale and shift of the normalised features.
    """

    convolution: Conv1d
    norm: LayerNorm
    steering: Linear | None

    def __init__(self, n_channels: int, dilation: int, n_voice: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        self.convolution = _conv(
            n_channels, n_channels, 3, dilation=dilation, use_bias=False, key=keys[0]
        )
        self.norm = LayerNorm(n_channels)
        self.steering = Linear(n_voice, 2 * n_channels, key=keys[1]) if n_voice else None

    def __call__(self, x: jax.Array, voice: jax.Array | None = None) -> jax.Array:
        """Apply to the frames of a mixture."""
        y = self.norm(self.convolution(x))
        if self.steering is not None and voice is not None:
            # The entries of a vector of norm 1 are small, and so would be their effect.
            scale, shift = jnp.split(self.steering(voice * len(voice) ** 0.5), 2)
            y = y * (1 + scale) + shift
        return x + jax.nn.relu(y)


class VoiceEncoder(eqx.Module):
    """Vector of a voice, from a cue: (n_samples,) -> (n_voice,), of norm 1.

    Convolutions over levels, whose mean over the cue is removed; then mean and deviation over the
    frames that are valid and not silent.
    """

    first: Linear
    layers: list[DilatedLayer]
    last: Linear
    n_fft: int = eqx.field(static=True)

    def __init__(self, n_fft: int, n_channels: int, n_voice: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key, 5)
        self.first = Linear(n_fft // 2 + 1, n_channels, key=keys[0])
        self.layers = [DilatedLayer(n_channels, 2**i, 0, key=keys[1 + i]) for i in range(3)]
        self.last = Linear(2 * n_channels, n_voice, key=keys[4])
        self.n_fft = n_fft

    def __call__(self, cue: jax.Array, n_valid: jax.Array) -> jax.Array:
        """Encode the first `n_valid` samples of a waveform, whatever comes after them."""
        cue = jnp.where(jnp.arange(len(cue)) < n_valid, cue, 0)
        z = spectra(cue, self.n_fft)
        power = jnp.square(z).sum(1)
        # Frames before the first and after the last whole one are neither heard nor counted.
        last = n_valid // (self.n_fft // 2)
        frame = jnp.arange(len(z))
        heard = (frame > 0) & (frame < last) & (power.mean(1) > 1e-2)
        heard = jnp.where(heard.any(), heard, (frame >= 0) & (frame <= last))[:, None]
        h = jnp.where(heard, self.first(0.5 * jnp.log(power + _SILENT)), 0)
        for layer in self.layers:
            h = jnp.where(heard, layer(h), 0)
        n = heard.sum()
        mean = h.sum(0) / n
        deviation = jnp.sqrt(jnp.where(heard, jnp.square(h - mean), 0).sum(0) / n + 1e-5)
        v = self.last(jnp.concatenate([mean, deviation]))
        return v * lax.rsqrt(jnp.square(v).sum() + 1e-8)


class SelectionNetwork(eqx.Module):
    """Select voices from a mixture.

    The first layers hear the mixture only, once for all voices; in the later ones a voice scales
    and shifts the features of each layer [1]_. The result is a complex mask of the spectrum.

    Parameters
    ----------
    n_fft : int
        Length of a frame in samples; frames overlap by half.
    n_channels : int
        Number of features of a layer.
    n_shared, n_steered : int
        Number of layers before, and with, the voice.
    n_voice : int
        Length of the vector of a voice.
    n_talkers : int
        Number of training voices that the vectors have to tell apart.
    n_cue_channels : int
        Number of features in the encoder of voices.
    key : jax.Array
        Random key of the initial weights.

    References
    ----------
    .. [1] Perez, Strub, de Vries, Dumoulin & Courville (2018), "FiLM: visual reasoning with a
       general conditioning layer", AAAI 32, https://doi.org/10.48550/arXiv.1709.07871.
    """

    encoder: VoiceEncoder
    talkers: jax.Array
    first: Linear
    shared: list[DilatedLayer]
    steered: list[DilatedLayer]
    mask: Linear
    present: Linear
    n_fft: int = eqx.field(static=True)

    def __init__(
        self, n_fft: int, n_channels: int, n_shared: int, n_steered: int, n_voice: int,
        n_talkers: int, n_cue_channels: int, *, key: jax.Array,
    ) -> None:  # fmt: skip
        n_freqs, n_layers = n_fft // 2 + 1, n_shared + n_steered
        keys = jax.random.split(key, n_layers + 5)
        self.encoder = VoiceEncoder(n_fft, n_cue_channels, n_voice, key=keys[0])
        self.talkers = jax.random.normal(keys[1], (n_talkers, n_voice)) * n_voice**-0.5
        self.first = Linear(3 * n_freqs, n_channels, key=keys[2])
        layers = [
            DilatedLayer(n_channels, 2 ** (i % 4), n_voice * (i >= n_shared), key=keys[5 + i])
            for i in range(n_layers)
        ]
        self.shared, self.steered = layers[:n_shared], layers[n_shared:]
        mask = Linear(n_channels, 2 * n_freqs, key=keys[3])
        # An untrained network lets half of the mixture through.
        bias = jnp.concatenate([jnp.full(n_freqs, 0.5), jnp.zeros(n_freqs)])
        self.mask = eqx.tree_at(lambda m: m.bias, mask, bias)
        self.present = Linear(n_channels + 1, 1, key=keys[4])
        self.n_fft = n_fft

    @property
    def context(self) -> int:
        """Samples that the result looks to each side."""
        dilations = [layer.convolution.dilation[0] for layer in (*self.shared, *self.steered)]
        return (sum(dilations) + 2) * self.n_fft // 2

    def voice(self, cue: jax.Array, n_valid: jax.Array) -> jax.Array:
        """Encode a voice, (n_voice,) of norm 1, from the first `n_valid` samples of a cue.

        The cue has a mean power of 1.
        """
        return self.encoder(cue, n_valid)

    def __call__(self, mixture: jax.Array, voices: jax.Array) -> Selected:
        """Select voices of shape (n_voices, n_voice) from a mixture of mean power 1."""
        z = spectra(mixture, self.n_fft)
        power = jnp.square(z).sum(1) + _SILENT
        # Magnitudes to the power .3 keep soft bins within sight of the loud ones.
        compressed = z * power[:, None] ** -0.35
        x = jnp.concatenate([0.5 * jnp.log(power), compressed.reshape(len(z), -1)], axis=1)
        h = jax.nn.relu(self.first(x))
        for layer in self.shared:
            h = layer(h)

        def one(voice: jax.Array) -> Selected:
            y = h
            for layer in self.steered:
                y = layer(y, voice)
            m = self.mask(y).reshape(z.shape).astype(z.dtype)
            real = m[:, 0] * z[:, 0] - m[:, 1] * z[:, 1]
            imaginary = m[:, 0] * z[:, 1] + m[:, 1] * z[:, 0]
            selected = jnp.stack([real, imaginary], 1)
            # An absent voice is not let through; the mask must not change for that.
            kept = jnp.square(selected).sum((1, 2)) / jnp.square(z).sum((1, 2)).clip(_SILENT)
            share = lax.stop_gradient(jnp.log(kept + 1e-3))[:, None]
            presence = self.present(jnp.concatenate([y, share.astype(y.dtype)], 1))[:, 0]
            magnitude = jnp.sqrt(jnp.square(m).sum(1) + 1e-12)
            return Selected(waveform(selected, self.n_fft)[: len(mixture)], presence, magnitude)

        return jax.vmap(one)(voices)
