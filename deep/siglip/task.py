"""Training objective of the networks, and how their outputs decide."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from deep.layers import batched
from deep.losses import pearson, sigmoid_contrast, unit_vectors
from deep.siglip.networks.thesis import Views


def views_of(model: Any, state: Any, batch: dict[str, jax.Array], key: Any = None) -> Any:
    """Apply a network to a batch of windows: its `Views`, examples first, and the new state.

    The network tells in `inputs` what it takes of the batch.
    """
    inputs = [batch[name] for name in model.inputs]
    if model.unit_windows:
        inputs = [_unit(x) if x.ndim > 1 else x for x in inputs]
    return batched(model, *inputs, state=state, key=key)


def _unit(x: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(-2, keepdims=True), 1e-30))


@dataclass(frozen=True)
class ContrastTask:
    """Contrast of EEG and sound, and correlation of the reconstruction with the envelope.

    Attributes
    ----------
    contrast_weight : float
        Weight of the contrast; that of the correlation is 1.
    masker_weight : float
        Weight of the window's competing sounds within the contrast; 0 leaves them out, as in the
        thesis.
    mask_same : bool
        Whether windows that share sound are no negatives of each other.
    n_window : int
        Length of a window in samples.
    """

    contrast_weight: float
    masker_weight: float
    mask_same: bool
    n_window: int

    def __call__(
        self, model: Any, state: Any, batch: dict[str, jax.Array], key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
        """Loss, and the metrics that the history keeps."""
        views, state = views_of(model, state, batch, key)
        e = unit_vectors(views.eeg, model.per_feature)
        a = unit_vectors(views.sounds, model.per_feature)
        e, a = e.reshape(len(e), -1), a.reshape(*a.shape[:2], -1)
        similarity = e @ a[:, 0].T
        hard = jnp.einsum("ni,nki->nk", e, a[:, 1:])
        contrast = sigmoid_contrast(
            similarity,
            model.log_temperature,
            model.bias,
            same=self.same_sound(batch) if self.mask_same else None,
            hard=hard if self.masker_weight else None,
            hard_weight=self.masker_weight,
        )
        r = pearson(views.reconstruction, batch["envelopes"][:, 0])
        others = pearson(views.reconstruction[:, None], batch["envelopes"][:, 1:])
        by_similarity = jnp.diagonal(similarity)[:, None] > hard
        metrics = {
            "contrast": contrast,
            "r": r.mean(),
            "accuracy": by_similarity.all(1).mean(dtype=jnp.float32),
            "r_accuracy": (r[:, None] > others).all(1).mean(dtype=jnp.float32),
        }
        loss = -r.mean()
        if self.contrast_weight:
            loss = loss + self.contrast_weight * contrast
        return loss, (state, metrics)

    def same_sound(self, batch: dict[str, Any]) -> Any:
        """Which windows share a piece of sound: bool, (n_examples, n_examples)."""
        sound, start = batch["sound"], batch["start"]
        near = abs(start[:, None] - start[None]) < self.n_window
        return (sound[:, None] == sound[None]) & near


def window_similarity(model: Any, state: Any, batch: dict[str, jax.Array]) -> Any:
    """Score the stimuli of whole windows in two ways, each (n_examples, n_stimuli).

    The first is the similarity of EEG and sound, the second the correlation of reconstruction and
    envelope.
    """
    views, _ = views_of(model, state, batch)
    e = unit_vectors(views.eeg, model.per_feature)[:, None]
    a = unit_vectors(views.sounds, model.per_feature)
    similarity = (e * a).sum((-2, -1))
    return similarity, pearson(views.reconstruction[:, None], batch["envelopes"])


def window_views(model: Any, state: Any, batch: dict[str, jax.Array]) -> Views:
    """Compute the outputs of a network for a batch of windows, examples first."""
    views: Views = views_of(model, state, batch)[0]
    return views
