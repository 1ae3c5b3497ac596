"""The default network: ridge models, and a small non-linear network that starts at zero."""

from operator import attrgetter
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from deep.layers import Conv1d, LayerNorm, Linear, SubjectLayer
from deep.siglip.networks.thesis import Views

# Its constructor comes from a base class, where mypy does not look.
_conv: Any = Conv1d

# Initial share of all features other than the envelope in an embedding.
_START = 0.3


class LaggedNetwork(eqx.Module):
    """Embeddings that begin as ridge regression and its target.

    The EEG comes with the predictions of ridge models for each feature of the sounds (see
    `linear_aad.lagged.group_ridge`). At the start embedding and reconstruction are those
    predictions and the features themselves, and similarity orders sounds nearly as the correlation
    of ridge regression does. Trained are the mixtures of predictions and of features, a network of
    the features, and a network of the EEG: the subject's mixture of channels, spatial filters, a
    norm over them at each time, GELU, and a convolution over the lags of the ridge models. The last
    layers of both start at zero. Only EEG within the lags takes part, so that a trial can be
    embedded as a whole and then be cut into windows of any length.

    Parameters
    ----------
    n_channels, n_features, n_subjects : int
        Numbers of EEG channels, of features of a sound (the envelope first) and of training
        subjects.
    n_lags : int
        Number of lags in samples.
    n_hidden : int
        Number of spatial filters, and of features within the network of the sound.
    dropout : float
        Share of the hidden values that are set to zero in training.
    eeg_gain : float
        Factor of what the network of the EEG adds, which slows its training down; 0 leaves it out.
    channel_dropout : float
        Share of the channels that are silenced in training.
    average : float
        Share of the training examples that train the average subject.
    temperature, bias : float
        Initial factor of the similarity, and what is subtracted.
    key : jax.Array
        Random key of the initial weights.
    """

    #: Names of the arrays of a batch that the network takes.
    inputs: ClassVar[tuple[str, ...]] = ("eeg", "features", "subject", "linear")
    #: Whether features of an embedding have means of their own.
    per_feature: ClassVar[bool] = True
    unit_windows: ClassVar[bool] = False
    #: Parts that the contrast alone trains, and those that an `eeg_gain` of 0 leaves out.
    contrasted: ClassVar[tuple[str, ...]] = (
        "mix_eeg", "mix_sound", "sound_in", "sound_out", "log_temperature", "bias",
    )  # fmt: skip
    beyond_ridge: ClassVar[tuple[str, ...]] = ("subjects", "spatial", "norm", "temporal")

    subjects: SubjectLayer
    spatial: Linear
    norm: LayerNorm
    temporal: Conv1d
    mix_eeg: jax.Array
    mix_sound: jax.Array
    sound_in: Conv1d
    sound_out: Linear
    readout: jax.Array
    dropout: eqx.nn.Dropout
    channel_dropout: eqx.nn.Dropout
    eeg_gain: float = eqx.field(static=True)
    log_temperature: jax.Array
    bias: jax.Array

    def __init__(
        self,
        n_channels: int,
        n_features: int,
        n_subjects: int,
        n_lags: int,
        *,
        n_hidden: int = 8,
        dropout: float = 0.3,
        eeg_gain: float = 0.0,
        channel_dropout: float = 0.0,
        average: float = 0.2,
        temperature: float = 5.0,
        bias: float = 2.0,
        key: jax.Array,
    ) -> None:
        keys = jax.random.split(key, 6)
        subjects = SubjectLayer(n_subjects, n_channels, average, key=keys[0])
        self.subjects = _zeroed(subjects, "weight")
        self.spatial = Linear(n_channels, n_hidden, key=keys[1])
        self.norm = LayerNorm(n_hidden)
        temporal = _conv(n_hidden, n_features + 1, n_lags, padding=0, key=keys[2])
        self.temporal = _zeroed(temporal, "weight", "bias")
        start = jnp.full(n_features, jnp.sqrt(_START / max(n_features - 1, 1))).at[0].set(1.0)
        self.mix_eeg, self.mix_sound = jnp.diag(start), jnp.diag(start)
        self.sound_in = _conv(n_features, n_hidden, 9, key=keys[3])
        self.sound_out = _zeroed(Linear(n_hidden, n_features, key=keys[4]), "weight", "bias")
        self.readout = jnp.zeros(n_features).at[0].set(1.0)
        self.dropout = eqx.nn.Dropout(dropout)
        self.eeg_gain = eeg_gain
        self.channel_dropout = eqx.nn.Dropout(channel_dropout)
        self.log_temperature = jnp.log(jnp.float32(temperature))
        self.bias = -jnp.float32(bias)

    def __call__(
        self,
        eeg: jax.Array,
        features: jax.Array,
        subject: jax.Array,
        linear: jax.Array,
        *,
        state: Any,
        key: Any = None,
    ) -> tuple[Views, Any]:
        """Embed EEG (n_times + n_lags - 1, n_channels) and sounds (..., n_times, n_features)."""
        n_times, n_channels = features.shape[1], eeg.shape[1]
        keys = [None] * 4 if key is None else jax.random.split(key, 4)
        linear = linear[:n_times]
        embedding, reconstruction = linear @ self.mix_eeg, linear @ self.readout
        if self.eeg_gain:
            silenced = self.channel_dropout(jnp.ones(n_channels, eeg.dtype), key=keys[0])
            x = self.subjects(eeg * silenced, subject, keys[1])
            hidden = self.dropout(jax.nn.gelu(self.norm(self.spatial(x))), key=keys[2])
            beyond = self.eeg_gain * self.temporal(hidden)
            embedding = embedding + beyond[:, :-1]
            reconstruction = reconstruction + beyond[:, -1]

        def encode(sound: jax.Array) -> jax.Array:
            return sound @ self.mix_sound + self.sound_out(jax.nn.gelu(self.sound_in(sound)))

        return Views(embedding, jax.vmap(encode)(features), reconstruction), state


def _zeroed(layer: Any, *names: str) -> Any:
    for name in names:
        zeros = jnp.zeros_like(getattr(layer, name))
        layer = eqx.tree_at(attrgetter(name), layer, zeros)
    return layer
