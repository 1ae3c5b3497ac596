"""Layers of AMAuT: convolutions with standardised weights, blocks and heads."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.layers import BatchNorm, LayerNorm, Linear, MultiHeadAttention
from deep.layers.linear import uniform

#: Outputs of the two layers of the head that averages tokens, at full width.
_HEAD = (2048, 256)


class StandardisedConv(eqx.Module):
    """Convolution over time with standardised weights [1]_: (n_times, n_inputs) -> (.., n_outputs).

    The weights of each output have mean 0 and variance 1 over inputs and times. The kernel has
    `size` samples; `padding` zeros are added on each side.

    References
    ----------
    .. [1] Qiao et al. (2019), "Micro-batch training with batch-channel normalization and weight
       standardization", https://doi.org/10.48550/arXiv.1903.10520.
    """

    weight: jax.Array
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True)

    def __init__(
        self, n_inputs: int, n_outputs: int, size: int, stride: int = 1, padding: int = 0, *,
        key: jax.Array,
    ) -> None:  # fmt: skip
        self.weight = uniform(key, (size, n_inputs, n_outputs), n_inputs * size)
        self.stride, self.padding = stride, padding

    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve."""
        w = self.weight
        w = (w - w.mean((0, 1))) * lax.rsqrt(w.var((0, 1)) + 1e-5)
        return lax.conv_general_dilated(
            x[None], w, (self.stride,), [(self.padding, self.padding)],
            dimension_numbers=("NWC", "WIO", "NWC"),
        )[0]  # fmt: skip


class Bottleneck(eqx.Module):
    """Residual block: narrower, over time, wider; (n_times, n_inputs) -> (..., n_outputs).

    `stride` is that of the convolution over time; with `widens` the shortcut is a convolution too.
    """

    convolutions: list[StandardisedConv]
    norms: list[BatchNorm]
    shortcut: StandardisedConv | None
    shortcut_norm: BatchNorm | None

    def __init__(
        self, n_inputs: int, n_middle: int, n_outputs: int, stride: int, widens: bool, *,
        key: jax.Array,
    ) -> None:  # fmt: skip
        keys = jax.random.split(key, 4)
        self.convolutions = [
            StandardisedConv(n_inputs, n_middle, 1, key=keys[0]),
            StandardisedConv(n_middle, n_middle, 7, stride, 3, key=keys[1]),
            StandardisedConv(n_middle, n_outputs, 1, key=keys[2]),
        ]
        self.norms = [BatchNorm(n, 1e-6) for n in (n_middle, n_middle, n_outputs)]
        self.shortcut = (
            StandardisedConv(n_inputs, n_outputs, 1, stride, key=keys[3]) if widens else None
        )
        self.shortcut_norm = BatchNorm(n_outputs, 1e-6) if widens else None

    def __call__(self, x: jax.Array, state: eqx.nn.State, source: Any = None) -> Any:
        """Add the output of the block to its input."""
        y = x
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            y, state = norm(convolution(y), state, source)
            y = jax.nn.relu(y) if i < 2 else y
        if self.shortcut is not None and self.shortcut_norm is not None:
            x, state = self.shortcut_norm(self.shortcut(x), state, source)
        return jax.nn.relu(x + y), state


class TransformerBlock(eqx.Module):
    """Attention and two layers with GELU, both with a normalisation before: same shape.

    `n_hidden` are the features between the two layers, `dropout` a share of values. `original` is
    as in the published code: the second normalisation is computed and then not used.
    """

    norms: list[LayerNorm]
    attention: MultiHeadAttention
    layers: list[Linear]
    dropout: eqx.nn.Dropout
    original: bool = eqx.field(static=True)

    def __init__(
        self, n_features: int, n_heads: int, n_hidden: int, dropout: float, original: bool, *,
        key: jax.Array,
    ) -> None:  # fmt: skip
        keys = jax.random.split(key, 3)
        self.norms = [LayerNorm(n_features, 1e-6) for _ in range(2)]
        self.attention = MultiHeadAttention(n_features, n_heads, key=keys[0])
        self.layers = [
            Linear(n_features, n_hidden, key=keys[1]), Linear(n_hidden, n_features, key=keys[2])
        ]  # fmt: skip
        self.dropout = eqx.nn.Dropout(dropout)
        self.original = original

    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Mix tokens, then features."""
        keys = [None, None] if key is None else list(jax.random.split(key))
        x = x + self.dropout(self.attention(self.norms[0](x)), key=keys[0])
        y = x if self.original else self.norms[1](x)
        y = self.layers[1](jax.nn.gelu(self.layers[0](y), approximate=False))
        return x + self.dropout(y, key=keys[1])


class MeanHead(eqx.Module):
    """Two layers on the mean of all tokens, (n_tokens, n_inputs), and a batch norm.

    `width` is a factor of the numbers of features.
    """

    layers: list[Linear]
    norm: BatchNorm

    def __init__(self, n_inputs: int, width: float, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        middle, last = (max(round(width * n), 4) for n in _HEAD)
        self.layers = [
            Linear(n_inputs, middle, key=keys[0]), Linear(middle, last, key=keys[1])
        ]  # fmt: skip
        self.norm = BatchNorm(last)

    @property
    def n_outputs(self) -> int:
        """Size of the embedding."""
        return int(self.layers[1].bias.shape[0])

    def __call__(self, x: jax.Array, state: Any, source: Any, original: bool) -> Any:
        """Embed tokens."""
        y = self.layers[0](x.mean(axis=0))
        y = self.layers[1](y if original else jax.nn.relu(y))
        return self.norm(y, state, source)


class EndsHead(eqx.Module):
    """A convolution along the features of the first and the last token, and a normalisation.

    `width` is not used: the size is that of the tokens.
    """

    weight: jax.Array
    bias: jax.Array
    norm: LayerNorm

    def __init__(self, n_inputs: int, width: float, *, key: jax.Array) -> None:
        self.weight = uniform(key, (15, 2, 1), 30)
        self.bias = jnp.zeros(1)
        self.norm = LayerNorm(n_inputs, 1e-6)

    @property
    def n_outputs(self) -> int:
        """Size of the embedding, that of a token."""
        return int(self.norm.bias.shape[0])

    def __call__(self, x: jax.Array, state: Any, source: Any, original: bool) -> Any:
        """Embed tokens."""
        ends = jnp.stack([x[0], x[-1]], axis=1)
        y = lax.conv_general_dilated(
            ends[None], self.weight, (1,), "SAME", dimension_numbers=("NWC", "WIO", "NWC")
        )
        return self.norm(y[0, :, 0] + self.bias), state
