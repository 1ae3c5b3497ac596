"""Affine maps of the features."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp


def uniform(key: jax.Array, shape: tuple[int, ...], fan_in: int) -> jax.Array:
    """Draw float32 weights, uniform within plus and minus one over the root of `fan_in`.

    `fan_in` is the number of inputs that each output sums.
    """
    bound = 1 / math.sqrt(fan_in)
    return jax.random.uniform(key, shape, minval=-bound, maxval=bound)


class Linear(eqx.Module):
    """The same affine map at every time: (..., n_inputs) -> (..., n_outputs).

    Parameters
    ----------
    n_inputs, n_outputs : int
        Numbers of features.
    key : jax.Array
        Random key of the initial weights, which are uniform and shrink with `n_inputs`.
    """

    weight: jax.Array
    bias: jax.Array

    def __init__(self, n_inputs: int, n_outputs: int, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        self.weight = uniform(keys[0], (n_inputs, n_outputs), n_inputs)
        self.bias = uniform(keys[1], (n_outputs,), n_inputs)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Map the features."""
        dtype = self.weight.dtype
        return jnp.matmul(x.astype(dtype), self.weight) + self.bias.astype(dtype)
