import jax
import jax.numpy as jnp
import numpy as np

from deep.layers import Linear


def test_the_map_is_the_same_at_every_time(rng):
    layer = Linear(3, 2, key=jax.random.key(0))
    x = rng.normal(size=(4, 5, 3)).astype(np.float32)
    expected = np.einsum("abi,io->abo", x, np.asarray(layer.weight)) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_a_layer_computes_in_the_type_of_its_weights(rng):
    layer = Linear(3, 2, key=jax.random.key(0))
    half = jax.tree.map(lambda w: w.astype(jnp.bfloat16) if w.ndim > 1 else w, layer)
    x = rng.normal(size=(4, 3)).astype(np.float32)
    assert half(x).dtype == jnp.bfloat16
    np.testing.assert_allclose(half(x).astype(np.float32), layer(x), atol=0.05)
