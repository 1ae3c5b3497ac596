"""Convolutional networks of PANNs: CNN6, CNN10 and CNN14, on log-mel spectrograms."""

import math
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax

from deep.audio.log_mel import LogMel
from deep.layers import BatchNorm, Conv2d, Linear
from deep.layers.pooling import average_pool, mean_and_max

#: Number of classes of AudioSet, which the published weights tag.
N_TAGS = 527


@dataclass(frozen=True)
class Backbone:
    """Shape of a network at its full width.

    Attributes
    ----------
    channels : tuple of int
        Features after each block.
    size : int
        Height and width of the kernels.
    n_convolutions : int
        Convolutions in a block.
    last_pool : tuple of int
        Pooling of the last block; that of all others is (2, 2).
    """

    channels: tuple[int, ...]
    size: int
    n_convolutions: int
    last_pool: tuple[int, int] = (2, 2)

    @property
    def n_halvings(self) -> int:
        """Number of times that time and frequency are halved: a clip needs 2 ** n frames."""
        return len(self.channels) - (self.last_pool == (1, 1))


BACKBONES = {
    "cnn6": Backbone((64, 128, 256, 512), 5, 1),
    "cnn10": Backbone((64, 128, 256, 512), 3, 2),
    "cnn14": Backbone((64, 128, 256, 512, 1024, 2048), 3, 2, (1, 1)),
}


class ConvBlock(eqx.Module):
    """Convolutions with batch norm and ReLU, then average pooling.

    Kernels have the odd height and width `size`; `pool` counts times and frequencies.
    """

    convolutions: list[Conv2d]
    norms: list[BatchNorm]
    pool: tuple[int, int] = eqx.field(static=True)

    def __init__(
        self, n_inputs: int, n_outputs: int, size: int, n_convolutions: int,
        pool: tuple[int, int], *, key: jax.Array,
    ) -> None:  # fmt: skip
        inputs = [n_inputs] + (n_convolutions - 1) * [n_outputs]
        keys = jax.random.split(key, n_convolutions)
        self.convolutions = [
            Conv2d(n, n_outputs, size, use_bias=False, key=k)  # type: ignore[call-arg, arg-type]
            for n, k in zip(inputs, keys, strict=True)
        ]
        self.norms = [BatchNorm(n_outputs) for _ in inputs]
        self.pool = pool

    def __call__(self, x: jax.Array, state: eqx.nn.State, source: Any = None) -> Any:
        """Convolve (n_times, n_freqs, n_inputs), and pool."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x, state = norm(convolution(x), state, source)
            x = jax.nn.relu(x)
        return average_pool(x, self.pool), state


class PANNs(eqx.Module):
    """A network of PANNs [1]_: (n_samples,) -> (n_embedding,).

    Log-mel spectrogram, batch norm of each mel band, blocks of convolutions, mean over frequencies,
    mean and largest value over times, and a linear layer with ReLU. With tags there is one more
    linear layer and a sigmoid for them, see `tag`.

    Parameters
    ----------
    backbone : {"cnn6", "cnn10", "cnn14"}
        Which network.
    front : dict
        Arguments of `deep.audio.log_mel.LogMel`.
    width : float
        Factor of the numbers of features; 1 for the published network.
    n_tags : int
        Number of tags; 0 for none.
    dropout : float
        Share of values set to zero in training after each block; 2.5 times as many before and after
        the linear layer. The published networks were trained with 0.2.
    key : jax.Array
        Random key of the initial weights.

    References
    ----------
    .. [1] Kong et al. (2020), "PANNs: large-scale pretrained audio neural networks for audio
       pattern recognition", IEEE/ACM TASLP 28, https://doi.org/10.1109/TASLP.2020.3030497.
    """

    front: LogMel
    norm: BatchNorm
    blocks: list[ConvBlock]
    dense: Linear
    tags: Linear | None
    dropouts: list[eqx.nn.Dropout]

    def __init__(
        self, backbone: str, front: dict[str, Any], width: float = 1.0, n_tags: int = 0,
        dropout: float = 0.2, *, key: jax.Array,
    ) -> None:  # fmt: skip
        shape = BACKBONES[backbone]
        channels = [max(round(width * n), 4) for n in shape.channels]
        keys = jax.random.split(key, len(channels) + 2)
        self.front = LogMel(**front)
        self.norm = BatchNorm(self.front.n_mels)
        pools = (len(channels) - 1) * [(2, 2)] + [shape.last_pool]
        self.blocks = [
            ConvBlock(n, m, shape.size, shape.n_convolutions, pool, key=k)
            for n, m, pool, k in zip([1, *channels], channels, pools, keys, strict=False)
        ]
        self.dense = Linear(channels[-1], channels[-1], key=keys[-2])
        self.tags = Linear(channels[-1], n_tags, key=keys[-1]) if n_tags else None
        shares = [*len(channels) * [dropout], *2 * [min(2.5 * dropout, 0.9)]]
        self.dropouts = [eqx.nn.Dropout(share) for share in shares]

    @property
    def n_embedding(self) -> int:
        """Size of the embedding."""
        return int(self.dense.bias.shape[0])

    def __call__(
        self, x: jax.Array, *, state: eqx.nn.State, key: jax.Array | None = None, source: Any = None
    ) -> tuple[jax.Array, eqx.nn.State]:
        """Embed a waveform."""
        return self.embed(self.front(x), state=state, key=key, source=source)

    def embed(
        self, x: jax.Array, *, state: eqx.nn.State, key: jax.Array | None = None, source: Any = None
    ) -> tuple[jax.Array, eqx.nn.State]:
        """Embed a spectrogram from `front`, (n_frames, n_mels): (n_embedding,), and the new state.

        The embedding is not negative. `state` holds the statistics of the batch norms, which
        `source` chooses, see `deep.layers.BatchNorm`; the key is for the dropout.
        """
        keys = len(self.dropouts) * [None] if key is None else list(
            jax.random.split(key, len(self.dropouts))
        )  # fmt: skip
        x, state = self.norm(x, state, source)
        x = x[..., None]
        for block, dropout, k in zip(self.blocks, self.dropouts, keys, strict=False):
            x, state = block(x, state, source)
            x = dropout(x, key=k)
        x = self.dropouts[-2](mean_and_max(x), key=keys[-2])
        x = jax.nn.relu(self.dense(x))
        return self.dropouts[-1](x, key=keys[-1]), state

    def tag(self, embedding: jax.Array) -> jax.Array:
        """Give the probability of each tag, (..., n_tags), from embeddings, (..., n_embedding).

        Each is decided separately. Raises `ValueError` if the network has no layer for tags.
        """
        if self.tags is None:
            raise ValueError("this network has no layer for tags")
        return jax.nn.sigmoid(self.tags(embedding))


def front_of(sfreq: float, published: bool = False) -> dict[str, Any]:
    """Choose the arguments of `deep.audio.log_mel.LogMel` for a sampling rate in hertz.

    `published` chooses those of the published weights, for 32 or 16 kHz (`ValueError` for any other
    rate); else frames of the same duration at any rate, with bands up to half of it.

    Examples
    --------
    >>> front_of(32000, published=True)["hop"], front_of(8000)["hop"], front_of(8000)["f_max"]
    (320, 80, 4000.0)
    """
    if published:
        if sfreq not in (32000, 16000):
            raise ValueError(f"published weights are for 32 or 16 kHz, got {sfreq:g} Hz")
        n_fft, hop, f_max = (1024, 320, 14000) if sfreq == 32000 else (512, 160, 8000)
        return {
            "sfreq": sfreq,
            "n_fft": n_fft,
            "hop": hop,
            "n_mels": 64,
            "f_min": 50,
            "f_max": f_max,
        }
    n_fft = 2 ** round(math.log2(sfreq * 0.032))
    # Bands no narrower than the bins of a frame.
    n_mels = 64 if n_fft >= 512 else 40
    return {
        "sfreq": sfreq, "n_fft": n_fft, "hop": round(sfreq * 0.01), "n_mels": n_mels, "f_min": 50,
        "f_max": min(14000, sfreq / 2),
    }  # fmt: skip
