"""Networks for comparison, which reconstruct the envelope and embed nothing."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from deep.layers import Conv1d, LayerNorm, Linear
from deep.siglip.networks.thesis import Views

# Its constructor comes from a base class, where mypy does not look.
_conv: Any = Conv1d


def as_views(reconstruction: jax.Array, features: jax.Array) -> Views:
    """Make the reconstruction, (n_times,), the embedding, and the envelope that of a sound.

    `features` have shape (n_stimuli, n_times, n_features), the envelope first: the similarity is
    the correlation of reconstruction and envelope.
    """
    return Views(reconstruction[:, None], features[:, :, :1], reconstruction)


class LinearHead(eqx.Module):
    """One convolution over the lags, trained by gradient: a linear backward model.

    `temperature` and `bias` are the initial factor of the similarity, and what is subtracted.
    """

    inputs: ClassVar[tuple[str, ...]] = ("eeg", "features")
    per_feature: ClassVar[bool] = True
    unit_windows: ClassVar[bool] = False
    #: Parts that the contrast alone trains.
    contrasted: ClassVar[tuple[str, ...]] = ("log_temperature", "bias")

    filters: Conv1d
    log_temperature: jax.Array
    bias: jax.Array

    def __init__(
        self,
        n_channels: int,
        n_lags: int,
        *,
        temperature: float = 5.0,
        bias: float = 2.0,
        key: jax.Array,
    ) -> None:
        self.filters = _conv(n_channels, 1, n_lags, padding=0, key=key)
        self.log_temperature = jnp.log(jnp.float32(temperature))
        self.bias = -jnp.float32(bias)

    def __call__(
        self, eeg: jax.Array, features: jax.Array, *, state: Any, key: Any = None
    ) -> tuple[Views, Any]:
        """Reconstruct from EEG (n_times + n_lags - 1, n_channels)."""
        return as_views(self.filters(eeg)[:, 0], features), state


class VlaaiBlock(eqx.Module):
    """Convolutions with norms, a map of the features, and a convolution over the lags.

    The `n_channels` of the EEG stay; the first convolutions have `n_hidden` features, the last
    `n_lags` samples.
    """

    convolutions: list[Conv1d]
    norms: list[LayerNorm]
    dense: Linear
    context: Conv1d
    last_norm: LayerNorm

    def __init__(self, n_channels: int, n_hidden: int, n_lags: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key, 4)
        self.convolutions = [
            _conv(n_channels, n_hidden, 5, key=keys[0]),
            _conv(n_hidden, n_hidden, 5, key=keys[1]),
        ]
        self.norms = [LayerNorm(n_hidden), LayerNorm(n_hidden)]
        self.dense = Linear(n_hidden, n_channels, key=keys[2])
        self.context = _conv(n_channels, n_channels, n_lags, padding=0, key=keys[3])
        self.last_norm = LayerNorm(n_channels)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Refine, (n_times, n_channels), same shape."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = jax.nn.leaky_relu(norm(convolution(x)))
        x = self.dense(x)
        ahead = self.context.weight.shape[0] - 1
        x = self.context(jnp.pad(x, ((0, ahead), (0, 0))))
        return jax.nn.leaky_relu(self.last_norm(x))


class SmallVlaai(eqx.Module):
    """A small relative of VLAAI [1]_: blocks that refine the EEG, then a linear map.

    Two blocks of few filters take the place of four large ones. The arguments are those of
    `VlaaiBlock` and `LinearHead`; `dropout` silences a share of the values between the blocks.

    References
    ----------
    .. [1] Accou et al. (2023), "Decoding of the speech envelope from EEG using the VLAAI deep
       neural network", Scientific Reports 13, https://doi.org/10.1038/s41598-022-27332-2.
    """

    inputs: ClassVar[tuple[str, ...]] = ("eeg", "features")
    per_feature: ClassVar[bool] = True
    unit_windows: ClassVar[bool] = False
    #: Parts that the contrast alone trains.
    contrasted: ClassVar[tuple[str, ...]] = ("log_temperature", "bias")

    blocks: list[VlaaiBlock]
    last: Linear
    dropout: eqx.nn.Dropout
    log_temperature: jax.Array
    bias: jax.Array

    def __init__(
        self,
        n_channels: int,
        n_lags: int,
        *,
        n_hidden: int = 16,
        dropout: float = 0.3,
        temperature: float = 5.0,
        bias: float = 2.0,
        key: jax.Array,
    ) -> None:
        keys = jax.random.split(key, 3)
        self.blocks = [
            VlaaiBlock(n_channels, n_hidden, n_lags, key=block_key) for block_key in keys[:2]
        ]
        self.last = Linear(n_channels, 1, key=keys[2])
        self.dropout = eqx.nn.Dropout(dropout)
        self.log_temperature = jnp.log(jnp.float32(temperature))
        self.bias = -jnp.float32(bias)

    def __call__(
        self, eeg: jax.Array, features: jax.Array, *, state: Any, key: Any = None
    ) -> tuple[Views, Any]:
        """Reconstruct from EEG (n_times + n_lags - 1, n_channels)."""
        keys = [None] * 2 if key is None else jax.random.split(key)
        x = eeg + self.dropout(self.blocks[0](eeg), key=keys[0])
        x = self.dropout(self.blocks[1](x), key=keys[1])
        return as_views(self.last(x)[: features.shape[1], 0], features), state
