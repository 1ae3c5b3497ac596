"""Scaled dot-product attention that never holds the maps of more than a few heads.

A map of all pairs of times is made when it is needed and again for the gradient, for a block of
heads at a time that fits into the cache of a processor. For 128 windows of 192 times and two heads
of four features, that takes a fraction of the time and the memory of the formula. A GPU has enough
to do with all heads at once, and the bandwidth for it: there, a block is everything.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import custom_batching, lax

# Bytes of the maps of a block; a step needs two or three of these.
BLOCK = 2**21


@jax.custom_vjp
def attend(queries: jax.Array, keys: jax.Array, values: jax.Array) -> jax.Array:
    """Compute what `deep.layers.dot_product.attend` does, with the same shapes."""
    return _forward(queries, keys, values)[0]


def _head(queries: jax.Array, keys: jax.Array, values: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Compute outputs of one head, and the logarithms of the sums that they are divided by."""
    scores = _product(keys.T, queries)
    largest = scores.max(axis=0)
    weights = jnp.exp(scores - largest).astype(values.dtype)
    # A row of ones sums the weights in the same product.
    mixed = _product(jnp.concatenate([values, jnp.ones_like(values[:1])]), weights)
    return mixed[:-1] / mixed[-1], largest + jnp.log(mixed[-1])


def _head_gradient(
    queries: jax.Array, keys: jax.Array, values: jax.Array,
    outputs: jax.Array, logarithms: jax.Array, gradient: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:  # fmt: skip
    """Gradients of queries, keys and values of one head."""
    dtype = values.dtype
    weights = jnp.exp(_product(keys.T, queries) - logarithms)
    slopes = _product(values.T, gradient.astype(dtype)) - (gradient * outputs).sum(axis=0)
    slopes = (weights * slopes).astype(dtype)
    # Products that sum over the queries are fastest with their long axis first.
    return (
        _product(keys, slopes).astype(dtype),
        _product(slopes, queries.T).T.astype(dtype),
        _product(weights.astype(dtype), gradient.T.astype(dtype)).T.astype(dtype),
    )


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=jnp.result_type(a.dtype, jnp.float32))


def _over_heads(of_head: Callable[..., Any]) -> Callable[..., Any]:
    """Apply a function of one head to many; vmap only adds to their number."""

    def blocked(*arrays: jax.Array) -> Any:
        n = len(arrays[0])
        n_pairs = arrays[0].shape[-1] * arrays[1].shape[-1]
        bytes_of_map = n_pairs * jnp.result_type(arrays[0].dtype, jnp.float32).itemsize
        n_blocks = -(-n * bytes_of_map // BLOCK)
        # Equal blocks need no copies; where there are none, the last one is smaller.
        n_blocks = next((k for k in range(n_blocks, 2 * n_blocks) if n % k == 0), n_blocks)
        n_blocks = min(n, n_blocks)
        if n_blocks == 1:
            return jax.vmap(of_head)(*arrays)
        return lax.map(lambda parts: of_head(*parts), arrays, batch_size=-(-n // n_blocks))

    @custom_batching.custom_vmap
    def over_heads(*arrays: jax.Array) -> Any:
        return lax.platform_dependent(*arrays, cpu=blocked, default=jax.vmap(of_head))

    @over_heads.def_vmap
    def over_batch(n: int, batched: list[bool], *arrays: jax.Array) -> Any:
        whole = [
            x if is_batched else jnp.broadcast_to(x, (n, *x.shape))
            for x, is_batched in zip(arrays, batched, strict=True)
        ]
        outputs = over_heads(*[x.reshape(-1, *x.shape[2:]) for x in whole])
        per_example = jax.tree.map(lambda x: x.reshape(n, -1, *x.shape[1:]), outputs)
        return per_example, jax.tree.map(lambda _: True, per_example)

    return partial(over_heads)


_forward = _over_heads(_head)
_backward = _over_heads(_head_gradient)


def _saved(queries: jax.Array, keys: jax.Array, values: jax.Array) -> tuple[jax.Array, tuple]:
    outputs, logarithms = _forward(queries, keys, values)
    return outputs, (queries, keys, values, outputs, logarithms)


def _gradients(saved: tuple, gradient: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    gradients: tuple[jax.Array, jax.Array, jax.Array] = _backward(*saved, gradient)
    return gradients


attend.defvjp(_saved, _gradients)
