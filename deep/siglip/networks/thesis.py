"""The network of the thesis: encoders of EEG and envelopes, and a reconstructor of the envelope."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from deep.layers import Conv1d, InstanceNorm, MultiHeadAttention, SubjectLayer

# Its constructor comes from a base class, where mypy does not look.
_conv: Any = Conv1d


class Views(NamedTuple):
    """Outputs of a network for a window: two embeddings and the reconstructed envelope, (n_times,).

    `eeg` has shape (n_times, n_embedding), `sounds` (n_stimuli, n_times, n_embedding).
    """

    eeg: jax.Array
    sounds: jax.Array
    reconstruction: jax.Array


class Block(eqx.Module):
    """Convolution of `size` samples and attention over time, dropout, instance norm: same shape.

    With `skip` the input is added to the output; with `dropout_last` the dropout comes after the
    norm; `activation` is applied to the convolution.
    """

    convolution: Conv1d
    attention: MultiHeadAttention
    norm: InstanceNorm
    dropout: eqx.nn.Dropout
    skip: bool = eqx.field(static=True)
    dropout_last: bool = eqx.field(static=True)
    activation: Callable[[jax.Array], jax.Array] | None = eqx.field(static=True)

    def __init__(
        self,
        n_features: int,
        size: int,
        n_heads: int,
        dropout: float,
        *,
        skip: bool = False,
        dropout_last: bool = False,
        activation: Callable[[jax.Array], jax.Array] | None = None,
        key: jax.Array,
    ) -> None:
        keys = jax.random.split(key)
        self.convolution = _conv(n_features, n_features, size, key=keys[0])
        self.attention = MultiHeadAttention(n_features, n_heads, key=keys[1])
        self.norm = InstanceNorm()
        self.dropout = eqx.nn.Dropout(dropout)
        self.skip, self.dropout_last, self.activation = skip, dropout_last, activation

    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Mix the times."""
        y = self.convolution(x)
        if self.activation is not None:
            y = self.activation(y)
        y = y + self.attention(y)
        if self.dropout_last:
            y = self.dropout(self.norm(y), key=key)
        else:
            y = self.norm(self.dropout(y, key=key))
        return x + y if self.skip else y


class Stack(eqx.Module):
    """A convolution of `size` samples, blocks, and a map of the features at each time.

    (n_times, n_inputs) -> (n_times, n_outputs), with `n_features` in between. `kernels` are the
    lengths of the blocks' convolutions in samples; see `Block` for the other arguments.
    """

    first: Conv1d
    blocks: list[Block]
    last: Conv1d

    def __init__(
        self,
        n_inputs: int,
        n_features: int,
        n_outputs: int,
        size: int,
        kernels: Sequence[int],
        n_heads: int,
        dropout: float,
        *,
        key: jax.Array,
        **block: Any,
    ) -> None:
        keys = jax.random.split(key, len(kernels) + 2)
        self.first = _conv(n_inputs, n_features, size, key=keys[0])
        self.blocks = [
            Block(n_features, kernel, n_heads, dropout, key=layer_key, **block)
            for kernel, layer_key in zip(kernels, keys[2:], strict=True)
        ]
        self.last = _conv(n_features, n_outputs, 1, key=keys[1])

    def __call__(self, x: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Encode a window."""
        keys = [None] * len(self.blocks) if key is None else jax.random.split(key, len(self.blocks))
        x = self.first(x)
        for block, layer_key in zip(self.blocks, keys, strict=True):
            x = block(x, layer_key)
        return self.last(x)


class ThesisNetwork(eqx.Module):
    """Two encoders whose embeddings agree where EEG and sound belong together [1]_, [2]_.

    The reconstructor makes the envelope from the embedding of the EEG. As in the thesis, only the
    output of the reconstructor has a pointwise non-linearity, unless `activate` applies GELU to the
    convolutions of the blocks. All convolutions keep the length.

    Parameters
    ----------
    n_channels, n_bands : int
        Numbers of EEG channels and of features of a stimulus.
    n_subjects : int
        Number of training subjects; one more matrix is that of the average subject.
    n_embedding, n_reconstructor : int
        Features of an embedding, and within the reconstructor.
    kernels : sequence of int
        Lengths of the kernels in samples; the reconstructor has them in reverse order.
    n_heads : int
        Number of attention heads.
    eeg_dropout, sound_dropout, reconstructor_dropout : float
        Shares of the values that are set to zero in training.
    average : float
        Share of the training examples that train the average subject.
    temperature, bias : float
        Initial factor of the similarity, and what is subtracted.
    activate : bool
        Apply GELU to the convolutions of the blocks.
    key : jax.Array
        Random key of the initial weights.

    References
    ----------
    .. [1] Zhai et al. (2023), "Sigmoid loss for language image pre-training", ICCV,
       https://doi.org/10.1109/ICCV51070.2023.01100.
    .. [2] Défossez et al. (2023), "Decoding speech perception from non-invasive brain recordings",
       Nature Machine Intelligence 5, https://doi.org/10.1038/s42256-023-00714-5.

    Examples
    --------
    The configuration of the thesis has 259 275 parameters:

    >>> import equinox as eqx
    >>> import jax
    >>> from deep.training.trees import n_parameters
    >>> network, _ = eqx.nn.make_with_state(ThesisNetwork)(64, 33, 32, key=jax.random.key(0))
    >>> n_parameters(network)
    259275
    """

    #: Names of the arrays of a batch that the network takes.
    inputs: ClassVar[tuple[str, ...]] = ("eeg", "stimuli", "subject")
    #: Whether features of an embedding have means of their own.
    per_feature: ClassVar[bool] = False
    #: Whether every channel and band of a window is to have unit norm.
    unit_windows: ClassVar[bool] = True
    #: Parts that the contrast alone trains.
    contrasted: ClassVar[tuple[str, ...]] = ("sound_encoder", "log_temperature", "bias")

    subjects: SubjectLayer
    eeg_encoder: Stack
    sound_encoder: Stack
    reconstructor: Stack
    log_temperature: jax.Array
    bias: jax.Array

    def __init__(
        self,
        n_channels: int,
        n_bands: int,
        n_subjects: int,
        *,
        n_embedding: int = 8,
        n_reconstructor: int = 32,
        kernels: Sequence[int] = (30, 20, 40),
        n_heads: int = 2,
        eeg_dropout: float = 0.2,
        sound_dropout: float = 0.4,
        reconstructor_dropout: float = 0.2,
        average: float = 0.0,
        temperature: float = 10.0,
        bias: float = 10.0,
        activate: bool = False,
        key: jax.Array,
    ) -> None:
        keys = jax.random.split(key, 4)
        activation = jax.nn.gelu if activate else None
        kernels = list(kernels)
        self.subjects = SubjectLayer(n_subjects, n_channels, average, key=keys[0])
        self.eeg_encoder = Stack(
            n_channels, n_embedding, n_embedding, 3, kernels, n_heads, eeg_dropout,
            skip=True, activation=activation, key=keys[1],
        )  # fmt: skip
        self.sound_encoder = Stack(
            n_bands, n_embedding, n_embedding, 3, kernels, n_heads, sound_dropout,
            dropout_last=True, activation=activation, key=keys[2],
        )  # fmt: skip
        self.reconstructor = Stack(
            n_embedding, n_reconstructor, 1, 13, kernels[::-1], n_heads, reconstructor_dropout,
            activation=activation, key=keys[3],
        )  # fmt: skip
        self.log_temperature = jnp.log(jnp.float32(temperature))
        self.bias = -jnp.float32(bias)

    def __call__(
        self, eeg: jax.Array, stimuli: jax.Array, subject: jax.Array, *, state: Any, key: Any = None
    ) -> tuple[Views, Any]:
        """Embed EEG (n_times, n_channels) and stimuli (n_stimuli, n_times, n_bands)."""
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        embedding = self.eeg_encoder(self.subjects(eeg, subject, keys[0]), keys[1])
        n_stimuli = stimuli.shape[0]
        if keys[2] is None:
            sounds = jax.vmap(lambda x: self.sound_encoder(jax.nn.relu(x)))(stimuli)
        else:
            sounds = jax.vmap(lambda x, layer_key: self.sound_encoder(jax.nn.relu(x), layer_key))(
                stimuli, jax.random.split(keys[2], n_stimuli)
            )
        reconstruction = self.reconstructor(embedding, keys[3])[:, 0]
        reconstruction = jax.nn.gelu(reconstruction, approximate=False)
        return Views(embedding, sounds, reconstruction), state
