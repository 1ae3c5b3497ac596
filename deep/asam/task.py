"""Training objective: every talker of a mixture, each under its own cue."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from deep.asam.network import Selected

_DB = 10 / jnp.log(10.0).item()
#: Largest ratio in decibels that still matters in training.
_MOST_DB = 30.0


def si_sdr(reference: jax.Array, estimate: jax.Array) -> jax.Array:
    r"""Scale-invariant signal-to-distortion ratio of waveforms, (..., n_samples), in decibels.

    As `cocktailparty.metrics.si_sdr`, except that errors more than 30 dB (`_MOST_DB`) below the
    reference count less and less. Means are not removed.
    """
    power = jnp.square(reference).sum(-1)
    scale = (reference * estimate).sum(-1) / (power + 1e-8)
    target = scale[..., None] * reference
    wanted = jnp.square(target).sum(-1)
    error = jnp.square(estimate - target).sum(-1)
    return _DB * (jnp.log(wanted + 1e-8) - jnp.log(error + 10 ** (-_MOST_DB / 10) * wanted + 1e-8))


@dataclass(frozen=True)
class SelectionTask:
    """Loss of a batch of mixtures with all of their talkers.

    A batch holds ``mixture`` (n_mixtures, n_samples); and for each mixture and place ``source``
    (n_mixtures, n_places, n_samples), ``cue`` (n_mixtures, n_places, n_cue) with ``n_cue`` valid
    samples, ``talker``, the number of the voice, and ``there``: 1 for a talker of the mixture, 0
    for the cue of one who is silent in it, and -1 for an empty place, which does not count.

    Attributes
    ----------
    loss : {"si-sdr", "magnitude"}
        For talkers who are present: their negative ratio in decibels, or the squared error of the
        magnitudes as in the paper. For those who are silent: the level of the output, or the same
        error.
    speaker_weight : float
        Weight of the cross-entropy by which cues tell the training voices apart.
    presence_weight : float
        Weight of the cross-entropy of presence, in which present and silent talkers count alike.
    """

    loss: str = "si-sdr"
    speaker_weight: float = 1.0
    presence_weight: float = 1.0

    def __call__(
        self, model: Any, state: Any, batch: dict[str, jax.Array], key: jax.Array
    ) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
        """Loss, and the metrics that the history keeps."""
        voices = jax.vmap(jax.vmap(model.voice))(batch["cue"], batch["n_cue"])
        selected = jax.vmap(model)(batch["mixture"], voices)
        present, silent = batch["there"] == 1, batch["there"] == 0
        asked = present | silent
        ratio = si_sdr(batch["source"], selected.waveforms)
        before = si_sdr(batch["source"], batch["mixture"][:, None])
        metrics = {"si_sdr": _mean(ratio, present),
                   "gain": _mean(ratio - before, present)}  # fmt: skip
        level = _level(selected.waveforms, batch["mixture"][:, None])
        if self.loss == "si-sdr":
            # Below -30 dB nothing more is gained: that is silent.
            loss = _mean(jnp.where(present, -ratio, level), asked)
        else:
            loss = self._magnitudes(model, selected, batch, asked)
        if self.presence_weight:
            entropy = _presence_entropy(selected, present)
            # Both count alike, though few are silent: else everybody would be there at 95 %.
            metrics["presence"] = (_mean(entropy, present) + _mean(entropy, silent)) / 2
            loss = loss + self.presence_weight * metrics["presence"]
        if self.speaker_weight:
            entropy, right = _speaker_entropy(voices, model.talkers, batch["talker"])
            named = asked & (batch["talker"] >= 0)
            metrics["voices"] = _mean(right, named)
            loss = loss + self.speaker_weight * _mean(entropy, named)
        return loss, (state, metrics)

    def _magnitudes(
        self, model: Any, selected: Selected, batch: dict[str, jax.Array], counted: jax.Array
    ) -> jax.Array:
        """Squared error of the magnitudes over the frames that are not padding."""
        mixture, source = (
            jnp.vectorize(model.magnitude, signature="(n)->(t,f)")(batch[name])
            for name in ("mixture", "source")
        )
        error = jnp.square(selected.masks * mixture[:, None] - source).mean(-1)
        sounds = (mixture > 0).any(-1)[:, None]
        weight = (counted[..., None] & sounds).astype(error.dtype)
        return (error * weight).sum() / jnp.maximum(weight.sum(), 1)


def _presence_entropy(selected: Selected, present: jax.Array) -> jax.Array:
    """Cross-entropy of presence, of all frames together."""
    logit = selected.presence.mean(-1)
    return jnp.where(present, jax.nn.softplus(-logit), jax.nn.softplus(logit))


def _speaker_entropy(
    voices: jax.Array, talkers: jax.Array, numbers: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Cross-entropy of the training voices, and whether the nearest is the right one."""
    unit = talkers / jnp.linalg.norm(talkers, axis=1, keepdims=True)
    # Cosines times 15: sharp enough that a few hundred voices can be told apart for certain.
    logits = 15 * voices @ unit.T
    number = jnp.maximum(numbers, 0)
    logit = jnp.take_along_axis(logits, number[..., None], -1)[..., 0]
    return jax.nn.logsumexp(logits, axis=-1) - logit, logits.argmax(-1) == number


def _level(x: jax.Array, mixture: jax.Array) -> jax.Array:
    """Level in decibels against the mixture, never less than -30 dB."""
    share = jnp.square(x).sum(-1) / (jnp.square(mixture).sum(-1) + 1e-8)
    return _DB * jnp.log(share + 10 ** (-_MOST_DB / 10))


def _mean(values: jax.Array, chosen: jax.Array) -> jax.Array:
    """Mean of the chosen values; 0 if there are none."""
    total = jnp.where(chosen, values, 0).sum().astype(jnp.float32)
    return total / jnp.maximum(chosen.sum(), 1)
