"""Scaled dot-product attention as a formula."""

import jax
import jax.numpy as jnp
from jax import lax


def attend(queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
    r"""Average the values, weighted by the softmax of the similarity of queries and keys.

    .. math:: o_i = \sum_j v_j \exp(k_j^\top q_i) / \sum_j \exp(k_j^\top q_i)

    Time stands last, where matrix products with few features are fastest. Queries have shape
    (n_heads, size, n_times) and are already divided by the root of `size`; keys and values have
    shape (n_heads, size, n_keys). The averages, (n_heads, size, n_times), are in float32 at least.

    Examples
    --------
    >>> values = jnp.arange(3.0).reshape(1, 1, 3)
    >>> attend(jnp.zeros((1, 1, 2)), jnp.ones((1, 1, 3)), values).tolist()
    [[[1.0, 1.0]]]
    """
    dtype = jnp.result_type(values.dtype, jnp.float32)
    scores = jnp.einsum("hdj,hdi->hji", keys, queries, preferred_element_type=dtype)
    # The largest cancels: without a gradient of its own it saves a map of all pairs of times.
    weights = jnp.exp(scores - lax.stop_gradient(scores.max(axis=1, keepdims=True)))
    mixed = jnp.einsum(
        "hdj,hji->hdi", values, weights.astype(values.dtype), preferred_element_type=dtype
    )
    return mixed / weights.sum(axis=1, keepdims=True)
