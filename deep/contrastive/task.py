"""Training objective: cross-entropy, contrast of classes, or of metadata as well."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from deep.audio.augmentation import Augmentation
from deep.contrastive.network import Outputs
from deep.layers import batched
from deep.losses import metadata_contrast, mixed, supervised_contrast, weighted_cross_entropy

METHODS = ("ce", "scl", "hybrid", "mscl")


@dataclass(frozen=True)
class ClassificationTask:
    """Loss of a batch of clips, each of which is seen in two random variations.

    Attributes
    ----------
    method : {"ce", "scl", "hybrid", "mscl"}
        Cross-entropy; contrast of classes; a mixture of both; contrast of classes and metadata.
    temperature : float
        Divides the similarities of a contrast.
    alpha : float
        Weight of the contrast in the mixture with cross-entropy.
    lam : float
        Weight of the classes relative to the metadata.
    class_weights : tuple of float or None
        Of the cross-entropy; None for equal ones.
    augmentation : Augmentation
        How clips are varied.
    """

    method: str
    temperature: float
    alpha: float
    lam: float
    class_weights: tuple[float, ...] | None
    augmentation: Augmentation

    def __call__(
        self, model: Any, state: Any, batch: dict[str, jax.Array], key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
        """Loss, and the metrics that the history keeps."""
        # Nothing is varied when the network is only evaluated.
        training = not model.encoder.dropouts[0].inference
        n_views = 2 if training else 1
        views = {name: jnp.concatenate(n_views * [x]) for name, x in batch.items()}
        outputs, state = batched(
            model, views["x"], state=state, key=key if training else None,
            augmentation=self.augmentation if training else None,
        )  # fmt: skip
        loss = self._loss(outputs, views)
        return loss, (state, {"accuracy": self._accuracy(outputs, views, n_views)})

    def _loss(self, outputs: Outputs, views: dict[str, jax.Array]) -> jax.Array:
        labels, projections = views["y"], outputs.projections
        if self.method == "mscl":
            return metadata_contrast(
                projections[0], labels, projections[1:], views["metadata"], self.lam,
                self.temperature,
            )  # fmt: skip
        if self.method == "scl":
            return supervised_contrast(projections[0], labels, self.temperature)
        weights = None if self.class_weights is None else jnp.array(self.class_weights)
        assert outputs.logits is not None
        entropy = weighted_cross_entropy(outputs.logits, labels, weights)
        if self.method == "ce":
            return entropy
        return mixed(
            supervised_contrast(projections[0], labels, self.temperature), entropy, self.alpha
        )

    def _accuracy(self, outputs: Outputs, views: dict[str, jax.Array], n_views: int) -> jax.Array:
        """Share of right classes; without a layer for them, of the nearest other clip."""
        labels = views["y"]
        if outputs.logits is not None:
            right = outputs.logits.argmax(axis=1) == labels
            return right.mean(dtype=jnp.float32)
        z = outputs.embedding.astype(jnp.float32)
        z = z / jnp.sqrt(jnp.square(z).sum(axis=1, keepdims=True) + 1e-12)
        clip = jnp.tile(jnp.arange(len(labels) // n_views), n_views)
        similarity = jnp.where(clip[:, None] == clip[None], -2.0, z @ z.T)
        return (labels[similarity.argmax(axis=1)] == labels).mean(dtype=jnp.float32)


def outputs_of(model: Any, state: Any, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """Embed the clips ``x`` of a batch, and score their classes where the network does.

    Returns ``embedding``, and ``logits`` if there are any.
    """
    outputs, _ = batched(model, batch["x"], state=state)
    result = {"embedding": outputs.embedding}
    return result if outputs.logits is None else result | {"logits": outputs.logits}


@dataclass(frozen=True)
class VariedOutputs:
    """Embeddings of varied clips, for the layer that is trained after a contrast."""

    augmentation: Augmentation

    def __call__(self, model: Any, state: Any, batch: dict[str, jax.Array]) -> jax.Array:
        """Embed clips ``x``, varied by the random number ``seed`` of each."""

        def one(x: jax.Array, seed: jax.Array) -> jax.Array:
            key = jax.random.key(seed)
            outputs, _ = model(x, state=state, key=key, augmentation=self.augmentation)
            embedding: jax.Array = outputs.embedding
            return embedding

        return jax.vmap(one, axis_name="batch")(batch["x"], batch["seed"])
