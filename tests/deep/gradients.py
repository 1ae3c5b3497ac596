"""Gradients against central differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def check_gradient(function, make, eps=1e-6, tol=1e-6):
    """Compare directional derivatives of a function of the tree that `make` makes.

    In double precision, for random directions and a random combination of the outputs.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        tree, rest = eqx.partition(make(), eqx.is_inexact_array_like)
        leaves, treedef = jax.tree.flatten(tree)
        leaves = [np.asarray(leaf, dtype=np.float64) for leaf in leaves]
        shape = jax.eval_shape(lambda: function(make()))
        weight = rng.normal(size=shape.shape)

        @jax.jit
        def total(leaves):
            y = function(eqx.combine(jax.tree.unflatten(treedef, leaves), rest))
            assert y.dtype == jnp.float64
            return (weight * y).sum()

        gradient = jax.jit(jax.grad(total))(leaves)
        assert len(leaves) == len(gradient) > 0
        for _ in range(3):
            step = [rng.normal(size=leaf.shape) for leaf in leaves]
            up, down = (
                float(total([x + sign * eps * d for x, d in zip(leaves, step, strict=True)]))
                for sign in (1, -1)
            )
            slope = sum(float((g * d).sum()) for g, d in zip(gradient, step, strict=True))
            np.testing.assert_allclose((up - down) / (2 * eps), slope, rtol=tol, atol=tol)
