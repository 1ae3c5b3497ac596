"""Correlations of signals and of embeddings."""

import jax
import jax.numpy as jnp

# Added to squared norms, so that a silent window has similarity 0 and a finite gradient.
_EPS = 1e-12


def unit_vectors(x: jax.Array, per_feature: bool = False) -> jax.Array:
    """Take the mean off embeddings and scale them to length 1 over times and features.

    The product of two of them, summed over times and features, is a correlation.

    Parameters
    ----------
    x : jax.Array of shape (..., n_times, n_features)
        Embeddings.
    per_feature : bool
        Take off the mean of each feature over time, and not that over both.

    Returns
    -------
    unit : jax.Array
        Same shape; zero where there is nothing but the mean.

    Examples
    --------
    >>> unit = unit_vectors(jnp.arange(6.0).reshape(3, 2))
    >>> round(float(abs(unit.sum())), 5), round(float((unit**2).sum()), 5)
    (0.0, 1.0)
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    x = x - x.mean(-2 if per_feature else (-2, -1), keepdims=True)
    power = jnp.square(x).sum((-2, -1), keepdims=True)
    return x / jnp.sqrt(power + _EPS)


def pearson(x: jax.Array, y: jax.Array) -> jax.Array:
    """Pearson correlations over the last axis.

    Parameters
    ----------
    x, y : jax.Array of shape (..., n_times)
        Signals.

    Returns
    -------
    r : jax.Array of shape (...)
        Between -1 and 1; 0 where a signal is constant.

    Examples
    --------
    >>> round(float(pearson(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 4.0, 6.0]))), 6)
    1.0
    """
    return (unit_vectors(x[..., None]) * unit_vectors(y[..., None])).sum((-2, -1))
