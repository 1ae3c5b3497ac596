"""Normalisation of an instance, of each time, or with statistics of the batch."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.layers.batching import BATCH


class InstanceNorm(eqx.Module):
    """Give every feature of an example mean 0 and variance 1: (..., n_features), same shape.

    Parameters
    ----------
    eps : float
        Added to the variance.
    """

    eps: float = eqx.field(static=True, default=1e-5)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalise."""
        axes = tuple(range(x.ndim - 1))
        return _standardised(x, *_moments(x, axes), self.eps).astype(x.dtype)


class LayerNorm(eqx.Module):
    """Give the features at every time mean 0 and variance 1, then scale and shift each.

    Parameters
    ----------
    n_features : int
        Number of features.
    eps : float
        Added to the variance.
    """

    weight: jax.Array
    bias: jax.Array
    eps: float = eqx.field(static=True)

    def __init__(self, n_features: int, eps: float = 1e-5) -> None:
        self.weight, self.bias = jnp.ones(n_features), jnp.zeros(n_features)
        self.eps = eps

    def __call__(self, x: jax.Array) -> jax.Array:
        """Normalise."""
        mean, variance = _moments(x, -1)
        y = _standardised(x, mean[..., None], variance[..., None], self.eps)
        return (y * self.weight + self.bias).astype(x.dtype)


class Gathered(eqx.Module):
    """Statistics that gather examples, as a `source` of `BatchNorm`.

    The running statistics become those of a sample in which this batch has the given `share`,
    between 0 and 1, and standardise it: 0 leaves them as they are, 1 takes those of the batch.
    `weight` is how much this example counts in the statistics; 0 for one that only fills the batch.
    """

    share: Any
    weight: Any


class BatchNorm(eqx.Module):
    """Standardise each feature with statistics of the batch, or of past batches.

    Called as ``y, state = norm(x, state)`` for one example inside `deep.layers.batched`; the
    running statistics are part of the state and not of the layer. The argument `source` of the call
    chooses the statistics:

    - "batch": those of this batch; the running ones move towards them;
    - "running": those of past batches; the state stays;
    - a number between 0 and 1: the weight of the running statistics in a mixture with those of
      the batch, towards which the running ones move;
    - a pair of arrays of shape (n_features,): a given mean and variance;
    - `Gathered`: running statistics that gather this batch;
    - None: "batch" in training, "running" in inference mode.

    Parameters
    ----------
    n_features : int
        Number of features.
    eps : float
        Added to the variance.
    momentum : float
        How far the running statistics move towards those of a batch.

    References
    ----------
    .. [1] Ioffe & Szegedy (2015), "Batch normalization: accelerating deep network training by
       reducing internal covariate shift", ICML 32, https://doi.org/10.48550/arXiv.1502.03167.
    """

    weight: jax.Array
    bias: jax.Array
    index: eqx.nn.StateIndex
    eps: float = eqx.field(static=True)
    momentum: float = eqx.field(static=True)
    inference: bool

    def __init__(self, n_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.weight, self.bias = jnp.ones(n_features), jnp.zeros(n_features)
        self.index = eqx.nn.StateIndex((jnp.zeros(n_features), jnp.ones(n_features)))
        self.eps, self.momentum = eps, momentum
        self.inference = False

    def __call__(
        self, x: jax.Array, state: eqx.nn.State, source: Any = None
    ) -> tuple[jax.Array, eqx.nn.State]:
        """Standardise (..., n_features), and move the running statistics."""
        if source is None:
            source = "running" if self.inference else "batch"
        if isinstance(source, str) and source not in ("batch", "running"):
            raise ValueError(
                "source must be 'batch', 'running', a weight of the running statistics, a pair of "
                f"mean and variance, or Gathered; got {source!r}"
            )
        running = state.get(self.index)
        if isinstance(source, Gathered):
            used = _gathered(x, running, source)
            state = state.set(self.index, jax.tree.map(lax.stop_gradient, used))
        elif isinstance(source, tuple):
            used = source
        elif isinstance(source, str) and source == "running":
            used = running
        else:
            batch, unbiased = self._batch_moments(x)
            old, new = 1 - self.momentum, self.momentum
            moved = (old * running[0] + new * batch[0], old * running[1] + new * unbiased)
            state = state.set(self.index, jax.tree.map(lax.stop_gradient, moved))
            used = batch
            if not isinstance(source, str):
                used = tuple(
                    source * r + (1 - source) * b for r, b in zip(running, batch, strict=True)
                )
        mean, variance = used
        y = _standardised(x, mean, variance, self.eps) * self.weight + self.bias
        return y.astype(x.dtype), state

    def _batch_moments(self, x: jax.Array) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        """Mean and variance over the batch, and the unbiased variance."""
        x = _at_least_single(x)
        axes = tuple(range(x.ndim - 1))
        mean = lax.pmean(x.mean(axes), BATCH)
        variance = lax.pmean(jnp.square(x - mean).mean(axes), BATCH)
        n = lax.psum(x.size // x.shape[-1], BATCH)
        return (mean, variance), variance * n / max(n - 1, 1)


def _gathered(x: jax.Array, running: Any, source: Gathered) -> tuple[jax.Array, jax.Array]:
    """Mean and variance of what was gathered so far, together with this batch."""
    x = _at_least_single(x)
    axes = tuple(range(x.ndim - 1))
    total = lax.psum(source.weight, BATCH)
    mean = lax.psum(source.weight * x.mean(axes), BATCH) / total
    variance = lax.psum(source.weight * jnp.square(x - mean).mean(axes), BATCH) / total
    share, (old_mean, old_variance) = source.share, running
    away = mean - old_mean
    within = (1 - share) * old_variance + share * variance
    return old_mean + share * away, within + share * (1 - share) * jnp.square(away)


def _moments(x: jax.Array, axes: Any) -> tuple[jax.Array, jax.Array]:
    x = _at_least_single(x)
    return x.mean(axes), x.var(axes)


def _at_least_single(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _standardised(x: jax.Array, mean: jax.Array, variance: jax.Array, eps: float) -> jax.Array:
    return (_at_least_single(x) - mean) * lax.rsqrt(variance + eps)
