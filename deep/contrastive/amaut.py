"""AMAuT: a residual network over time, and a transformer on its tokens."""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.audio.log_mel import LogMel
from deep.contrastive.amaut_parts import (
    Bottleneck,
    EndsHead,
    MeanHead,
    StandardisedConv,
    TransformerBlock,
)
from deep.layers import BatchNorm, LayerNorm, Linear


@dataclass(frozen=True)
class Preset:
    """Shape of an AMAuT at its full width.

    Attributes
    ----------
    width : int
        Features after the first convolution.
    depths : tuple of int
        Blocks of each stage, besides the one that widens it.
    head : {"mean", "ends"}
        Whether the head sees the mean of all tokens, or the first and the last.
    n_features, n_blocks, n_heads, n_hidden : int
        Those of the transformer.
    """

    width: int
    depths: tuple[int, ...]
    head: str
    n_features: int = 768
    n_blocks: int = 12
    n_heads: int = 12
    n_hidden: int = 3072


#: The published shapes for words, voices and scenes, and one for a processor.
AMAUT = {
    "amaut-words": Preset(128, (6, 12), "mean"),
    "amaut-voices": Preset(64, (6, 4, 8), "ends"),
    "amaut-scenes": Preset(64, (6, 4, 12), "ends"),
    "amaut-small": Preset(16, (1, 1), "mean", 64, 2, 4, 128),
}


class AMAuT(eqx.Module):
    """Encoder of AMAuT: (n_samples,) -> (n_embedding,).

    Log-mel spectrogram in decibels over 40; a residual network over time in which bands are
    features; one token per time, with a class token first and a tail token last and learnt
    positions; a transformer; and a head on its tokens.

    Parameters
    ----------
    backbone : str
        Name in `AMAUT`.
    front : dict
        Arguments of `deep.audio.log_mel.LogMel`.
    n_samples : int
        Length of a clip, which decides the number of positions.
    width : float
        Factor of the numbers of features; of the transformer, rounded to a multiple of its heads.
    dropout : float
        Share of values set to zero in training; the published networks had 0.15.
    original : bool
        As in the published code, see `TransformerBlock`; the head has no non-linearity then.
    key : jax.Array
        Random key of the initial weights.
    """

    front: LogMel
    first: StandardisedConv
    first_norm: BatchNorm
    blocks: list[Bottleneck]
    dense: Linear
    tokens: jax.Array
    positions: jax.Array
    transformer: list[TransformerBlock]
    norm: LayerNorm
    head: Any
    dropouts: list[eqx.nn.Dropout]
    original: bool = eqx.field(static=True)

    def __init__(
        self, backbone: str, front: dict[str, Any], n_samples: int, width: float = 1.0,
        dropout: float = 0.15, original: bool = False, *, key: jax.Array,
    ) -> None:  # fmt: skip
        preset = AMAUT[backbone]
        keys = iter(
            jax.random.split(key, sum(preset.depths) + len(preset.depths) + preset.n_blocks + 5)
        )
        self.front = LogMel(**front)
        n = max(round(width * preset.width), 4)
        self.first = StandardisedConv(self.front.n_mels, n, 14, 2, 6, key=next(keys))
        self.first_norm = BatchNorm(n, 1e-6)
        self.blocks, n_inputs, n_middle, n_outputs = [], n, n, 4 * n
        for stage, depth in enumerate(preset.depths):
            if stage:
                n_inputs, n_middle, n_outputs = n_outputs, n_outputs // 2, 2 * n_outputs
            for i in range(1 + depth):
                inputs = n_outputs if i else n_inputs
                stride = 2 if stage and not i else 1
                self.blocks.append(
                    Bottleneck(inputs, n_middle, n_outputs, stride, not i, key=next(keys))
                )
        size = max(round(width * preset.n_features / preset.n_heads), 1) * preset.n_heads
        self.dense = Linear(n_outputs, size, key=next(keys))
        self.tokens = 0.02 * jax.random.normal(next(keys), (2, size))
        n_tokens = 2 + n_tokens_of(n_samples, self.front.hop, len(preset.depths))
        self.positions = 0.02 * jax.random.normal(next(keys), (n_tokens, size))
        hidden = max(round(width * preset.n_hidden), size)
        self.transformer = [
            TransformerBlock(size, preset.n_heads, hidden, dropout, original, key=next(keys))
            for _ in range(preset.n_blocks)
        ]
        self.norm = LayerNorm(size, 1e-6)
        kind = MeanHead if preset.head == "mean" else EndsHead
        self.head = kind(size, width, key=next(keys))
        self.dropouts = [eqx.nn.Dropout(dropout)]
        self.original = original

    @property
    def n_embedding(self) -> int:
        """Size of the embedding."""
        return int(self.head.n_outputs)

    def __call__(
        self, x: jax.Array, *, state: eqx.nn.State, key: jax.Array | None = None, source: Any = None
    ) -> tuple[jax.Array, eqx.nn.State]:
        """Embed a waveform."""
        return self.embed(self.front(x), state=state, key=key, source=source)

    def embed(
        self, x: jax.Array, *, state: eqx.nn.State, key: jax.Array | None = None, source: Any = None
    ) -> tuple[jax.Array, eqx.nn.State]:
        """Embed a spectrogram from `front`, (n_frames, n_mels): (n_embedding,), and the new state.

        `state` holds the statistics of the batch norms, which `source` chooses, see
        `deep.layers.BatchNorm`; the key is for the dropout.
        """
        n = len(self.transformer) + 1
        keys = n * [None] if key is None else list(jax.random.split(key, n))
        # 80 dB below the loudest is silence.
        x = jnp.maximum(x - x.max(), -80) / 40
        x, state = self.first_norm(self.first(x), state, source)
        x = _max_pool(jax.nn.relu(x), 6, 2, 2)
        for block in self.blocks:
            x, state = block(x, state, source)
        x = jnp.concatenate([self.tokens[:1], self.dense(x), self.tokens[1:]])
        x = self.dropouts[0](x + self.positions, key=keys[-1])
        for layer, k in zip(self.transformer, keys, strict=False):
            x = layer(x, k)
        return self.head(self.norm(x), state, source, self.original)


def n_tokens_of(n_samples: int, hop: int, n_stages: int) -> int:
    """Count the tokens of a clip, without the two at its ends; none if the clip is too short.

    `n_samples` and `hop`, the distance of frames, count samples; `n_stages` those of the residual
    network.

    Examples
    --------
    >>> n_tokens_of(16000, 155, 2), n_tokens_of(160000, 154, 3), n_tokens_of(441000, 300, 3)
    (13, 65, 92)
    """
    n = n_samples // hop + 1
    n = (n + 2 * 6 - 14) // 2 + 1
    n = (n + 2 * 2 - 6) // 2 + 1
    for _ in range(n_stages - 1):
        n = (n - 1) // 2 + 1
    return n


def _max_pool(x: jax.Array, size: int, stride: int, padding: int) -> jax.Array:
    pooled: jax.Array = lax.reduce_window(
        x, -jnp.inf, lax.max, (size, 1), (stride, 1), [(padding, padding), (0, 0)]
    )
    return pooled
