"""The published network: recurrent encoders, and attention over time and frequency."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.asam.network import Selected
from deep.asam.spectra import spectra, waveform
from deep.layers import BidirectionalLSTM, Linear

# Scales magnitudes of waveforms with a mean power of 1 to about the size of those of speech with
# a peak of 1.
_SCALE = 0.1
# Frames whose attention is computed at once.
_BLOCK = 32
# Seconds by which blocks of a long mixture overlap: the recurrence forgets in that time.
_OVERLAP = 1.0


def hard_sigmoid(x: jax.Array) -> jax.Array:
    """Gate of the paper's layers: a line with a slope of 0.2, cut at 0 and 1.

    `jax.nn.hard_sigmoid` has a slope of 1/6.
    """
    return jnp.clip(0.2 * x + 0.5, 0, 1)


class Perceptor(eqx.Module):
    """Voice of a cue by two recurrent layers and a mean over frames: (n_samples,) -> (n_voice,).

    The layers have half of `n_voice` units in each direction.
    """

    layers: list[BidirectionalLSTM]
    n_fft: int = eqx.field(static=True)

    def __init__(self, n_fft: int, n_voice: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        sizes = (n_fft // 2 + 1, n_voice)
        self.layers = [
            BidirectionalLSTM(size, n_voice // 2, hard_sigmoid, key=k)
            for size, k in zip(sizes, keys, strict=True)
        ]
        self.n_fft = n_fft

    def __call__(self, cue: jax.Array, n_valid: jax.Array) -> jax.Array:
        """Encode the first `n_valid` samples of a waveform; silent frames are skipped."""
        cue = jnp.where(jnp.arange(len(cue)) < n_valid, cue, 0)
        x = magnitudes(cue, self.n_fft)
        mask = (x > 0).any(1)
        for layer in self.layers:
            x = layer(x, mask)
        v = jnp.where(mask[:, None], x, 0).sum(0) / jnp.maximum(mask.sum(), 1)
        return v * lax.rsqrt(jnp.square(v).sum() + 1e-8)


class PaperNetwork(eqx.Module):
    """Select voices by a mask between 0 and 1 on the magnitudes of the mixture [1]_.

    Two recurrent layers of `n_channels` units in each direction give each bin of time and frequency
    a vector ``h``; its attention is ``sigmoid(g . tanh(W v + U h))`` for the voice ``v``. Both
    vectors have the even length `n_voice`. The phase is that of the mixture; frames of `n_fft`
    samples overlap by half.

    The vectors of all bins are too many to be kept for the gradient: they are recomputed, block by
    block.

    References
    ----------
    .. [1] Xu, Shi, Liu, Chen & Xu (2018), "Modeling attention and memory for auditory selection in
       a cocktail party environment", Proceedings of the AAAI Conference on Artificial
       Intelligence 32.
    """

    encoder: Perceptor
    layers: list[BidirectionalLSTM]
    embedding: Linear
    of_voice: jax.Array
    of_bin: jax.Array
    score: jax.Array
    n_fft: int = eqx.field(static=True)
    context: int = eqx.field(static=True)

    def __init__(
        self, n_fft: int, n_channels: int, n_voice: int, sfreq: float, *, key: jax.Array
    ) -> None:
        n_freqs = n_fft // 2 + 1
        keys = jax.random.split(key, 7)
        self.encoder = Perceptor(n_fft, n_voice, key=keys[0])
        self.layers = [
            BidirectionalLSTM(size, n_channels, hard_sigmoid, key=k)
            for size, k in zip((n_freqs, 2 * n_channels), keys[1:3], strict=True)
        ]
        glorot = jax.nn.initializers.glorot_uniform()
        dense = Linear(2 * n_channels, n_freqs * n_voice, key=keys[3])
        start = glorot(keys[3], dense.weight.shape), jnp.zeros_like(dense.bias)
        self.embedding = eqx.tree_at(lambda d: (d.weight, d.bias), dense, start)
        self.of_voice, self.of_bin = (glorot(k, (n_voice, n_voice)) for k in keys[4:6])
        self.score = glorot(keys[6], (n_voice, 1))[:, 0]
        self.n_fft = n_fft
        self.context = int(-(-_OVERLAP * sfreq // (n_fft // 2)) * (n_fft // 2))

    def voice(self, cue: jax.Array, n_valid: jax.Array) -> jax.Array:
        """Encode a voice, (n_voice,) of norm 1, from the first `n_valid` samples of a cue.

        The cue has a mean power of 1.
        """
        return self.encoder(cue, n_valid)

    def magnitude(self, x: jax.Array) -> jax.Array:
        """Compute the magnitudes of a waveform that the loss compares, (n_frames, n_freqs)."""
        return magnitudes(x, self.n_fft)

    def __call__(self, mixture: jax.Array, voices: jax.Array) -> Selected:
        """Select voices of shape (n_voices, n_voice) from a mixture of mean power 1."""
        z = spectra(mixture, self.n_fft)
        x = _magnitudes(z)
        mask = (x > 0).any(1)
        y = x
        for layer in self.layers:
            y = layer(y, mask)
        alpha = self._attention(y, voices @ self.of_voice)
        waveforms = jax.vmap(lambda a: waveform(a[:, None] * z, self.n_fft)[: len(mixture)])(alpha)
        # The paper has no measure of presence; here it is whether more than half is let through.
        share = (alpha * jnp.square(x)).sum(-1) / (jnp.square(x).sum(-1) + 1e-8)
        share = jnp.clip(share, 1e-4, 1 - 1e-4)
        return Selected(waveforms, jnp.log(share / (1 - share)), alpha)

    def _attention(self, y: jax.Array, queries: jax.Array) -> jax.Array:
        """Masks of shape (n_voices, n_frames, n_freqs)."""

        @jax.checkpoint
        def of_block(model: Any, rows: jax.Array, queries: jax.Array) -> jax.Array:
            h = jnp.tanh(model.embedding(rows)).reshape(len(rows), -1, len(model.score))
            keys = h @ model.of_bin
            return jax.vmap(lambda q: jax.nn.sigmoid(jnp.tanh(q + keys) @ model.score))(queries)

        n = len(y)
        padded = jnp.pad(y, ((0, -n % _BLOCK), (0, 0))).reshape(-1, _BLOCK, y.shape[1])
        blocks = lax.map(lambda rows: of_block(self, rows, queries), padded)
        return jnp.moveaxis(blocks, 0, 1).reshape(len(queries), -1, blocks.shape[-1])[:, :n]


def magnitudes(x: jax.Array, n_fft: int) -> jax.Array:
    """Compute the magnitudes of a waveform of mean power 1, (n_frames, n_freqs); 0 where it is."""
    return _magnitudes(spectra(x, n_fft))


def _magnitudes(z: jax.Array) -> jax.Array:
    power = jnp.square(z).sum(1)
    # Not the root of zero, whose gradient is NaN.
    return _SCALE * jnp.where(power > 0, jnp.sqrt(jnp.where(power > 0, power, 1.0)), 0.0)
