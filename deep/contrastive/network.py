"""The network of the classifier: an encoder, a layer for classes, and projections to contrast."""

from typing import Any, NamedTuple

import equinox as eqx
import jax

from deep.audio.augmentation import Augmentation
from deep.contrastive.amaut import AMAUT, AMAuT
from deep.contrastive.panns import PANNs
from deep.layers import Linear

#: Size of the projections that are contrasted.
N_PROJECTION = 128


class Outputs(NamedTuple):
    """Outputs of the network for a clip.

    `embedding`, (n_embedding,), of the encoder; `logits`, (n_classes,), or None without a layer for
    classes; `projections`, each (N_PROJECTION,), for the classes and for each column of metadata,
    empty without a contrast.
    """

    embedding: jax.Array
    logits: jax.Array | None
    projections: tuple[jax.Array, ...]


class Projector(eqx.Module):
    """Two linear layers with ReLU between them: (n_inputs,) -> (N_PROJECTION,)."""

    first: Linear
    last: Linear

    def __init__(self, n_inputs: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        self.first = Linear(n_inputs, n_inputs, key=keys[0])
        self.last = Linear(n_inputs, N_PROJECTION, key=keys[1])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Project an embedding."""
        return self.last(jax.nn.relu(self.first(x)))


class ContrastiveNetwork(eqx.Module):
    """Encoder with a layer for classes, projections to contrast, or both.

    `encoder` holds the arguments of `deep.contrastive.panns.PANNs`, or of
    `deep.contrastive.amaut.AMAuT` if the backbone is one of its presets; without `n_classes` there
    is no layer for them.
    """

    encoder: PANNs | AMAuT
    head: Linear | None
    projectors: list[Projector]

    def __init__(
        self, encoder: dict[str, Any], n_classes: int, n_projectors: int, *, key: jax.Array
    ) -> None:
        keys = jax.random.split(key, n_projectors + 2)
        kind: Any = AMAuT if encoder["backbone"] in AMAUT else PANNs
        self.encoder = kind(**encoder, key=keys[0])
        size = self.encoder.n_embedding
        self.head = Linear(size, n_classes, key=keys[1]) if n_classes else None
        self.projectors = [Projector(size, key=k) for k in keys[2:]]

    def __call__(
        self, x: jax.Array, *, state: eqx.nn.State, key: jax.Array | None = None,
        augmentation: Augmentation | None = None, source: Any = None,
    ) -> tuple[Outputs, eqx.nn.State]:  # fmt: skip
        """Apply to a waveform, which is varied first where an augmentation is given."""
        keys: list[Any] = [None] * 3 if key is None else list(jax.random.split(key, 3))
        if augmentation is None:
            x = self.encoder.front(x)
        else:
            numbers = augmentation.draw(keys[0])
            x = self.encoder.front(augmentation.of_waveform(x, numbers, keys[1]))
            x = augmentation.of_spectrogram(x, numbers)
        embedding, state = self.encoder.embed(x, state=state, key=keys[2], source=source)
        logits = None if self.head is None else self.head(embedding)
        projections = tuple(projector(embedding) for projector in self.projectors)
        return Outputs(embedding, logits, projections), state
